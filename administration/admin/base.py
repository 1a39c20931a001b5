"""Base class of the admins of rows that are never deleted."""

from django.db.models import Model
from django.http import HttpRequest

from accounts.admin_actor import CappedAdmin


class KeptAdmin(CappedAdmin):
    """Rows that are never deleted, because the history or contacts refer to them."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
