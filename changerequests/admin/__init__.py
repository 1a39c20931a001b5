"""The queue of change requests and their review. A request changes through the services alone."""

from changerequests.admin.requests import ChangeRequestAdmin

__all__ = ["ChangeRequestAdmin"]
