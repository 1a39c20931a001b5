"""Contact groups in the admin, and the groups of a contact on its pages."""

from contactgroups.admin.contacts import GROUPS
from contactgroups.admin.groups import ContactGroupAdmin

__all__ = ["GROUPS", "ContactGroupAdmin"]
