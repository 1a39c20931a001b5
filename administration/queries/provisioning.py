"""Users and groups as the institution's directory sees them over SCIM."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    F,
    Field,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import NullIf

from accounts.models import User
from accounts.second_factor import OF_STAFF
from administration.models import ProvisionedMembership

_EMPTY = Value("")


def directory_users() -> QuerySet[Any]:
    """Return the users that the directory sees, each with what it says of them: staff, and those that it has made.

    Not superusers: whatever the directory says, the institution comes in.
    """
    seen = User.objects.filter(OF_STAFF | Q(provisioned__isnull=False), is_superuser=False)
    return (
        seen.exclude(provisioned__is_deleted=True)
        .select_related("provisioned")
        .annotate(
            said_name=_said("user_name", "username"),
            said_given=_said("given_name", NullIf("first_name", _EMPTY)),
            said_family=_said("family_name", NullIf("last_name", _EMPTY)),
            said_email=_said("email", NullIf("email", _EMPTY)),
            said_active=_said("is_active", "is_active", BooleanField()),
            said_external=F("provisioned__external_id"),
            said_since=_said("created_at", "date_joined", DateTimeField()),
            said_changed=_said("changed_at", "date_joined", DateTimeField()),
        )
    )


def _said(column: str, own: Any, field: Field | None = None) -> Case:
    """Return what the directory says, or the column of whom or what it has never written to."""
    return Case(
        When(provisioned__isnull=False, then=F(f"provisioned__{column}")),
        default=own,
        output_field=field or CharField(),
    )


def directory_groups() -> QuerySet[Any]:
    """Return the groups that the directory sees, each with what it says of them."""
    return (
        Group.objects.exclude(provisioned__is_deleted=True)
        .select_related("provisioned")
        .annotate(
            said_name=_said("display_name", "name"),
            said_external=F("provisioned__external_id"),
            said_since=F("provisioned__created_at"),
            said_changed=F("provisioned__changed_at"),
        )
    )


Pairs = Sequence[tuple[int, int]]


def memberships(*, users: Iterable[int] | None = None, groups: Iterable[int] | None = None) -> Pairs:
    """Return (group, user) of those who are in a group, or whom the directory has put there and who wait for it."""
    links: Any = User.groups.through.objects.all()
    said = ProvisionedMembership.objects.all()
    if users is not None:
        links, said = links.filter(user__in=users), said.filter(user__in=users)
    if groups is not None:
        links, said = links.filter(group__in=groups), said.filter(group__in=groups)
    return sorted({*links.values_list("group_id", "user_id"), *said.values_list("group_id", "user_id")})


def names_of(groups: Iterable[int]) -> Mapping[int, str]:
    """Return what the directory calls these groups; those that it does not see are left out."""
    return dict(directory_groups().filter(pk__in=groups).values_list("pk", "said_name"))


def seen_users(users: Iterable[int]) -> set[int]:
    """Return those of the users that the directory sees."""
    return set(directory_users().filter(pk__in=users).values_list("pk", flat=True))
