"""Admin pages for contacts. Details change through the services, never through Django's model form."""

from contacts.admin.contact import ContactAdmin

__all__ = ["ContactAdmin"]
