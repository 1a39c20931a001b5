"""Who may do and decide what, as of a date, for the manager's signature."""

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actor import system_actor
from accounts.models import ClientApplication, Member, User
from administration.queries.recertification import Certified, recertification
from administration.recertification import RECERTIFICATION
from administration.services.applications import change_application
from administration.services.groups import change_group, delete_group
from administration.services.rights import change_rights, create_login
from audit.models import Entry
from contacts.models import CONTACT_DETAILS
from tests.changerequests.policies import absent, make_group, policy, rule, set_policy, stage
from tests.security.conftest import nothing_changes

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EVERYBODY = "Stages of everybody who may review"
PAGE = "/admin/accounts/member/recertification/"


@pytest.fixture
def head(make_member: Any) -> Member:
    return make_member("head", permissions=["view_user", "view_member"])


@pytest.fixture
def anna(make_member: Any, make_participant: Any, head: Member) -> Member:
    participants = [make_participant("Geneva")]
    return make_member("anna", manager=head, permissions=["add_contact"], participants=participants)


@pytest.fixture
def reviewers(anna: Member) -> Group:
    group = make_group("Reviewers", anna)
    group.permissions.add(Permission.objects.get(codename="review_changerequest"))
    return group


@pytest.fixture(autouse=True)
def long_ago(anna: Member, reviewers: Group) -> None:
    """Everybody is there for a while, so that a moment before a change is after they came."""
    User.objects.update(date_joined=timezone.now() - timedelta(days=90))


def certified(username: str, moment: datetime | None = None) -> Certified:
    found = {one.username: one for one in recertification(moment=moment or timezone.now())}
    return found[username]


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("recertification", *arguments, stdout=out)
    return out.getvalue()


# ---- what it says


def test_it_says_what_a_member_may_do_and_decide(
    anna: Member, reviewers: Group, make_member: Any, make_app: Any
) -> None:
    set_policy(policy([stage(), stage("Tax", group=reviewers)], [rule("Review", "Tax")]), kind=CONTACT_DETAILS)
    absent(make_member("ben"), anna)
    portal = make_app("portal")
    portal.owner = anna
    portal.save()
    found = certified("anna")
    assert (found.name, found.manager, found.manager_username) == ("Anna Tester", "Head Tester", "head")
    assert (found.roles, found.participants, found.applications) == (["Reviewers"], ["Geneva"], ["portal"])
    assert found.own_permissions == ["Contacts: Create contacts"]
    assert found.decides == [EVERYBODY, "Tax of Contact details"]
    assert found.substitute_for == ["Ben Tester"]
    assert (found.is_active, found.is_superuser, found.sees_all_contacts) == (True, False, False)
    # Without the permission to review nobody decides, whatever group it is in.
    reviewers.permissions.clear()
    assert certified("anna").decides == []


def test_as_of_a_date_it_says_what_was(anna: Member, reviewers: Group, head: Member, make_app: Any) -> None:
    actor = system_actor("tests")
    portal: ClientApplication = make_app("portal")
    ClientApplication.objects.update(created=timezone.now() - timedelta(days=90))
    earlier = timezone.now() - timedelta(days=1)
    change_rights(
        actor=actor,
        user_id=anna.user_id,
        target={"groups": [], "permissions": [], "seesAllContacts": True, "isSuperuser": True, "manager": None},
    )
    change_group(actor=actor, group_id=reviewers.pk, target={"permissions": [], "name": "Former reviewers"})
    delete_group(actor=actor, group_id=reviewers.pk)
    change_application(actor=actor, application_id=portal.pk, target={"owner": anna.pk})
    create_login(actor=actor, username="new", target={"isMember": True, "email": "new@bank.example"})
    now, then = certified("anna"), certified("anna", earlier)
    assert (now.roles, now.is_superuser, now.manager, now.applications) == ([], True, "", ["portal"])
    assert (then.roles, then.is_superuser, then.manager, then.applications) == (["Reviewers"], False, "Head Tester", [])
    assert (then.decides, now.decides) == ([EVERYBODY], [EVERYBODY])
    assert then.own_permissions == ["Contacts: Create contacts"]
    assert "new" in {one.username for one in recertification(moment=timezone.now())}
    assert "new" not in {one.username for one in recertification(moment=earlier)}


def test_it_takes_as_many_queries_for_many_as_for_few(make_member: Any, head: Member, count_queries: Any) -> None:
    def queries() -> int:
        with count_queries() as counted:
            recertification(moment=timezone.now())
        return len(counted)

    few = queries()
    for _number in range(9):
        make_member(manager=head, reviews=True)
    assert queries() == few


# ---- the command


def test_the_command_writes_it_for_programs_spreadsheets_and_paper(anna: Member, head: Member) -> None:
    User.objects.filter(pk=anna.user_id).update(first_name="=1+1", last_name="")
    rows = list(csv.DictReader(io.StringIO(told())))
    assert {row["Username"] for row in rows} == {"anna", "head"}
    assert next(row for row in rows if row["Username"] == "anna")["Name"] == "'=1+1"
    found = json.loads(told("--format", "json", "--manager", "HEAD"))
    assert [one["username"] for one in found["members"]] == ["anna"]
    page = told("--format", "html")
    assert "Members who report to Head Tester" in page
    assert "Signature, Head Tester" in page
    tomorrow = timezone.localdate() + timedelta(days=1)
    for wrong in (["--as-of", tomorrow.isoformat()], ["--manager", "nobody"]):
        with pytest.raises(CommandError):
            told(*wrong)


# ---- the page


def test_who_does_not_see_users_and_members_does_not_see_it(make_member: Any, admin_of: Any) -> None:
    for permissions in ([], ["view_user"], ["view_member"]):
        assert admin_of(make_member(permissions=permissions)).get(PAGE).status_code == 403


def test_a_manager_sees_its_own_people_and_no_others(make_member: Any, admin_of: Any) -> None:
    boss = make_member("boss", permissions=[])
    make_member("ben", manager=boss)
    for address in (PAGE, f"{PAGE}?manager={Member.objects.get(user__username='head').pk}"):
        shown = admin_of(boss).get(address).content.decode()
        assert "Ben Tester" in shown
        assert "Anna Tester" not in shown


# ---- confirming


def test_a_manager_confirms_what_the_page_showed(anna: Member, head: Member, admin_of: Any) -> None:
    browser = admin_of(head)
    digest = browser.get(PAGE).context["digest"]
    assert browser.post(PAGE, {"digest": digest}).status_code == 302
    entry = Entry.objects.get(kind=RECERTIFICATION)
    assert (entry.subject_id, entry.initiator_member) == (anna.user_id, head)
    assert entry.changes[0]["target"]["roles"] == ["Reviewers"]
    assert certified("anna").confirmed.endswith("Head Tester")
    # The confirmation is no right: what it was about has not changed.
    assert browser.get(PAGE).context["digest"] == digest


def test_nobody_confirms_what_the_page_did_not_show(
    anna: Member, reviewers: Group, head: Member, make_member: Any, admin_of: Any
) -> None:
    browser = admin_of(head)
    digest = browser.get(PAGE).context["digest"]
    reviewers.permissions.add(Permission.objects.get(codename="anonymize_contact"))
    anna.user.groups.add(Group.objects.create(name="More"))
    stranger = admin_of(make_member("stranger", permissions=["view_user", "view_member"]))
    for somebody, sent in ((browser, digest), (browser, ""), (stranger, digest)):
        with nothing_changes():
            somebody.post(PAGE, {"digest": sent})
    assert not Entry.objects.filter(kind=RECERTIFICATION).exists()
    # A list of an earlier day is not confirmed.
    yesterday = timezone.localdate() - timedelta(days=1)
    assert "digest" not in browser.get(PAGE, {"day": yesterday.isoformat()}).context


def test_the_page_has_one_part_for_each_manager(anna: Member, head: Member, admin_of: Any) -> None:
    browser = admin_of(head)
    shown = browser.get(PAGE).content.decode()
    for text in (
        "Members without a manager",
        "Members who report to Head Tester",
        "Contacts: Create contacts",
        "Reviewers",
    ):
        assert text in shown
    assert PAGE in browser.get("/admin/accounts/member/").content.decode()
    only = browser.get(PAGE, {"manager": head.pk}).content.decode()
    assert "Members without a manager" not in only
    assert "That day is still to come." in browser.get(PAGE, {"day": "2999-01-01"}).content.decode()
    long_before = browser.get(PAGE, {"day": "2001-01-01"}).content.decode()
    assert "Nobody was a member then." in long_before
