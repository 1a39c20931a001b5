"""Users, members and client applications in the admin: who may grant permissions, and which secrets stay hidden."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group, Permission
from django.test import Client
from oauth2_provider import models as oauth

from accounts.models import ClientApplication, Member, Participant, User
from changerequests.models import ChangeRequest
from contacts.models import Contact
from tests.administration.applications import form
from tests.administration.approving import approve, waiting
from tests.changerequests.engine import approve_all

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def text_of(response: Any) -> str:
    """Return the text of a page without tags and with collapsed white space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def root(make_member: Callable[..., Member]) -> Member:
    return make_member("root", is_superuser=True)


@pytest.fixture
def carl(make_member: Callable[..., Member]) -> Member:
    """A reviewer who sees users and groups."""
    return make_member("carl", reviews=True, permissions=["view_user", "view_group"])


@pytest.fixture
def helpdesk(make_member: Callable[..., Member]) -> Member:
    """A member with permission to change logins and groups, but not a superuser."""
    permissions = ["view_user", "change_user", "add_user", "change_group", "view_group"]
    return make_member("helpdesk", permissions=permissions)


# ---- logins


def test_only_superusers_ask_for_rights(
    admin_of: Callable[..., Client], helpdesk: Member, root: Member, carl: Member
) -> None:
    user = User.objects.create_user("new", password="secret-for-tests")
    group = Group.objects.create(name="Reviewers")
    sent = {"username": "new", "is_active": "on", "is_staff": "on", "is_superuser": "on", "groups": [group.pk]}
    admin_of(helpdesk).post(f"/admin/accounts/user/{user.pk}/change/", sent)
    assert not ChangeRequest.objects.exists()
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser, list(user.groups.all())) == (False, False, [])
    admin_of(root).post(f"/admin/accounts/user/{user.pk}/change/", sent)
    approve(carl, waiting())
    user.refresh_from_db()
    assert (user.is_staff, user.is_superuser, list(user.groups.all())) == (True, True, [group])


def test_nobody_but_a_superuser_takes_over_the_login_of_other_staff_or_members(
    admin_of: Callable[..., Client], helpdesk: Member, make_member: Callable[..., Member]
) -> None:
    passwords = {"password1": "another-secret-1", "password2": "another-secret-1", "usable_password": "true"}
    for other in (make_member("reviewer", reviews=True), make_member("outside", is_staff=False)):
        for page in ("password-link", "change"):
            address = f"/admin/accounts/user/{other.user_id}/{page}/"
            assert admin_of(helpdesk).post(address, {**passwords, "username": "taken"}).status_code == 403
        other.user.refresh_from_db()
        assert other.user.check_password("secret-for-tests")
        assert other.user.username != "taken"


def test_groups_are_changed_by_superusers_alone(
    admin_of: Callable[..., Client], helpdesk: Member, root: Member, carl: Member
) -> None:
    group = Group.objects.create(name="Reviewers")
    assert admin_of(helpdesk).post(f"/admin/auth/group/{group.pk}/change/", {"name": "Mine"}).status_code == 403
    assert admin_of(root).post(f"/admin/auth/group/{group.pk}/change/", {"name": "Ours"}).status_code == 302
    approve(carl, waiting())
    group.refresh_from_db()
    assert group.name == "Ours"


@pytest.mark.parametrize("kind", ["user", "member", "participant", "clientapplication"])
def test_what_the_history_names_is_not_deleted(
    admin_of: Callable[..., Client],
    root: Member,
    make_app: Callable[..., ClientApplication],
    make_participant: Callable[..., Participant],
    kind: str,
) -> None:
    rows = {"user": root.user, "member": root, "participant": make_participant(), "clientapplication": make_app()}
    response = admin_of(root).post(f"/admin/accounts/{kind}/{rows[kind].pk}/delete/", {"post": "yes"})
    assert response.status_code == 403


# ---- members


def test_a_manager_is_not_put_below_the_members_it_manages(
    admin_of: Callable[..., Client], root: Member, make_member: Callable[..., Member]
) -> None:
    head = make_member("head")
    anna = make_member("anna", manager=head)
    refused = admin_of(root).post(
        f"/admin/accounts/member/{head.pk}/change/", {"manager": anna.pk, **assignment_form([])}
    )
    assert "is already above its manager" in text_of(refused)
    head.refresh_from_db()
    assert head.manager is None


def test_a_member_stays_the_person_it_is(
    admin_of: Callable[..., Client], root: Member, make_member: Callable[..., Member], carl: Member
) -> None:
    anna = make_member("anna")
    other = User.objects.create_user("other")
    sent = {"user": other.pk, "sees_all_contacts": "on", **assignment_form([])}
    admin_of(root).post(f"/admin/accounts/member/{anna.pk}/change/", sent)
    approve(carl, waiting())
    was = anna.user_id
    anna.refresh_from_db()
    assert (anna.user_id, anna.sees_all_contacts) == (was, True)


@pytest.mark.parametrize("rows", [10, 200])
def test_the_list_of_members_takes_as_many_queries_for_many_rows_as_for_few(
    admin_of: Callable[..., Client],
    root: Member,
    make_participant: Callable[..., Participant],
    rows: int,
    count_queries: Callable[[], Any],
) -> None:
    users = User.objects.bulk_create(User(username=f"row-{number}") for number in range(rows))
    members = Member.objects.bulk_create(Member(user=user, manager=root) for user in users)
    participant = make_participant()
    for member in members[:20]:
        member.participants.add(participant)
    browser = admin_of(root)
    with count_queries() as queries:
        assert browser.get("/admin/accounts/member/").status_code == 200
    assert len(queries) <= 12, [query["sql"][:120] for query in queries.captured_queries]
    with count_queries() as queries:
        found = browser.get(
            "/admin/autocomplete/",
            {"term": "row", "app_label": "accounts", "model_name": "member", "field_name": "manager"},
        )
    assert len(found.json()["results"]) > 1
    assert len(queries) <= 8, [query["sql"][:120] for query in queries.captured_queries]


def assignment_form(rows: list[int], *, deleted: tuple[int, ...] = (), new: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return the form data of the inlines on a member's page."""
    sent: dict[str, Any] = {
        "assignments-TOTAL_FORMS": len(rows),
        "assignments-INITIAL_FORMS": len(rows),
        "assignments-2-TOTAL_FORMS": len(new),
        "assignments-2-INITIAL_FORMS": 0,
    }
    for number, row in enumerate(rows):
        sent[f"assignments-{number}-id"] = row
        if row in deleted:
            sent[f"assignments-{number}-DELETE"] = "on"
    for number, contact in enumerate(new):
        sent[f"assignments-2-{number}-contact"] = contact
    return sent


def test_contacts_are_assigned_by_those_who_may_change_them_and_see_them(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], make_contact: Callable[..., Contact]
) -> None:
    clerk = make_member("clerk", permissions=["view_member", "change_member"])
    boss = make_member("boss", permissions=["view_member", "change_member", "change_contact", "view_contact"])
    anna, rita = make_member("anna"), make_member("rita", reviews=True, sees_all_contacts=True)
    seen, unseen = make_contact(members=[boss]), make_contact(members=[anna])
    address = f"/admin/accounts/member/{anna.pk}/change/"

    def assigned() -> set[int]:
        return set(anna.contacts.values_list("pk", flat=True))

    admin_of(clerk).post(address, assignment_form([], new=(seen.pk,)))
    assert assigned() == {unseen.pk}
    refused = admin_of(boss).post(address, assignment_form([], new=(unseen.pk,)))
    assert refused.status_code == 200
    assert str(unseen) not in text_of(admin_of(boss).get(address))
    admin_of(boss).post(address, assignment_form([], new=(seen.pk,)))
    assert assigned() == {unseen.pk}
    approve_all(rita)
    assert assigned() == {seen.pk, unseen.pk}
    row = anna.assignments.get(contact=seen).pk
    assert str(seen) in text_of(admin_of(boss).get(address))
    admin_of(boss).post(address, assignment_form([row], deleted=(row,)))
    assert assigned() == {seen.pk, unseen.pk}
    approve_all(rita)
    assert assigned() == {unseen.pk}


# ---- client applications


def test_a_secret_is_shown_once_and_is_nowhere_else(
    admin_of: Callable[..., Client],
    root: Member,
    carl: Member,
    make_member: Callable[..., Member],
    make_participant: Callable[..., Participant],
) -> None:
    geneva, olga = make_participant("Geneva"), make_member("olga", permissions=["view_clientapplication"])
    sent = form(olga, allowed_scopes=["contacts.read", "exports"], participants=[geneva.pk])
    admin_of(root).post("/admin/accounts/clientapplication/add/", sent)
    carl.user.user_permissions.add(Permission.objects.get(codename="view_clientapplication"))
    approve(carl, waiting())
    application = ClientApplication.objects.get(name="portal")
    assert application.allowed_scopes == "contacts.read exports"
    assert application.authorization_grant_type == ClientApplication.GRANT_CLIENT_CREDENTIALS
    assert list(application.participants.all()) == [geneva]
    browser = admin_of(olga)
    shown = browser.post(f"/admin/accounts/clientapplication/{application.pk}/secret/")
    assert shown.status_code == 200
    assert "no-store" in shown.headers["Cache-Control"]
    found = re.search(
        rf"<code[^>]*>{application.client_id}</code>.*?<code[^>]*>(.+?)</code>", shown.content.decode(), re.DOTALL
    )
    assert found is not None
    application.refresh_from_db()
    assert check_password(found[1], application.client_secret)
    # It is in no cookie and no cache of the browser.
    assert all(found[1] not in morsel.value for morsel in browser.cookies.values())
    for address in (
        "/admin/accounts/clientapplication/",
        f"/admin/accounts/clientapplication/{application.pk}/change/",
    ):
        page = browser.get(address).content.decode()
        assert found[1] not in page
        assert application.client_secret not in page


def test_an_application_needs_a_name_of_its_own_and_scopes_that_exist(
    admin_of: Callable[..., Client],
    root: Member,
    make_app: Callable[..., ClientApplication],
    make_member: Callable[..., Member],
) -> None:
    make_app("portal")
    browser = admin_of(root)
    olga = make_member("olga")
    for name, scopes in (("portal", ["exports"]), ("", ["exports"]), ("other", ["everything"]), ("other", [])):
        refused = browser.post(
            "/admin/accounts/clientapplication/add/",
            {"name": name, "allowed_scopes": scopes, "participants": [], "owner": olga.pk},
        )
        assert refused.status_code == 200, (name, scopes)
    assert ClientApplication.objects.count() == 1


def test_the_scopes_of_an_application_are_changed_and_its_secret_is_kept(
    admin_of: Callable[..., Client], root: Member, make_app: Callable[..., ClientApplication]
) -> None:
    application = make_app("portal")
    sent = form(None, allowed_scopes=["exports"], client_secret="mine", client_id="mine")
    changed = admin_of(root).post(f"/admin/accounts/clientapplication/{application.pk}/change/", sent)
    assert changed.status_code == 302
    before = (application.client_id, application.client_secret)
    application.refresh_from_db()
    assert application.allowed_scopes == "exports"
    assert (application.client_id, application.client_secret) == before


def test_tokens_and_grants_are_not_in_the_admin(admin_of: Callable[..., Client], root: Member) -> None:
    for model in (oauth.AccessToken, oauth.RefreshToken, oauth.Grant, oauth.IDToken):
        assert not admin.site.is_registered(model)
        assert admin_of(root).get(f"/admin/oauth2_provider/{model._meta.model_name}/").status_code == 404


def test_the_sidebar_shows_the_work_first_and_only_what_one_may_look_at(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], root: Member
) -> None:
    looker = make_member("looker", permissions=["view_contact"])
    page = text_of(admin_of(looker).get("/admin/"))
    assert "Contacts" in page
    assert "Client applications" not in page
    groups = admin_of(root).get("/admin/").context["sidebar_navigation"]
    assert [str(item["title"]) for item in groups[0]["items"]] == [
        "Change requests",
        "Contacts",
        "Possible duplicates",
    ]
