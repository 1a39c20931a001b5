"""Roles and permissions in words: what is shipped, what pickers offer, and what each permission opens."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client

from accounts.models import Member
from administration.bootstrap import Person, create_first_people
from administration.permissions import WORDS, offered_permissions
from administration.roles import ADMINISTRATOR, AUDITOR, REVIEWER, ROLES
from changerequests.models import ChangeRequest
from operations.doors.openings import openings, page_permission
from tests.administration.approving import approve, waiting
from tests.browserless import sent_by
from tests.security.test_same_right_by_every_way import WAYS

pytestmark = pytest.mark.django_db
CODE = ("accounts", "administration", "changerequests", "contactgroups", "contacts", "importexport", "legalentities")
CODE += ("operations", "schemas")
# Only superusers do these, whatever permission somebody has, and users and contacts are never deleted.
# Only superusers use these.
NOT_OFFERED = {
    # The changelog is for who may see change requests, and shows what one sees of each kind.
    "audit.view_entry",
    "accounts.add_user",
    "accounts.add_member",
    "auth.add_group",
    "auth.change_group",
    "auth.delete_group",
}


@pytest.fixture
def root(make_member: Any) -> Member:
    return make_member("root", is_superuser=True)


@pytest.fixture
def browser(admin_of: Any, root: Member) -> Client:
    return admin_of(root)


def asked_by_the_code() -> set[str]:
    """Return the permissions that modules name: `app.action_model`."""
    named = re.compile(
        r'"((?:accounts|auth|changerequests|contact\w*|importexport|legalentities|schemas)\.[a-z]+_[a-z_]+)"'
    )
    files = [path for app in CODE for path in Path(app).rglob("*.py") if "migrations" not in path.parts]
    existing = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    return {name for path in files for name in named.findall(path.read_text())} & existing


def asked_by_the_lists() -> set[str]:
    """Return the permissions to look at what the admin lists."""
    return {f"{model._meta.app_label}.view_{model._meta.model_name}" for model in admin.site._registry}


# ---- permissions


def test_whatever_something_asks_for_has_words() -> None:
    assert asked_by_the_code() | asked_by_the_lists() <= WORDS.keys() | NOT_OFFERED
    opened = {right for way in WAYS for right in (way.right, way.sight) if right}
    assert opened <= {name.partition(".")[2] for name in WORDS}


def test_each_permission_in_words_exists_and_opens_something(root: Member) -> None:
    existing = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert WORDS.keys() <= existing
    idle = {name for name in WORDS if name not in openings()}
    assert not idle


def test_pages_and_operations_open_by_the_permissions_that_the_attempts_find() -> None:
    """`tests/security/test_same_right_by_every_way.py` has the attempts."""
    for way in WAYS:
        asked = page_permission(way.page)
        assert asked is not None
        assert asked.partition(".")[2] == way.right, way
        assert way.operation in openings()[asked].operations


def test_no_picker_offers_what_nothing_asks_for(browser: Client, root: Member) -> None:
    names = {f"{one.content_type.app_label}.{one.codename}" for one in offered_permissions()}
    assert names == WORDS.keys()
    for page in ("auth/group/add/", f"accounts/user/{root.user_id}/change/"):
        shown = browser.get(f"/admin/{page}").content.decode()
        assert "Contacts: Change contact details" in shown
        for internal in ("session", "access attempt", "TOTP", "content type", "refresh token", "Can add"):
            assert f": {internal}" not in shown
            assert f">{internal}" not in shown


def test_what_a_group_holds_besides_stays_until_somebody_takes_it_away(browser: Client) -> None:
    group = Group.objects.create(name="Old")
    group.permissions.set(Permission.objects.filter(codename__in=["add_session", "add_contact"]))
    page = f"/admin/auth/group/{group.pk}/change/"
    form = sent_by(browser.get(page).content.decode())
    form["name"] = "Older"
    browser.post(page, form.urlencode(), content_type="application/x-www-form-urlencoded")
    assert waiting().paths == ["name"]
    assert group.permissions.count() == 2


# ---- roles


def test_the_first_people_find_the_roles(settings: Any) -> None:
    people = [Person(name, f"{name}@bank.example", name, "Tester") for name in ("anna", "ben")]
    create_first_people(people)
    assert set(Group.objects.values_list("name", flat=True)) == {role.name for role in ROLES}
    reviewer = Group.objects.get(name=REVIEWER.name)
    assert {one.codename for one in reviewer.permissions.all()} >= {"review_changerequest", "view_contact"}


def test_no_shipped_role_both_changes_and_decides() -> None:
    for role in ROLES:
        decides = "changerequests.review_changerequest" in role.permissions
        changes = {name for name in role.permissions if re.search(r"\.(add|change|delete|anonymize)_", name)}
        assert not (decides and changes), role.name
        assert role.permissions <= WORDS.keys()
    assert all(".view_" in name for name in AUDITOR.permissions)
    assert "contacts.view_contact" not in ADMINISTRATOR.permissions


def test_the_command_lists_and_creates_them(make_member: Any, capsys: Any, settings: Any) -> None:
    carl = make_member("carl", reviews=True, permissions=["view_group"])
    settings.EMBEDDED = False
    call_command("roles")
    assert "Reviewer" in (told := capsys.readouterr().out)
    assert "There is no group of this name." in told
    Group.objects.create(name="AUDITOR")
    call_command("roles", "--create")
    assert ChangeRequest.objects.count() == len(ROLES) - 1
    reviewer = Group.objects.get(name=REVIEWER.name)
    assert not reviewer.permissions.exists()
    for request in ChangeRequest.objects.all():
        approve(carl, request)
    assert reviewer.permissions.count() == len(REVIEWER.permissions)
    call_command("roles", "--create")
    assert "All of them exist already." in capsys.readouterr().out


def test_the_page_of_a_role_says_what_it_may_do_and_what_that_opens(browser: Client) -> None:
    call_command("roles", "--create")
    group = Group.objects.get(name=REVIEWER.name)
    page = browser.get(f"/admin/auth/group/{group.pk}/change/").content.decode()
    assert "Decides what others request about the clients that it sees." in page
    assert "Review change requests" in page
    assert "POST /v1.0/change-requests/{changeRequestId}/review" in page
    assert "changerequests_changerequest_change" in page
    # Once it is changed, the text would be wrong.
    group.permissions.add(Permission.objects.get(codename="anonymize_contact"))
    page = browser.get(f"/admin/auth/group/{group.pk}/change/").content.decode()
    assert "Decides what others request" not in page
    assert "Anonymize contacts" in page
