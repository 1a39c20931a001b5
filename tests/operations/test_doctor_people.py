"""`manage.py doctor` says whose requests nobody could decide, and which uses of break glass nobody has reviewed."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.actor import member_actor
from accounts.models import ClientApplication, Member, Notice
from administration.models import BreakGlass
from administration.notices import deliver_notice
from administration.rights import RIGHTS
from administration.roles import AUDITOR, REVIEWER
from changerequests.models import ChangeRequest, Verdict
from changerequests.services.deciding import decide
from contacts.models import CONTACT_DETAILS, CONTACT_IDENTITY, Contact
from operations.doctor import EXAMINATIONS, Grade
from tests.changerequests.policies import absent, make_group, policy, rule, set_policy, stage
from tests.fixtures import without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# What reviewers need to see the requests of every kind.
SIGHT = ["view_user", "view_group", "view_clientapplication"]


def examined():
    return [(finding.grade, finding.text) for finding in EXAMINATIONS["people"]()]


def unwell():
    return [text for grade, text in examined() if grade != Grade.OK]


def about(text):
    """Return what is said of one stage or kind."""
    return [found for found in unwell() if text in found]


@pytest.fixture
def reviewer(make_member):
    def make(name):
        return make_member(name, reviews=True, permissions=SIGHT)

    return make


# ---- coming in


def test_somebody_comes_in_should_the_identity_provider_fail(reviewer, make_member, settings):
    reviewer("carl")
    make_member("root", is_superuser=True).user.groups.create(name="Break glass")
    for allowed, is_fit in (("staff", True), ("superusers", True), ("Break glass", True), ("Break  glass", False)):
        settings.LOCAL_LOGIN = allowed
        assert bool(about("should the identity provider fail")) is not is_fit


def test_staff_whose_mails_are_refused_are_named(reviewer, make_member, mailbox):
    anna, rita = make_member("anna"), reviewer("rita")
    for member in (anna, rita):
        member.user.email = f"{member.user.username}@bank.example"
        member.user.save()
        notice = Notice.objects.create(kind=Notice.Kind.PASSWORD_LINK, recipient=member.user, language="en")
        mailbox.refusals["anna@bank.example"] = "550 5.1.1 User unknown"
        deliver_notice(notice.pk)
    assert not Notice.objects.filter(is_due=True).exists()
    assert about("refused mails") == ["The mail server refused mails to: anna"]


# ---- nobody


def test_where_nobody_may_review_it_is_an_error(make_member):
    make_member("anna")
    ((grade, text),) = examined()
    assert (grade, text.startswith("Nobody could decide a request: stage Review of Policy, ")) == (Grade.ERROR, True)
    assert all(label in text for label in ("Rights", "Contact details", "Schema", "Break glass"))


def test_a_reviewer_whose_login_is_closed_counts_for_nobody(reviewer):
    rita = reviewer("rita")
    rita.user.is_active = False
    rita.user.save()
    assert unwell()[0].startswith("Nobody could decide a request: ")


def test_what_a_reviewer_alone_asks_for_nobody_decides(reviewer, make_member):
    reviewer("rita")
    make_member("anna")
    found = about("Contact details")
    assert found == [text for text in unwell() if text.startswith("Nobody could decide a request by rita: ")]
    assert ", Rights," not in found[0]
    # Commands ask for the reviews of break glass.
    assert "Break glass" not in found[0]
    assert about("of Rights,") == [
        "Nobody could decide a request about rita, by rita: stage Review of Rights, Client application"
    ]


def test_of_two_reviewers_neither_decides_about_the_other(reviewer, make_member):
    reviewer("rita")
    reviewer("rolf")
    make_member("anna")
    assert unwell() == [
        "Nobody could decide a request by rita about rolf, by rolf about rita: "
        "stage Review of Rights, Client application"
    ]


def test_three_reviewers_decide_whatever_one_of_them_asks_for(reviewer):
    for name in ("rita", "rolf", "rosa"):
        reviewer(name)
    assert examined() == [(Grade.OK, "whatever somebody asks for, somebody else could decide it")]


def test_reviewers_who_do_not_see_users_decide_nothing_about_them(reviewer, make_member):
    for name in ("rita", "rolf", "rosa"):
        make_member(name, reviews=True)
    assert unwell() == ["Nobody could decide a request: stage Review of Rights, Rights of a group, Client application"]


# ---- stages of a policy


@pytest.fixture
def three(reviewer):
    return [reviewer(name) for name in ("rita", "rolf", "rosa")]


def test_a_stage_of_a_group_needs_people_in_it_besides_who_asks(three):
    compliance = make_group("Compliance")
    stages = [stage(), stage("Compliance", group=compliance)]
    set_policy(policy(stages, [rule("Review", "Compliance")]), kind=CONTACT_DETAILS)
    place = "stage Compliance (after Review) of Contact details"
    assert unwell() == [f"Nobody could decide a request: {place}"]
    three[0].user.groups.add(compliance)
    assert unwell() == [f"Nobody could decide a request by rita: {place}"]
    three[1].user.groups.add(compliance)
    assert unwell() == []


def test_one_person_is_not_counted_for_two_stages(three):
    one, other = make_group("One", three[0]), make_group("Other", three[0])
    stages = [stage("One", group=one), stage("Other", group=other)]
    set_policy(policy(stages, [rule("One", "Other")]), kind=CONTACT_DETAILS)
    assert unwell() == ["Nobody could decide a request: stage Other (after One) of Contact details"]
    three[1].user.groups.add(one)
    assert unwell() == ["Nobody could decide a request by rita, by rolf: stage Other (after One) of Contact details"]
    # Whichever of them asks, two others are left, one for each stage.
    three[1].user.groups.add(other)
    three[2].user.groups.add(other, one)
    everybody = "about the group One, about the group Other"
    assert unwell() == [f"Nobody could decide a request {everybody}: stage Review of Rights of a group"]


def test_a_stage_needs_as_many_people_as_approvals(three):
    set_policy(policy([stage(approvals=3)], [rule("Review")]), kind=CONTACT_DETAILS)
    assert unwell() == ["Nobody could decide a request by rita, by rolf, by rosa: stage Review of Contact details"]
    set_policy(policy([stage(approvals=4)], [rule("Review")]), kind=CONTACT_DETAILS)
    assert unwell() == ["Nobody could decide a request: stage Review of Contact details"]


def test_a_stage_that_no_rule_names_needs_nobody(three):
    nobody = make_group("Nobody")
    stages = [stage(), stage("Idle", group=nobody)]
    set_policy(policy(stages, [rule("Review")]), kind=CONTACT_DETAILS)
    assert unwell() == []


def test_who_can_act_as_an_application_does_not_count_for_it(three, make_app):
    portal = make_app("portal")
    rita, rolf, rosa = three
    set_policy(policy([stage()], [rule("Review", applications=[portal.pk])]), kind=CONTACT_IDENTITY)
    ClientApplication.objects.filter(pk=portal.pk).update(owner=rita)
    assert unwell() == []
    ClientApplication.objects.filter(pk=portal.pk).update(secret_holder=rolf)
    # One reviewer is left, and may be the one who asks.
    assert unwell() == [
        "Nobody could decide a request by rosa about application portal: stage Review of Client application"
    ]
    rosa.user.groups.clear()
    rosa.user.user_permissions.clear()
    assert "Nobody could decide a request by application portal: stage Review of Identity of a contact" in unwell()
    assert about("about application portal")
    # Closed.
    ClientApplication.objects.filter(pk=portal.pk).update(allowed_scopes="")
    assert not about("portal")


def test_a_substitute_decides_nothing_that_the_absent_member_asked_for(make_member, reviewer):
    anna = make_member("anna")
    rita = reviewer("rita")
    absent(anna, rita)
    assert "Nobody could decide a request by anna, by rita: " in about("Contact details")[0]


def test_many_who_could_not_are_counted(reviewer):
    people = [reviewer(f"r{number}") for number in range(7)]
    set_policy(policy([stage(approvals=7)], [rule("Review")]), kind=RIGHTS)
    assert len(people) == 7
    (text,) = about("Rights")
    assert text.startswith(
        "Nobody could decide a request about r0, about r1, about r2, about r3, about r4, and 9 more: "
    )


def test_the_number_of_statements_does_not_depend_on_people(three, reviewer, make_member, count_queries):
    with count_queries() as few:
        examined()
    for number in range(6):
        absent(make_member(f"a{number}"), reviewer(f"r{number}"))
    with count_queries() as many:
        examined()
    assert len(many) == len(few) <= 23


def test_before_there_are_people_there_is_nothing_to_decide():
    assert examined() == [(Grade.OK, "there are none yet: commands act at once")]


# ---- break glass


def broken(**options):
    call_command("issue_token", "--member", "rita", reason="Why not", **options)
    return BreakGlass.objects.latest("pk")


@pytest.fixture
def outside(three, settings, capsys):
    """Three people, outside of the embedded profile."""
    settings.EMBEDDED = False
    return three


def test_an_open_review_of_break_glass_is_told_and_fails_after_five_days(outside):
    used = broken()
    ((grade, text),) = [found for found in examined() if "glass" in found[1]]
    assert (grade, text) == (
        Grade.WARNING,
        f"Commands broke the glass, and the review is open: {used} by {used.operator}",
    )
    BreakGlass.objects.update(used_at=timezone.now() - timedelta(days=5, minutes=1))
    newer = broken()
    assert [found for found in examined() if "glass" in found[1]] == [
        (Grade.ERROR, f"Nobody has reviewed in 5 days that commands broke the glass: {used} by {used.operator}"),
        (Grade.WARNING, f"Commands broke the glass, and the review is open: {newer} by {newer.operator}"),
    ]


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.REJECT])
def test_a_review_that_is_closed_is_not_told(outside, verdict):
    broken()
    decide(actor=member_actor(outside[1]), change_request_id=ChangeRequest.objects.get().pk, verdict=verdict)
    assert unwell() == []


# ---- toxic combinations


def test_logins_of_one_address_are_named_and_closed_ones_are_not(three, make_member):
    for member in three[:2]:
        member.user.email = "Rita@bank.example" if member is three[0] else "rita@bank.example"
        member.user.save()
    assert about("One address has several logins") == [
        "One address has several logins of members, so that one person could ask and decide: rita and rolf"
    ]
    three[1].user.is_active = False
    three[1].user.save()
    assert about("One address has several logins") == []


def test_a_superuser_who_owns_an_application_is_named(three, make_app):
    application = make_app("portal")
    application.owner = three[0]
    application.save()
    assert about("owns a client application") == []
    three[0].user.is_superuser = True
    three[0].user.save()
    assert [text.rpartition(": ")[2] for text in about("owns a client application")] == ["rita of portal"]


def test_the_only_decider_of_rights_who_looks_after_users_is_named(make_member):
    rita = make_member("rita", reviews=True, permissions=["change_user"])
    assert [text.rpartition(": ")[2] for text in about("The only one who decides rights")] == ["rita"]
    make_member("rolf", reviews=True, permissions=["view_user"])
    assert rita.user.has_perm("accounts.change_user")
    assert about("The only one who decides rights") == []


def test_who_is_the_substitute_of_its_own_manager_is_named(three):
    absent(three[0], three[1], begins=1, ends=3)
    assert about("is the substitute of its own manager") == []
    three[1].manager = three[0]
    three[1].save()
    assert [text.rpartition(": ")[2] for text in about("is the substitute of its own manager")] == ["rolf for rita"]


def test_an_auditor_who_also_acts_is_named(three):
    call_command("roles", "--create")
    auditors = Group.objects.get(name=AUDITOR.name)
    anna = three[0]
    anna.user.user_permissions.clear()
    anna.user.groups.add(auditors)
    assert about("audits itself") == []
    for given in (Group.objects.get(name=REVIEWER.name), None):
        anna.user.groups.set([auditors, *([given] if given else [])])
        anna.user.is_superuser = given is None
        anna.user.save()
        assert [text.rpartition(": ")[2] for text in about("audits itself")] == ["rita"]


def test_managers_in_a_circle_are_named(three):
    """A trigger refuses them; an older installation may have some."""
    Member.objects.filter(pk=three[0].pk).update(manager=three[1])
    assert about("Managers form a circle") == []
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE accounts_member SET manager_id = %s WHERE id = %s", [three[0].pk, three[1].pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert [text.rpartition(": ")[2] for text in about("Managers form a circle")] == ["rita, rolf"]


# ---- names


def test_contacts_with_names_of_staff_from_before_are_listed(make_member, make_contact):
    make_member("fiona")
    make_member("anna")
    make_contact(username="johanna")
    assert about("usernames of staff") == []
    with without_triggers():
        Contact.objects.update(username="\ufb01ona")
    assert about("usernames of staff") == ["Contacts have usernames of staff: fiona"]
