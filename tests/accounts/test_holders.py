"""Who holds a permission: as a condition of a query, as a queryset, and as Django sees it."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission

from accounts.actor import member_actor
from accounts.models import Member, User
from accounts.queries import has_permission, holders_of

pytestmark = pytest.mark.django_db

OWN, BY_GROUP = "contacts.view_contact", "contacts.delete_contact"
UNKNOWN = "contacts.no_such_permission"


def permission(name: str) -> Permission:
    app_label, _dot, codename = name.partition(".")
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)


@pytest.fixture
def member(make_member: Any) -> Member:
    """It has one permission itself, and one by a group."""
    member = make_member(permissions=())
    member.user.user_permissions.add(permission(OWN))
    group = Group.objects.create(name="Keepers")
    group.permissions.add(permission(BY_GROUP))
    member.user.groups.add(group)
    return member


def held_by(member: Member) -> set[str]:
    """What the three agree on."""
    user = User.objects.get(pk=member.user_id)
    names = (OWN, BY_GROUP, "contacts.add_contact", "accounts.view_contact", UNKNOWN)
    by_condition = {
        name for name in names if Member.objects.filter(has_permission(member_actor(member), name), pk=member.pk)
    }
    assert by_condition == {name for name in names if user.has_perm(name)}
    assert by_condition == {name for name in names if holders_of(name).contains(user)}
    return by_condition


def test_no_other_permission_and_none_of_another_member(member: Member, make_member: Any) -> None:
    assert held_by(make_member(permissions=())) == set()
    assert held_by(member) == {OWN, BY_GROUP}


def test_who_may_not_log_in_has_none(member: Member) -> None:
    member.user.is_active = False
    member.user.save()
    assert held_by(member) == set()


def test_a_superuser_has_all(make_member: Any) -> None:
    assert OWN in held_by(make_member(permissions=(), is_superuser=True))
