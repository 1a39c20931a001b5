"""Base class and permissions of the schema admin pages."""

from typing import Any

from django.http import Http404, HttpRequest

from accounts.actor import Actor, ActorKind
from accounts.admin_actor import ReadOnlyAdmin, actor_of

STYLES = ["core/details.css", "core/controls.css", "core/jobs.css", "schemas/editor.css"]
MAY_CHANGE, MAY_VIEW = "schemas.change_schema", "schemas.view_schema"


class StoredAdmin(ReadOnlyAdmin):
    """Admin of rows that only the schema services write."""

    def found(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the row. Raises Http404, instead of redirecting like Django's change view."""
        row = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        return row


def may_edit_schemas(request: HttpRequest) -> bool:
    return request.user.has_perm(MAY_CHANGE)


def may_view_schemas(request: HttpRequest) -> bool:
    return request.user.has_perm(MAY_VIEW) or may_edit_schemas(request)


def drafter_of(request: HttpRequest) -> Actor:
    """Return the actor to record as author of a draft; a system actor named after a user who is no member."""
    actor = actor_of(request)
    if actor is not None:
        return actor
    user: Any = request.user
    return Actor(kind=ActorKind.SYSTEM, name=user.get_full_name() or user.get_username(), user_id=user.pk)
