"""Admin pages for contacts. Details change through the services, never through Django's model form."""

from contacts.admin.contact import ContactAdmin
from contacts.admin.members import AssignedInline, NewAssignmentInline

__all__ = ["AssignedInline", "ContactAdmin", "NewAssignmentInline"]
