"""Admin pages for contacts. Details change through the services, never through Django's model form."""

from contacts.admin.contact import ContactAdmin
from contacts.admin.looked import AccessAdmin
from contacts.admin.members import AssignedInline, NewAssignmentInline
from contacts.admin.systems import ExternalSystemAdmin

__all__ = ["AccessAdmin", "AssignedInline", "ContactAdmin", "ExternalSystemAdmin", "NewAssignmentInline"]
