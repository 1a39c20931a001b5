"""Decides which actor may call which operation, from what each view declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.actor import Actor, ActorKind
from core.errors import Forbidden, MethodNotAllowed

if TYPE_CHECKING:
    # DRF imports its default permissions while it defines this class.
    from rest_framework.views import APIView

APPS = frozenset({ActorKind.APP})
MEMBERS = frozenset({ActorKind.MEMBER})
STAFF = APPS | MEMBERS
ANYONE = STAFF | {ActorKind.CONTACT}


@dataclass(frozen=True)
class Access:
    """The requirements of an operation: a scope, the kinds of actor and, for members, a Django permission."""

    scope: str
    kinds: frozenset[ActorKind]
    member_permission: str | None = None

    def check(self, actor: Actor) -> None:
        """Raise Forbidden, naming what is missing."""
        if self.scope not in actor.scopes:
            raise Forbidden(_("The token lacks the scope %(scope)s.") % {"scope": self.scope})
        if actor.kind not in self.kinds:
            raise Forbidden(_("This operation is not open to your kind of caller."))
        if self.member_permission and actor.is_member:
            check_member_permission(actor, self.member_permission)


def check_member_permission(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the member's user has the Django permission."""
    if not actor.has_perm(permission):
        raise Forbidden(_("You lack the permission %(permission)s.") % {"permission": permission})


class AccessPermission(BasePermission):
    """Enforces the view's `access`; a method without an entry does not exist."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        access: Access | None = getattr(view, "access", {}).get(request.method)
        if access is None:
            raise MethodNotAllowed(_("The method is not allowed here."))
        access.check(cast(Actor, request.user))
        return True
