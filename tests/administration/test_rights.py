"""Rights: giving waits for somebody else, taking away takes effect at once, and nobody has two logins of its own."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.actor import Actor, member_actor, system_actor
from accounts.models import Member, Notice, User
from administration.notices import deliver_notice
from administration.rights import RIGHTS
from administration.services.rights import change_rights, create_login
from audit.models import Entry
from changerequests.models import ChangeRequest, Decision, Proposal, Status
from changerequests.queries.policies import policies_now
from changerequests.queries.searching import requests_of_all_kinds
from changerequests.services.withdrawing import amend_change_request
from contacts.services.anonymization import anonymize_contacts
from contacts.services.logins import open_login
from core.errors import ApiError, Forbidden, UnprocessableEntity
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import absent, policy, rule, set_policy, stage
from tests.concurrency import while_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SIGHT = ["view_user", "view_changerequest"]


@pytest.fixture
def root(make_member: Any) -> Member:
    return make_member("root", is_superuser=True)


@pytest.fixture
def carl(make_member: Any) -> Member:
    """A reviewer who sees users."""
    return make_member("carl", reviews=True, permissions=SIGHT)


@pytest.fixture
def anna(make_member: Any) -> Member:
    return make_member("anna")


@pytest.fixture
def reviewers() -> Group:
    group = Group.objects.create(name="Reviewers")
    group.permissions.add(Permission.objects.get(codename="review_changerequest"))
    return group


@pytest.fixture
def browser(admin_of: Any, root: Member) -> Client:
    return admin_of(root)


def page(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/change/"


def form_of(user: User, **changed: Any) -> dict[str, Any]:
    """Return the form of a login's page as it is, with some fields changed; None leaves a box unchecked."""
    flags = {name: "on" for name in ("is_active", "is_staff", "is_superuser") if getattr(user, name)}
    names = {name: getattr(user, name) for name in ("username", "first_name", "last_name", "email")}
    lists = {name: list(getattr(user, name).values_list("pk", flat=True)) for name in ("groups", "user_permissions")}
    sent = {**names, **flags, **lists, **changed}
    return {name: value for name, value in sent.items() if value is not None}


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def may_log_in(username: str, password: str) -> bool:
    return Client().post("/connect/login", {"username": username, "password": password}).status_code == 302


def rights_of(user: User) -> tuple[Any, ...]:
    user = User.objects.get(pk=user.pk)
    return user.is_active, user.is_staff, user.is_superuser, set(user.groups.values_list("name", flat=True))


# ---- giving


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_nobody_gives_rights_alone(
    browser: Client, root: Member, carl: Member, anna: Member, reviewers: Group, profile: str
) -> None:
    if profile == "strict":
        set_policy(policy([stage()], [rule("Review")], is_digest_required=True), kind=RIGHTS)
    before = rights_of(anna.user)
    answer = browser.post(page(anna.user), form_of(anna.user, is_superuser="on", groups=[reviewers.pk]), follow=True)
    request = waiting()
    assert (request.kind, request.subject_id, request.paths) == (RIGHTS, anna.user_id, ["groups", "isSuperuser"])
    assert "Nothing has changed yet" in text_of(answer)
    assert "A change requested by Root Tester is pending review." in text_of(browser.get(page(anna.user)))
    assert rights_of(anna.user) == before
    with pytest.raises(Forbidden) as refused:
        approve(root, request)
    assert refused.value.sub_code == "OwnChangeRequest"
    assert approve(carl, request).status == Status.APPROVED
    assert rights_of(anna.user) == (True, True, True, {"Reviewers"})
    entry = Entry.objects.get(kind=RIGHTS, subject_id=anna.user_id)
    assert (entry.change_request_id, entry.initiator_member_id) == (request.pk, root.pk)


@pytest.mark.parametrize(
    "changed",
    [
        {"email": "root@elsewhere.example"},
        {"username": "anna.b"},
        {"last_name": "Bernasconi"},
        {"user_permissions": ["review_changerequest"]},
    ],
)
def test_address_name_and_permissions_of_a_login_wait(
    browser: Client, carl: Member, anna: Member, changed: dict[str, Any]
) -> None:
    if names := changed.get("user_permissions"):
        changed = {"user_permissions": list(Permission.objects.filter(codename__in=names).values_list("pk", flat=True))}
    anna.user.user_permissions.clear()
    before = form_of(anna.user)
    assert browser.post(page(anna.user), form_of(anna.user, **changed)).status_code == 302
    assert form_of(User.objects.get(pk=anna.user_id)) == before
    approve(carl, waiting())
    assert form_of(User.objects.get(pk=anna.user_id)) == {**before, **changed}


def test_what_a_member_sees_waits(browser: Client, carl: Member, anna: Member, make_participant: Any) -> None:
    inlines = {f"assignments{one}-{count}": 0 for one in ("", "-2") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}
    geneva = make_participant("Geneva")
    sent = {"manager": carl.pk, "participants": [geneva.pk], "sees_all_contacts": "on", **inlines}
    browser.post(f"/admin/accounts/member/{anna.pk}/change/", sent)
    anna.refresh_from_db()
    assert (anna.manager_id, anna.sees_all_contacts, anna.participants.count()) == (None, False, 0)
    approve(carl, waiting())
    anna.refresh_from_db()
    assert (anna.manager_id, anna.sees_all_contacts, list(anna.participants.all())) == (carl.pk, True, [geneva])


def test_a_login_without_a_member_gives_nothing_not_even_a_superuser(anna: Member, reviewers: Group) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("first"), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(page(anna.user), form_of(anna.user, groups=[reviewers.pk]), follow=True)
    assert "Your login belongs to no member" in text_of(answer)
    assert (rights_of(anna.user)[3], ChangeRequest.objects.exists()) == (set(), False)


def test_one_change_of_a_login_waits_at_a_time(browser: Client, anna: Member, reviewers: Group) -> None:
    browser.post(page(anna.user), form_of(anna.user, groups=[reviewers.pk]))
    answer = browser.post(page(anna.user), form_of(anna.user, is_superuser="on"), follow=True)
    assert "is pending review" in text_of(answer)
    assert ChangeRequest.objects.count() == 1


# ---- a login of its own for everybody


def test_one_person_makes_no_puppet(browser: Client, root: Member, carl: Member, settings: Any) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    sent = {"first_name": "Pia", "last_name": "Puppet", "email": "puppet@bank.example", "sees_all_contacts": "on"}
    passwords = dict.fromkeys(("password", "password1", "password2"), "known-to-root-1")
    browser.post("/admin/accounts/member/add/", {**sent, **passwords, "is_superuser": "on"})
    puppet = User.objects.get(username="puppet")
    assert (puppet.is_active, puppet.is_staff, puppet.is_superuser, puppet.email) == (False, False, False, "")
    assert not puppet.has_usable_password()
    assert not may_log_in("puppet", "known-to-root-1")
    with pytest.raises(Forbidden):
        approve(root, waiting())
    # Nor is there a link before it is approved.
    browser.post(f"/admin/accounts/user/{puppet.pk}/password-link/")
    assert not Notice.objects.exists()
    approve(carl, waiting())
    assert rights_of(puppet) == (True, True, False, set())
    assert Member.objects.get(user=puppet).sees_all_contacts
    # Its owner alone sets the password, once.
    deliver_notice(Notice.objects.get(recipient=puppet, kind=Notice.Kind.PASSWORD_LINK).pk)
    assert mail.outbox[0].to == ["puppet@bank.example"]
    address = re.search(r"https://kontor\.example(/\S+)", mail.outbox[0].body)
    assert address is not None
    owner, passwords = Client(), dict.fromkeys(("new_password1", "new_password2"), "chosen-by-the-owner-1")
    form = owner.get(address[1], follow=True)
    assert owner.post(form.redirect_chain[-1][0], passwords).status_code == 302
    assert may_log_in("puppet", "chosen-by-the-owner-1")
    assert "has been used" in text_of(Client().get(address[1], follow=True))


def test_nobody_sets_the_password_of_another(browser: Client, anna: Member) -> None:
    passwords = {"password1": "known-to-root-1", "password2": "known-to-root-1", "usable_password": "true"}
    assert browser.post(f"/admin/accounts/user/{anna.user_id}/password/", passwords).status_code in (302, 404)
    browser.post(page(anna.user), form_of(anna.user, password="known-to-root-1", **passwords))
    anna.user.refresh_from_db()
    assert anna.user.check_password("secret-for-tests")


def test_a_link_to_set_the_password_goes_to_the_address_of_the_login(
    browser: Client, anna: Member, settings: Any, admin_of: Any, make_member: Any
) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    address = f"/admin/accounts/user/{anna.user_id}/password-link/"
    assert "has no address" in text_of(browser.post(address, follow=True))
    User.objects.filter(pk=anna.user_id).update(email="anna@bank.example")
    helpdesk = make_member("helpdesk", permissions=["view_user", "change_user"])
    assert admin_of(helpdesk).post(address).status_code == 403
    browser.post(address)
    deliver_notice(Notice.objects.get().pk)
    deliver_notice(Notice.objects.get().pk)
    assert [sent.to for sent in mail.outbox] == [["anna@bank.example"]]
    # What went out is worth nothing once the login is closed.
    link = re.search(r"https://kontor\.example(/\S+)", mail.outbox[0].body)
    User.objects.filter(pk=anna.user_id).update(is_active=False)
    assert link is not None
    assert "has been used" in text_of(Client().get(link[1], follow=True))


def test_the_first_members_are_made_on_the_host(capsys: Any) -> None:
    user = User.objects.create_superuser("first")
    for told in ("It is a member now.", "It was a member already."):
        call_command("create_member", "FIRST", "--sees-all-contacts")
        assert told in capsys.readouterr().out
    assert Member.objects.get(user=user).sees_all_contacts
    assert Entry.objects.get(kind=RIGHTS, subject_id=user.pk).initiator_system == "create_member"
    with pytest.raises(CommandError):
        call_command("create_member", "second")


# ---- who decides


def test_nobody_decides_about_its_own_rights_and_no_substitute_does(
    browser: Client, carl: Member, make_member: Any, reviewers: Group, root: Member
) -> None:
    substitute = make_member("substitute", reviews=True, permissions=SIGHT)
    absent(carl, substitute, begins=-1, ends=1)
    browser.post(page(carl.user), form_of(carl.user, groups=[reviewers.pk]))
    request = waiting()
    assert request.about_member_id == carl.pk
    criteria = dict.fromkeys(
        ("kinds", "statusIds", "initiatorMemberUids", "createDateFrom", "createDateTo", "isOverdue")
    ) | {"isMineToDecide": True}
    for member in (carl, substitute):
        with pytest.raises(Forbidden) as refused:
            approve(member, request)
        assert refused.value.sub_code == "AboutYourself"
        assert request not in requests_of_all_kinds(actor=member_actor(member), criteria=criteria)
        revision = request.revisions.get()
        with pytest.raises(IntegrityError, match="whom it is about"), transaction.atomic():
            Decision.objects.create(revision=revision, stage=revision.stages.get(), member=member, verdict="approve")
    with pytest.raises(IntegrityError, match="stays as it is"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE changerequests_changerequest SET about_member_id = NULL")
    third = make_member("third", reviews=True, permissions=SIGHT)
    assert request in requests_of_all_kinds(actor=member_actor(third), criteria=criteria)
    approve(third, request)
    assert rights_of(carl.user)[3] == {"Reviewers"}


def test_who_sees_no_users_sees_no_request(browser: Client, anna: Member, make_member: Any, api_of: Any) -> None:
    browser.post(page(anna.user), form_of(anna.user, is_superuser="on"))
    outsider = api_of(make_member("outsider", reviews=True, permissions=["view_changerequest"]))
    assert outsider.get(f"/v1.0/change-requests/{waiting().pk}").status == 404
    assert outsider.post(f"/v1.0/change-requests/{waiting().pk}/review", {"isApproved": True}).status == 404


def test_who_asks_amends_within_its_rights(carl: Member, make_member: Any, root: Member, reviewers: Group) -> None:
    helpdesk = make_member("helpdesk", permissions=["view_user", "change_user", "add_user"])
    actor = member_actor(helpdesk)
    create_login(actor=actor, username="client", target={"email": "client@example.com"})
    request = waiting()
    for document in ({"isSuperuser": True}, {"groups": [reviewers.pk]}, {"isMember": True}):
        with pytest.raises(Forbidden):
            amend_change_request(actor=actor, change_request_id=request.pk, document=document)
    with pytest.raises(UnprocessableEntity):
        amend_change_request(actor=actor, change_request_id=request.pk, document={"password": "x"})
    amend_change_request(actor=actor, change_request_id=request.pk, document={"isActive": True, "email": "c@d.example"})
    approve(carl, request)
    assert User.objects.get(username="client").email == "c@d.example"


# ---- taking away


@pytest.mark.parametrize("profile", ["standard", "strict"])
def test_one_person_takes_away_at_once_and_others_are_told(
    browser: Client, root: Member, anna: Member, reviewers: Group, make_member: Any, profile: str
) -> None:
    if profile == "strict":
        set_policy(policy([stage()], [rule("Review")], is_digest_required=True), kind=RIGHTS)
    other = make_member("other", is_superuser=True)
    for member in (root, anna, other):
        User.objects.filter(pk=member.user_id).update(email=f"{member.user.username}@bank.example")
    anna.user.groups.add(reviewers)
    User.objects.filter(pk=anna.user_id).update(is_superuser=True)
    user = User.objects.get(pk=anna.user_id)
    browser.post(page(user), form_of(user, groups=[], is_superuser=None, is_active=None))
    assert rights_of(user) == (False, True, False, set())
    assert not ChangeRequest.objects.exists()
    entry = Entry.objects.get(kind=RIGHTS, subject_id=user.pk)
    assert (entry.initiator_member_id, entry.paths) == (root.pk, ["groups", "isActive", "isSuperuser"])
    for pk in Notice.objects.values_list("pk", flat=True):
        deliver_notice(pk)
    assert sorted(sent.to[0] for sent in mail.outbox) == ["anna@bank.example", "other@bank.example"]
    assert "Root Tester" in mail.outbox[0].body
    assert "Superuser" in mail.outbox[0].body


def test_what_takes_away_is_made_at_once_and_the_rest_waits(
    browser: Client, carl: Member, anna: Member, reviewers: Group
) -> None:
    clerks = Group.objects.create(name="Clerks")
    anna.user.groups.add(clerks)
    answer = browser.post(page(anna.user), form_of(anna.user, groups=[reviewers.pk]), follow=True)
    assert "This took effect at once: Permission groups." in text_of(answer)
    assert rights_of(anna.user)[3] == set()
    approve(carl, waiting())
    assert rights_of(anna.user)[3] == {"Reviewers"}


def test_leaving_a_group_with_rules_of_its_own_waits(
    browser: Client, carl: Member, anna: Member, reviewers: Group
) -> None:
    anna.user.groups.add(reviewers)
    set_policy(policy([stage()], [rule("Review", initiatorGroups=[reviewers.pk])]))
    assert policies_now()[1] == 1
    browser.post(page(anna.user), form_of(anna.user, groups=[]))
    assert rights_of(anna.user)[3] == {"Reviewers"}
    approve(carl, waiting())
    assert rights_of(anna.user)[3] == set()


def test_a_manager_and_sight_are_taken_away_at_once(browser: Client, make_member: Any, carl: Member) -> None:
    anna = make_member("anna", manager=carl, sees_all_contacts=True)
    inlines = {f"assignments{one}-{count}": 0 for one in ("", "-2") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}
    browser.post(f"/admin/accounts/member/{anna.pk}/change/", {"manager": "", **inlines})
    anna.refresh_from_db()
    assert (anna.manager_id, anna.sees_all_contacts, ChangeRequest.objects.exists()) == (None, False, False)


def test_an_outdated_request_changes_nothing_and_waits_on(
    browser: Client, carl: Member, anna: Member, reviewers: Group
) -> None:
    clerks = Group.objects.create(name="Clerks")
    anna.user.groups.add(clerks)
    browser.post(page(anna.user), form_of(anna.user, groups=[clerks.pk, reviewers.pk]))
    browser.post(page(anna.user), form_of(anna.user, groups=[]))
    with pytest.raises(UnprocessableEntity) as refused:
        approve(carl, waiting())
    assert refused.value.sub_code == "ChangeRequestOutdated"
    assert (rights_of(anna.user)[3], waiting().is_pending) == (set(), True)


def test_anonymization_erases_the_address_of_a_client_from_the_rights_of_its_login(
    root: Member, make_contact: Any
) -> None:
    contact = make_contact()
    user = open_login(actor=system_actor("tests"), contact_id=contact.pk)
    change_rights(actor=system_actor("tests"), user_id=user.pk, target={"email": "first@client.example"})
    change_rights(actor=member_actor(root), user_id=user.pk, target={"email": "second@client.example"})
    request = waiting()
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])
    request.refresh_from_db()
    assert request.status == Status.CANCELLED
    kept = [*Entry.objects.filter(kind=RIGHTS).values_list("changes", flat=True)]
    kept += Proposal.objects.values_list("changes", flat=True)
    assert "client.example" not in str(kept)


# ---- what is not well formed


@pytest.mark.parametrize(
    "target",
    [
        {"username": ""},
        {"username": "ROOT"},
        {"username": "with space"},
        {"email": "nowhere"},
        {"isActive": "yes"},
        {"groups": [2_000_000]},
        {"groups": ["1"]},
        {"permissions": ["accounts.everything"]},
        {"participants": [2_000_000]},
        {"manager": 2_000_000},
        {"isMember": False},
        {"firstName": 7},
        {"lastName": "x" * 151},
        {"password": "known"},
    ],
)
def test_rights_that_are_not_well_formed_are_refused(root: Member, anna: Member, target: dict[str, Any]) -> None:
    with pytest.raises(UnprocessableEntity) as refused:
        change_rights(actor=member_actor(root), user_id=anna.user_id, target=target)
    assert refused.value.sub_code == "ValidationFailed"
    assert list(refused.value.properties or ()) == list(target)


# ---- groups


def group_page(group: Group) -> str:
    return f"/admin/auth/group/{group.pk}/change/"


def names_in(group: Group) -> set[str]:
    return set(group.permissions.values_list("codename", flat=True))


def test_what_a_group_gives_waits_and_what_it_gave_goes_at_once(
    browser: Client, root: Member, carl: Member, reviewers: Group, anna: Member
) -> None:
    anna.user.groups.add(reviewers)
    User.objects.filter(pk=anna.user_id).update(email="anna@bank.example")
    more = Permission.objects.get(codename="change_user")
    browser.post(group_page(reviewers), {"name": "Reviewers", "permissions": [more.pk]})
    assert names_in(reviewers) == set()
    assert Notice.objects.get().recipient_id == anna.user_id
    with pytest.raises(Forbidden):
        approve(root, waiting())
    make_reviewer_of_groups(carl)
    approve(carl, waiting())
    assert names_in(reviewers) == {"change_user"}


def make_reviewer_of_groups(member: Member) -> None:
    member.user.user_permissions.add(Permission.objects.get(codename="view_group"))


def test_a_new_group_is_empty_until_somebody_else_approves_its_permissions(browser: Client, carl: Member) -> None:
    permission = Permission.objects.get(codename="change_user")
    browser.post("/admin/auth/group/add/", {"name": "Mine", "permissions": [permission.pk]})
    group = Group.objects.get(name="Mine")
    assert names_in(group) == set()
    approve(carl, waiting())
    assert names_in(group) == {"change_user"}
    browser.post("/admin/auth/group/add/", {"name": "Empty"})
    assert Group.objects.filter(name="Empty").exists()
    assert ChangeRequest.objects.count() == 1


def test_a_deleted_group_leaves_its_users_at_once_and_takes_its_request_along(
    browser: Client, carl: Member, reviewers: Group, anna: Member
) -> None:
    anna.user.groups.add(reviewers)
    browser.post(
        group_page(reviewers), {"name": "Others", "permissions": [*reviewers.permissions.values_list("pk", flat=True)]}
    )
    request = waiting()
    browser.post(f"/admin/auth/group/{reviewers.pk}/delete/", {"post": "yes"})
    assert not Group.objects.filter(pk=reviewers.pk).exists()
    request.refresh_from_db()
    assert request.status == Status.CANCELLED
    assert Entry.objects.get(kind=RIGHTS, subject_id=anna.user_id).changes == [
        {"path": "groups", "original": [reviewers.pk], "target": []}
    ]
    queue = browser.get("/admin/changerequests/changerequest/?status=all")
    assert "Deleted group" in text_of(queue)


def test_groups_are_not_deleted_from_their_list(browser: Client, reviewers: Group) -> None:
    sent = {"action": "delete_selected", "_selected_action": reviewers.pk, "post": "yes"}
    browser.post("/admin/auth/group/", sent)
    assert Group.objects.filter(pk=reviewers.pk).exists()


# ---- two at once


@pytest.mark.django_db(transaction=True)
def test_an_approval_waits_for_who_takes_away_and_finds_the_request_outdated(
    root: Member, carl: Member, anna: Member, reviewers: Group
) -> None:
    clerks = Group.objects.create(name="Clerks")
    anna.user.groups.add(clerks)
    actor: Actor = member_actor(root)
    change_rights(actor=actor, user_id=anna.user_id, target={"groups": [clerks.pk, reviewers.pk]})
    request = waiting()

    def decided() -> str:
        try:
            approve(carl, request)
        except ApiError as refusal:
            return refusal.sub_code
        return "approved"

    taken = while_waiting(
        decided, before=lambda: change_rights(actor=actor, user_id=anna.user_id, target={"groups": []})
    )
    assert taken == "ChangeRequestOutdated"
    assert rights_of(anna.user)[3] == set()
