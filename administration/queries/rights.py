"""The rights of users and of groups as documents, which their change requests compare."""

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Case,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Collate, Concat, JSONObject, NullIf, Trim
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import Member, ProviderGroup, ProviderIdentity, User
from accounts.queries import NOTHING
from core.documents import Document

_FULL_NAME = Trim(Concat("first_name", Value(" "), "last_name"), output_field=TextField())
# A user as lists and pages name it.
NAME_OF_USER = Case(
    When(first_name="", last_name="", then=F("username")),
    default=Concat(_FULL_NAME, Value(" ("), "username", Value(")")),
    output_field=TextField(),
)


def users_with_rights(users: QuerySet[User]) -> QuerySet[Any]:
    """Annotate each user with `rights`, its document, and `shown_name`, in the same query."""
    groups = User.groups.through.objects.filter(user=OuterRef("pk")).order_by("group")
    participants = Member.participants.through.objects.filter(member__user=OuterRef("pk")).order_by("participant")
    identities = ProviderIdentity.objects.filter(user=OuterRef("pk")).order_by(*_in_code_order("issuer", "subject"))
    devices = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True).order_by("-pk")
    return users.annotate(
        shown_name=NAME_OF_USER,
        rights=JSONObject(
            username="username",
            email=NullIf("email", Value("")),
            firstName=NullIf("first_name", Value("")),
            lastName=NullIf("last_name", Value("")),
            isActive="is_active",
            isStaff="is_staff",
            isSuperuser="is_superuser",
            groups=ArraySubquery(groups.values("group_id")),
            permissions=ArraySubquery(_names(Permission.objects.filter(user=OuterRef("pk")))),
            isMember=ExpressionWrapper(Q(member__isnull=False), BooleanField()),
            manager="member__manager_id",
            participants=ArraySubquery(participants.values("participant_id")),
            seesAllContacts=Coalesce("member__sees_all_contacts", False),
            # Since when, so that another one that is set up meanwhile is another value.
            secondFactor=Subquery(devices.values("created_at")[:1]),
            identities=ArraySubquery(identities.values(found=JSONObject(issuer="issuer", subject="subject"))),
        ),
    )


def groups_with_rights(groups: QuerySet[Group]) -> QuerySet[Any]:
    """Annotate each group with `rights`, its document, in the same query."""
    permissions = Permission.objects.filter(group=OuterRef("pk"))
    provided = ProviderGroup.objects.filter(group=OuterRef("pk")).order_by(*_in_code_order("issuer", "name"))
    return groups.annotate(
        rights=JSONObject(
            name="name",
            permissions=ArraySubquery(_names(permissions)),
            providerGroups=ArraySubquery(provided.values(found=JSONObject(issuer="issuer", name="name"))),
        )
    )


def rights_of(row: Any) -> Document:
    """Return the document of a user or a group that is annotated with it."""
    document: Document = row.rights
    return document


def permission_names(permissions: Iterable[Permission]) -> list[str]:
    """Return the permissions as documents name them, such as `accounts.view_user`, in order."""
    return sorted(f"{permission.content_type.app_label}.{permission.codename}" for permission in permissions)


def named_permissions(names: Collection[str]) -> QuerySet[Permission]:
    """Return the permissions with these names."""
    found = NOTHING
    for name in names:
        app_label, _dot, codename = name.partition(".")
        found |= Q(content_type__app_label=app_label, codename=codename)
    return Permission.objects.filter(found).select_related("content_type")


def _names(permissions: QuerySet[Permission]) -> QuerySet[Any]:
    named = permissions.annotate(name_in_full=Concat("content_type__app_label", Value("."), "codename"))
    return named.order_by(*_in_code_order("name_in_full")).values("name_in_full")


def _in_code_order(*columns: str) -> list[Collate]:
    """Return the order of these columns in Python, whatever the order of the database."""
    return [Collate(column, "C") for column in columns]
