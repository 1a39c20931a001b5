"""Admin pages for change requests: the queue and the review. Requests change only through the services."""

from changerequests.admin.requests import ChangeRequestAdmin

__all__ = ["ChangeRequestAdmin"]
