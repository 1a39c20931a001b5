"""What one person tries alone against the promise: without the right, with two logins, or with a key of its own.

Other attempts are beside what they are about: `administration/test_applications.py` (a client application),
`schemas/test_schema_requests.py` (the flag that requires approval), `importexport/test_import_approvals.py` (files) and
`operations/test_nobody_alone_by_any_door.py` (anonymization, superusers, list items, who sees whom).
"""

import re
from typing import Any

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from oauth2_provider.models import AccessToken

from accounts.actor import Actor, ActorKind, member_actor
from accounts.models import ClientApplication, Member, Notice, User
from administration.notices import deliver_notice
from administration.services.applications import change_application
from administration.services.secrets import collect_secret
from changerequests.models import ChangeRequest, Decision
from changerequests.services.withdrawing import amend_change_request
from contacts.models import CONTACT_IDENTITY, Contact
from core.errors import Forbidden
from tests.administration.approving import approve, waiting
from tests.api import Api
from tests.changerequests.policies import absent, policy, rule, set_policy, stage
from tests.changerequests.requesting import address
from tests.changerequests.reviewing import page_of, text_of
from tests.fixtures import details
from tests.importexport.importing import array, upload
from tests.security.conftest import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
RENAMED = {"personalInformation": {"lastName": "Heusser"}}
OWN_ADDRESS = "root@bank.example"
PASSWORD = "chosen-by-the-owner-1"
INLINES = {f"assignments{one}-{count}": 0 for one in ("", "-2") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}


# ---- without the right


def test_a_relationship_manager_without_permission_changes_no_protected_name_by_an_import(
    make_member: Any, make_contact: Any, api_of: Any
) -> None:
    anna = make_member("anna", permissions=["view_contact", "change_contact_details"])
    contact = make_contact(members=[anna])
    contact.external_connections.create(system="Default", external_id="E-1")
    api = api_of(anna)
    file = array({"externalId": "E-1", "details": details(**RENAMED)})
    with nothing_changes():
        assert upload(api, ("contacts.json", file)).status == 403
        assert api.post("/v1.0/contacts/import/sync").status == 403


def test_a_reviewer_who_may_not_edit_in_the_admin_does_not_edit_over_the_api(
    make_member: Any, make_contact: Any, api_of: Any, admin_of: Any
) -> None:
    rita = make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)
    contact = make_contact()
    api, browser, path = api_of(rita), admin_of(rita), f"/v1.0/contacts/{contact.pk}"
    with nothing_changes():
        assert browser.get(f"/admin/contacts/contact/{contact.pk}/edit/").status_code == 403
        assert api.patch(f"{path}/details", {"details": RENAMED}).status == 403
        assert api.put(f"{path}/details", {"details": details(**RENAMED)}).status == 403
        assert api.put(f"{path}/username", {"username": "other"}).status == 403


# ---- with two logins


@pytest.fixture
def root(make_member: Any) -> Member:
    """May do everything, and can read the mail to one address."""
    root = make_member("root", is_superuser=True, sees_all_contacts=True)
    User.objects.filter(pk=root.user_id).update(email=OWN_ADDRESS)
    return root


@pytest.fixture
def carl(make_member: Any) -> Member:
    return make_member("carl", is_superuser=True, sees_all_contacts=True)


@pytest.fixture
def browser(admin_of: Any, root: Member) -> Client:
    return admin_of(root)


def make_login(browser: Client, **changed: Any) -> Any:
    names = {"first_name": "Pia", "last_name": "Puppet", "username": "puppet"}
    sent = {**names, "email": "puppet@bank.example", **changed}
    return browser.post("/admin/accounts/member/add/", sent, follow=True)


def user_page(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/change/"


def form_of(user: User, **changed: Any) -> dict[str, Any]:
    flags = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    names = {name: getattr(user, name) for name in ("username", "email", "first_name", "last_name")}
    return {**names, **flags, **changed}


def link(browser: Client, user: User) -> str | None:
    """Ask for a link to set the password of a login, read all mail, and return the address in it."""
    browser.post(f"/admin/accounts/user/{user.pk}/password-link/")
    for pk in Notice.objects.values_list("pk", flat=True):
        deliver_notice(pk)
    found = [re.search(r"https://kontor\.example(/connect/\S+)", sent.body) for sent in mail.outbox]
    return next((match[1] for match in found if match), None)


def choose_password(address: str) -> None:
    owner, passwords = Client(), dict.fromkeys(("new_password1", "new_password2"), PASSWORD)
    form = owner.get(address, follow=True)
    assert owner.post(form.redirect_chain[-1][0], passwords).status_code == 302


def logged_in(username: str) -> Client | None:
    browser = Client()
    is_in = browser.post("/connect/login", {"username": username, "password": PASSWORD}).status_code == 302
    return browser if is_in else None


@pytest.mark.parametrize("own", [OWN_ADDRESS, "ROOT@Bank.Example", f" {OWN_ADDRESS} "])
def test_no_login_is_made_whose_links_reach_its_maker(browser: Client, carl: Member, own: str) -> None:
    assert "Another login has this address" in text_of(make_login(browser, email=own))
    assert not User.objects.filter(username="puppet").exists()
    # Nor is the login of somebody else turned to this address.
    answer = browser.post(user_page(carl.user), form_of(carl.user, email=own), follow=True)
    assert "Another login has this address" in text_of(answer)
    assert not ChangeRequest.objects.exists()


def test_a_login_with_the_address_of_staff_does_not_become_staff(browser: Client, root: Member, carl: Member) -> None:
    """Whichever of the two came first."""
    puppet = User.objects.create_user("puppet", email=OWN_ADDRESS)
    answer = browser.post(user_page(puppet), form_of(puppet, is_staff="on"), follow=True)
    assert "Another login has this address" in text_of(answer)
    with pytest.raises(CommandError, match="Another login has this address"):
        call_command("create_member", "puppet")
    assert not ChangeRequest.objects.open().exists()


def test_a_login_is_of_no_use_to_its_maker_before_somebody_else_approves_it(
    browser: Client, root: Member, carl: Member, api_of: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    make_login(browser, password1=PASSWORD, password2=PASSWORD, is_active="on")
    puppet, request = User.objects.get(username="puppet"), waiting()
    assert logged_in("puppet") is None
    assert link(browser, puppet) is None
    browser.post(f"/admin/accounts/user/{puppet.pk}/password/", {"password1": PASSWORD, "password2": PASSWORD})
    browser.post(user_page(puppet), form_of(puppet, is_active="on", password=PASSWORD))
    answer = api_of(root).post(address(request, "/review"), {"isApproved": True})
    assert (answer.status, answer.sub_code) == (403, "OwnChangeRequest")
    assert logged_in("puppet") is None
    puppet.refresh_from_db()
    assert (puppet.is_active, puppet.is_superuser, Member.objects.filter(user=puppet).exists()) == (False, False, False)
    approve(carl, request)
    assert link(browser, puppet) is not None
    assert {sent.to[0] for sent in mail.outbox} == {"puppet@bank.example"}


def test_an_approved_puppet_approves_nothing_of_its_maker(
    browser: Client, root: Member, carl: Member, api_of: Any, settings: Any, make_contact: Any
) -> None:
    """Even if its maker reads its mail: somebody else has to give it every right by name, and nobody gives its own."""
    settings.PUBLIC_URL = "https://kontor.example"
    make_login(browser)
    approve(carl, waiting())
    puppet = User.objects.get(username="puppet")
    found = link(browser, puppet)
    assert found is not None
    choose_password(found)
    own = logged_in("puppet")
    assert own is not None
    # One of the two asks, for a client and for the rights of the other.
    contact: Contact = make_contact()
    asked = api_of(root).patch(f"/v1.0/contacts/{contact.pk}/details", {"details": RENAMED})
    assert asked.json["isApprovalRequired"] is True
    request = waiting()
    member = Member.objects.get(user=puppet)
    browser.post(f"/admin/accounts/member/{member.pk}/change/", {"sees_all_contacts": "on", **INLINES})
    sight = waiting()
    for one in (request, sight):
        assert own.post(page_of(one), {"decision": "approve"}).status_code in (403, 404)
    answer = browser.post(user_page(puppet), form_of(puppet, is_superuser="on"), follow=True)
    assert f"Change request {sight.pk} is pending review" in text_of(answer)
    # It still has no right to decide, and nobody decides about its own.
    approve(carl, sight)
    decision = {"isApproved": True}
    browser.post(user_page(puppet), form_of(puppet, is_superuser="on"))
    rights = waiting()
    for one in (request, rights):
        assert api_of(member).post(address(one, "/review"), decision).status == 403
        assert Api().post(address(one, "/review"), decision).status == 401
    contact.refresh_from_db()
    assert contact.details["personalInformation"]["lastName"] == "Spyri"
    assert (request.is_pending, rights.is_pending, rights.about_member_id) == (True, True, member.pk)


# ---- with a key of its own


@pytest.fixture
def olga(make_member: Any) -> Member:
    """Owns an application, may review and see everything, and looks after applications."""
    permissions = ["change_clientapplication"]
    return make_member("olga", reviews=True, permissions=permissions, sees_all_contacts=True)


@pytest.fixture
def application(olga: Member, make_app: Any) -> ClientApplication:
    """An application of hers, whose changes of usernames wait for one reviewer."""
    application: ClientApplication = make_app("portal")
    ClientApplication.objects.filter(pk=application.pk).update(owner=olga)
    set_policy(policy([stage()], [rule("Review", applications=[application.pk])]), kind=CONTACT_IDENTITY)
    return application


def ask_for_username(api: Api, contact: Contact) -> ChangeRequest:
    assert api.put(f"/v1.0/contacts/{contact.pk}/username", {"username": "other"}).status == 202
    return waiting()


def test_the_owner_of_an_application_does_not_decide_what_it_asks_for(
    application: ClientApplication, olga: Member, root: Member, make_member: Any, make_contact: Any, api_of: Any
) -> None:
    deputy, contact = make_member("deputy", reviews=True, sees_all_contacts=True), make_contact()
    absent(olga, deputy)
    request = ask_for_username(api_of(application), contact)
    for member in (olga, deputy):
        api = api_of(member)
        answer = api.post(address(request, "/review"), {"isApproved": True})
        assert (answer.status, answer.sub_code) == (403, "AboutYourself")
        found = api.post("/v1.0/change-requests/search", {"isMineToDecide": True})
        assert found.json["totalCount"] == 0
    # An amendment is asked for by the same key.
    key = Actor(kind=ActorKind.APP, name="portal", application_id=application.pk)
    amend_change_request(actor=key, change_request_id=request.pk, document={"username": "another"})
    assert api_of(olga).post(address(request, "/review"), {"isApproved": True}).sub_code == "AboutYourself"
    approve(root, request)
    contact.refresh_from_db()
    assert contact.username == "another"


def test_an_owner_does_not_give_its_application_up_alone_to_decide_what_it_asks_for(
    application: ClientApplication, olga: Member, make_contact: Any, api_of: Any
) -> None:
    outcome = change_application(actor=member_actor(olga), application_id=application.pk, target={"owner": None})
    assert outcome.request is not None
    request = ask_for_username(api_of(application), make_contact())
    for one in (outcome.request, request):
        assert api_of(olga).post(address(one, "/review"), {"isApproved": True}).status in (403, 404)
    application.refresh_from_db()
    assert application.owner == olga


@pytest.fixture
def given_away(application: ClientApplication, olga: Member, make_member: Any) -> ClientApplication:
    """The application, whose secret olga has collected, and which belongs to somebody else now."""
    ClientApplication.objects.filter(pk=application.pk).update(is_secret_due=True)
    collect_secret(actor=member_actor(olga), application_id=application.pk)
    ClientApplication.objects.filter(pk=application.pk).update(owner=make_member("oscar"))
    return application


def test_who_collected_the_secret_does_not_decide_what_the_application_of_another_asks_for(
    given_away: ClientApplication, olga: Member, root: Member, make_member: Any, make_contact: Any, api_of: Any
) -> None:
    deputy, contact = make_member("deputy", reviews=True, sees_all_contacts=True), make_contact()
    absent(olga, deputy)
    request = ask_for_username(api_of(given_away), contact)
    revision = request.revisions.get()
    for member in (olga, deputy):
        answer = api_of(member).post(address(request, "/review"), {"isApproved": True})
        assert (answer.status, answer.sub_code) == (403, "AboutYourself")
        found = api_of(member).post("/v1.0/change-requests/search", {"isMineToDecide": True})
        assert found.json["totalCount"] == 0
        with pytest.raises(IntegrityError, match="whom it is about"), transaction.atomic():
            Decision.objects.create(revision=revision, stage=revision.stages.get(), member=member, verdict="approve")
    with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic():
        ChangeRequest.objects.filter(pk=request.pk).update(excluded_member_ids=[])
    # With the secret of a new owner the application asks for something else, but it was she who asked first.
    ClientApplication.objects.filter(pk=given_away.pk).update(secret_holder=None)
    key = Actor(kind=ActorKind.APP, name="portal", application_id=given_away.pk)
    amend_change_request(actor=key, change_request_id=request.pk, document={"username": "another"})
    assert api_of(olga).post(address(request, "/review"), {"isApproved": True}).sub_code == "AboutYourself"
    approve(root, request)
    contact.refresh_from_db()
    assert contact.username == "another"


def test_who_holds_its_secret_does_not_decide_what_came_through_the_application_in_the_name_of_a_member(
    given_away: ClientApplication, olga: Member, root: Member, make_member: Any, make_contact: Any, api_of: Any
) -> None:
    """Who has the secret may have sent it."""
    anna, contact = make_member("anna", sees_all_contacts=True), make_contact()
    api = api_of(anna)
    AccessToken.objects.update(application=given_away)
    assert (
        api.patch(
            f"/v1.0/contacts/{contact.pk}/details", {"details": {"personalInformation": {"lastName": "Other"}}}
        ).status
        == 200
    )
    request = waiting()
    assert api_of(olga).post(address(request, "/review"), {"isApproved": True}).sub_code == "AboutYourself"
    amended = {"personalInformation": {"lastName": "Another"}}
    amend_change_request(actor=member_actor(anna), change_request_id=request.pk, document=amended)
    assert api_of(olga).post(address(request, "/review"), {"isApproved": True}).sub_code == "AboutYourself"
    approve(root, request)


def test_who_holds_its_secret_does_not_decide_what_the_application_is_given(
    given_away: ClientApplication, olga: Member, root: Member, make_member: Any
) -> None:
    clerk = make_member("clerk", permissions=["change_clientapplication"])
    new = make_member("new", reviews=True, permissions=["view_clientapplication"])
    before = make_member("before", reviews=True, permissions=["view_clientapplication"])
    ClientApplication.objects.filter(pk=given_away.pk).update(owner=before, allowed_scopes="exports")
    target = {"owner": new.pk, "scopes": ["exports", "imports"]}
    request = change_application(actor=member_actor(clerk), application_id=given_away.pk, target=target).request
    assert request is not None
    for member in (olga, before, new):
        with pytest.raises(Forbidden) as refused:
            approve(member, request)
        assert refused.value.sub_code == "AboutYourself"
    approve(root, request)
    given_away.refresh_from_db()
    assert (given_away.owner, given_away.allowed_scopes) == (new, "exports imports")
