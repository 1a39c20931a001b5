"""Queries for members, and for the actor of a token."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import BooleanField, IntegerField, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from accounts.actor import Actor, member_actor
from accounts.models import Member, User
from core.errors import NotFound

# The condition that no row meets.
NOTHING = Q(pk__in=[])

# From a member downwards, using the index on manager_id. UNION (not ALL) terminates even on cyclic data.
BELOW = """
    WITH RECURSIVE below AS (
        SELECT %s::integer AS id
        UNION
        SELECT member.id FROM accounts_member member JOIN below ON member.manager_id = below.id
    )
    SELECT id FROM below
"""

# What `holders_of` selects, asked about one user and as text: the conditions of a search name a dozen permissions, and
# to compile a queryset for each takes longer than to run them all.
HOLDS = """
    EXISTS (
        SELECT 1 FROM accounts_user holder
        WHERE holder.id = %s AND holder.is_active AND (
            holder.is_superuser
            OR EXISTS (
                SELECT 1 FROM auth_permission permission
                JOIN django_content_type ON django_content_type.id = permission.content_type_id
                WHERE django_content_type.app_label = %s AND permission.codename = %s AND (
                    EXISTS (
                        SELECT 1 FROM accounts_user_user_permissions own
                        WHERE own.permission_id = permission.id AND own.user_id = holder.id
                    )
                    OR EXISTS (
                        SELECT 1 FROM auth_group_permissions granted
                        JOIN accounts_user_groups joined ON joined.group_id = granted.group_id
                        WHERE granted.permission_id = permission.id AND joined.user_id = holder.id
                    )
                )
            )
        )
    )
"""


def member_and_below(member_id: int) -> RawSQL:
    """Return the ids of a member and of all members below it, as a subquery for `__in`."""
    return RawSQL(BELOW, [member_id])  # noqa: S611 - a constant text with one bound parameter


def members_below(member_id: int) -> QuerySet[Member]:
    """Return the member and all members below it."""
    return Member.objects.filter(pk__in=member_and_below(member_id))


def hierarchy_of(member_id: int) -> tuple[int, ...]:
    """Return the ids of the member and of all members below it."""
    return tuple(members_below(member_id).order_by().values_list("pk", flat=True))


def with_hierarchy(actor: Actor) -> Actor:
    """Return the actor with its hierarchy, loaded by a small query of its own, for queries about many contacts.

    With the ids as values, PostgreSQL knows their number and plans well both for a reviewer with a few contacts and for
    the head of a department. For a subquery it can only guess, and scans everybody's requests for those of the former.
    For a query about one contact the subquery costs nothing, whereas an extra query would.
    """
    if actor.member_id is None or actor.sees_all_contacts or actor.hierarchy is not None:
        return actor
    return replace(actor, hierarchy=hierarchy_of(actor.member_id))


def holders_of(permission: str) -> QuerySet[User]:
    """Return the active users who have a permission: their own, by a group, or as superusers."""
    return User.objects.with_perm(permission, backend="django.contrib.auth.backends.ModelBackend")


def has_permission(actor: Actor, permission: str) -> Q:
    """Return the condition that the actor has a permission; a subquery only if its permissions are not loaded."""
    if actor.permissions is not None:
        return Q() if actor.has_perm(permission) else NOTHING
    app_label, _dot, codename = permission.partition(".")
    return Q(RawSQL(HOLDS, [actor.user_id or 0, app_label, codename], BooleanField()))  # noqa: S611 - as above


def member_seen_by(*, actor: Actor, member_id: int) -> Member:
    """Return the member for whom the actor may search: itself or a member below it.

    Apps, and members who see all contacts, may search for any member. Raises NotFound for anybody else.
    """
    members = Member.objects.all()
    if actor.is_member and not actor.sees_all_contacts and actor.member_id is not None:
        members = members_below(actor.member_id)
    member = members.filter(pk=member_id).first()
    if member is None:
        raise NotFound(_("There is no member with this id that you can see."))
    return member


class CappedCount(Subquery):
    """The number of rows of a queryset, as a value in another query. Stops counting at `most`."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"

    def __init__(self, rows: QuerySet[Any], *, most: int) -> None:
        super().__init__(rows.order_by().values("pk")[:most], output_field=IntegerField())


def capped_counts(*, actor: Actor, rows: Mapping[str, QuerySet[Any]], most: int) -> dict[str, int]:
    """Return the number of rows of each queryset, at most `most`. The actor must be a member. One statement."""
    counts: dict[str, Any] = {f"count_{name}": CappedCount(queryset, most=most) for name, queryset in rows.items()}
    # The values need a row to select from: the member's own always exists.
    found: dict[str, Any] = dict(Member.objects.filter(pk=actor.member_id or 0).values("pk", **counts).get())
    return {name: found[f"count_{name}"] for name in rows}


def capped_text(count: int, most: int) -> str:
    """Return a number of rows for people: `500+` where counting stopped at `most`."""
    number = number_format(count, use_l10n=True, force_grouping=True)
    return f"{number}+" if count >= most else number


def actor_of_user(user_id: int | None) -> Actor | None:
    """Return the actor of the member behind a user, for work outside a session; None for users who are not members."""
    if user_id is None:
        return None
    member = Member.objects.select_related("user").filter(user_id=user_id, user__is_active=True).first()
    return None if member is None else member_actor(member)


def member_named(username: str) -> Member | None:
    """Return the member with this username, whatever its case."""
    return Member.objects.filter(user__username__iexact=username).first()
