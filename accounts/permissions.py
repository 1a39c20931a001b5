"""What an operation may require of its caller. Views declare it; `accounts.views.ActorView` enforces it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.actor import Actor, ActorKind
from core.errors import Forbidden

APPS = frozenset({ActorKind.APP})
MEMBERS = frozenset({ActorKind.MEMBER})
STAFF = APPS | MEMBERS
ANYONE = STAFF | {ActorKind.CONTACT}


@dataclass(frozen=True)
class Access:
    """The requirements of an operation: a scope, the kinds of actor and, for members, a Django permission.

    One of `other_scopes` will do as well.
    """

    scope: str
    kinds: frozenset[ActorKind]
    member_permission: str | None = None
    other_scopes: tuple[str, ...] = ()


def check_member_permission(actor: Actor, permission: str) -> None:
    """Raise Forbidden unless the member's user has the Django permission."""
    if not actor.has_perm(permission):
        raise Forbidden(_("You lack the permission %(permission)s.") % {"permission": permission})
