"""Admin pages for change requests: the queue, the review and the policies. Requests change only through services."""

from changerequests.admin.policies import PolicyAdmin
from changerequests.admin.requests import ChangeRequestAdmin

__all__ = ["ChangeRequestAdmin", "PolicyAdmin"]
