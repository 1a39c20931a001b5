"""The actor: the caller of an operation. Every rule is about an actor, and there always is one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

import structlog

from accounts.models import Member, User
from accounts.scopes import ALL_SCOPES
from core.prepared import Param


class ActorKind(StrEnum):
    APP = "app"
    MEMBER = "member"
    CONTACT = "contact"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """The caller, resolved once per request from the bearer token or, in the admin, from the session.

    An app has `application_id` and the `participant_ids` that restrict it (none: it sees all contacts); a member has
    `member_id` and `member_uid`; a contact has `contact_id` and `contact_uid`; a system actor has only a name.

    A system actor with `is_operator` is a command that somebody runs: what it submits waits like a member's.

    `permissions` has those of a member's user, if a token or session was read; `is_superuser` means all of them.
    `hierarchy` has the ids of the member and the members below it, if they were loaded (`with_hierarchy`).

    `via_application_id` is the application through which a member or contact calls, by the token of `token_checksum`.
    """

    kind: ActorKind
    name: str
    scopes: frozenset[str] = frozenset()
    user_id: int | None = None
    application_id: int | None = None
    participant_ids: tuple[int, ...] = ()
    member_id: int | None = None
    member_uid: UUID | None = None
    sees_all_contacts: bool = False
    contact_id: int | None = None
    contact_uid: UUID | None = None
    hierarchy: tuple[int, ...] | None = None
    is_superuser: bool = field(default=False, compare=False)
    permissions: frozenset[str] | None = field(default=None, compare=False, repr=False)
    is_operator: bool = False
    via_application_id: int | None = field(default=None, compare=False)
    token_checksum: str = field(default="", compare=False, repr=False)
    _user: User | None = field(default=None, compare=False, repr=False)

    is_authenticated = True

    @property
    def is_member(self) -> bool:
        return self.kind is ActorKind.MEMBER

    @property
    def identity(self) -> int | str | None:
        """The actor's id within its kind; for a system actor, its name."""
        return self.application_id or self.member_id or self.contact_id or self.name

    @property
    def key(self) -> str:
        """A key that no two actors share, for rate limits and idempotency."""
        return f"{self.kind}:{self.application_id or self.user_id}"

    def bind_to_log(self) -> None:
        """Add the actor's kind and id to all further log lines; never its name: logs hold no personal data."""
        structlog.contextvars.bind_contextvars(actor_kind=self.kind, actor_id=self.identity)

    @property
    def is_contact(self) -> bool:
        return self.kind is ActorKind.CONTACT

    @cached_property
    def user(self) -> User | None:
        """The actor's user, loaded on first access: most requests never need it."""
        if self._user is not None or self.user_id is None:
            return self._user
        return User.objects.get(pk=self.user_id)

    def has_perm(self, permission: str) -> bool:
        """Return whether the actor's user has a Django permission. False for apps, which only scopes restrict."""
        if self.permissions is not None:
            return self.is_superuser or permission in self.permissions
        return self.user is not None and self.user.has_perm(permission)


@dataclass(frozen=True, slots=True)
class VisibilityScope:
    """Everything that determines the SQL of visibility except the ids: actors with equal scopes share their queries.

    `actor` is such an actor with parameters instead of ids; `scope_params` returns their values.
    """

    kind: ActorKind
    sees_all_contacts: bool
    has_participants: bool

    @classmethod
    def of(cls, actor: Actor) -> "VisibilityScope":
        return cls(actor.kind, actor.sees_all_contacts, bool(actor.participant_ids))

    @property
    def actor(self) -> Actor:
        params: dict[str, Any] = {name: Param(name) for name in ("member_id", "contact_id")}
        if self.has_participants:
            params["participant_ids"] = Param("participant_ids")
        return Actor(kind=self.kind, name="", sees_all_contacts=self.sees_all_contacts, **params)


# Names of the parameters for an actor's ids.
SCOPE_PARAMS = ("member_id", "contact_id", "participant_ids")


def scope_params(actor: Actor) -> Mapping[str, Any]:
    """Return the actor's ids as parameters of a query prepared for its scope."""
    return {
        "member_id": actor.member_id,
        "contact_id": actor.contact_id,
        "participant_ids": list(actor.participant_ids),
    }


def system_actor(name: str) -> Actor:
    """Return the actor of a job or a command: it sees everything, and the history names it."""
    return Actor(kind=ActorKind.SYSTEM, name=name, scopes=frozenset(ALL_SCOPES), sees_all_contacts=True)


def operator_actor(name: str) -> Actor:
    """Return the actor of a command whose changes have to wait where those of a member do."""
    return replace(system_actor(name), is_operator=True)


def member_actor(member: Member, *, permissions: frozenset[str] | None = None) -> Actor:
    """Return a member's actor in the admin. It has every scope, because Django permissions apply there instead.

    Without `permissions`, those of its user are read when they are asked for.
    """
    return Actor(
        kind=ActorKind.MEMBER,
        name=member.name,
        scopes=frozenset(ALL_SCOPES),
        user_id=member.user_id,
        member_id=member.pk,
        member_uid=member.uid,
        sees_all_contacts=member.sees_all_contacts,
        is_superuser=member.user.is_superuser,
        permissions=permissions,
        _user=member.user,
    )
