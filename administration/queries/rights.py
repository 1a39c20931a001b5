"""The rights of users and of groups as documents, which their change requests compare."""

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from accounts.models import Member, User
from core.documents import Document


def users_with_rights(users: QuerySet[User]) -> QuerySet[Any]:
    """Annotate what `rights_of` needs, in the same query."""
    groups = User.groups.through.objects.filter(user=OuterRef("pk")).order_by("group")
    participants = Member.participants.through.objects.filter(member__user=OuterRef("pk")).order_by("participant")
    return users.select_related("member").annotate(
        group_ids=ArraySubquery(groups.values("group_id")),
        permission_names=ArraySubquery(_names(Permission.objects.filter(user=OuterRef("pk")))),
        participant_ids=ArraySubquery(participants.values("participant_id")),
    )


def rights_of(user: Any) -> Document:
    """Return the document of a user that `users_with_rights` has found."""
    member = getattr(user, "member", None)
    return {
        "username": user.username,
        "email": user.email or None,
        "firstName": user.first_name or None,
        "lastName": user.last_name or None,
        "isActive": user.is_active,
        "isStaff": user.is_staff,
        "isSuperuser": user.is_superuser,
        "groups": list(user.group_ids),
        "permissions": list(user.permission_names),
        "isMember": member is not None,
        "manager": None if member is None else member.manager_id,
        "participants": list(user.participant_ids),
        "seesAllContacts": member is not None and member.sees_all_contacts,
    }


def groups_with_rights(groups: QuerySet[Group]) -> QuerySet[Any]:
    """Annotate what `rights_of_group` needs, in the same query."""
    permissions = Permission.objects.filter(group=OuterRef("pk"))
    return groups.annotate(permission_names=ArraySubquery(_names(permissions)))


def rights_of_group(group: Any) -> Document:
    """Return the document of a group that `groups_with_rights` has found."""
    return {"name": group.name, "permissions": list(group.permission_names)}


def permission_names(permissions: Iterable[Permission]) -> list[str]:
    """Return the permissions as documents name them, such as `accounts.view_user`, in order."""
    return sorted(f"{permission.content_type.app_label}.{permission.codename}" for permission in permissions)


def named_permissions(names: Collection[str]) -> QuerySet[Permission]:
    """Return the permissions with these names."""
    found = Q(pk__in=[])
    for name in names:
        app_label, _dot, codename = name.partition(".")
        found |= Q(content_type__app_label=app_label, codename=codename)
    return Permission.objects.filter(found).select_related("content_type")


def _names(permissions: QuerySet[Permission]) -> QuerySet[Any]:
    named = permissions.annotate(name_in_full=Concat("content_type__app_label", Value("."), "codename"))
    return named.order_by("name_in_full").values("name_in_full")
