"""What is overdue escalates once to the group that its stage names, whose members may then decide it, too."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import F, ProtectedError

from accounts.models import User
from changerequests.deadline_mails import deliver_deadline_mails
from changerequests.models import ChangeRequest, DeadlineMail, Decision, Notification, Status
from changerequests.queries.revisions import proposals_of
from changerequests.services.deadlines import escalate
from changerequests.tasks import watch_deadlines
from contacts.models import CONTACT_DETAILS
from core.errors import UnprocessableEntity
from tests.changerequests.engine import (
    BOTH,
    amend,
    approve,
    cancel,
    name_of,
    reject,
    seen,
    send_back,
    status_of,
    submit,
)
from tests.changerequests.policies import absent, make_group, policy, rule, set_policy, stage
from tests.changerequests.requesting import SEARCH, address
from tests.changerequests.reviewing import QUEUE, page_of, text_of
from tests.concurrency import at_once, while_waiting

pytestmark = pytest.mark.django_db
KELLER = {"personalInformation": {"lastName": "Keller"}}
DECIDE = """
    INSERT INTO changerequests_decision (revision_id, stage_id, member_id, verdict, digest, decided_at)
    SELECT revision.id, stage.id, %s, %s, '', now()
      FROM changerequests_revision revision JOIN changerequests_requeststage stage ON stage.revision_id = revision.id
     WHERE revision.request_id = %s AND revision.number = %s AND stage.position = %s
"""
ESCALATE = "UPDATE changerequests_changerequest SET escalated_to_id = %s WHERE id = %s"


@pytest.fixture
def carl(make_member):
    return make_member("carl", reviews=True, sees_all_contacts=True)


@pytest.fixture
def head(make_member):
    """The head of compliance, to whom its requests escalate."""
    return make_member("head", reviews=True, sees_all_contacts=True)


@pytest.fixture
def compliance(carl):
    return make_group("Compliance", carl)


@pytest.fixture
def heads(head):
    return make_group("Heads", head)


@pytest.fixture(autouse=True)
def escalating(default_schemas, settings, compliance, heads):
    settings.BUSINESS_DAYS = range(7)
    first = stage(group=compliance, hours=8, escalatesTo=heads.pk)
    set_policy(policy([first, stage("Second", group=compliance)], [rule("Review", "Second")]))


@pytest.fixture
def asked(contact, anna, api_of):
    return submit(api_of(anna), contact, BOTH)


@pytest.fixture
def overdue(asked):
    let_pass(8)
    return asked


@pytest.fixture
def escalated(overdue):
    escalate()
    overdue.refresh_from_db()
    return overdue


def let_pass(hours):
    passed = timedelta(hours=hours)
    ChangeRequest.objects.update(remind_at=F("remind_at") - passed, due_at=F("due_at") - passed)


def group_of(request):
    request.refresh_from_db()
    return request.escalated_to


def run(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(sql, *values, match):
    with pytest.raises(IntegrityError, match=match):
        run(sql, *values)


def is_mine(api, request):
    found = api.post(SEARCH, {"isMineToDecide": True}).json["results"]
    return request.pk in [row["id"] for row in found]


# ---- when


def test_nothing_escalates_before_it_is_due(asked):
    let_pass(7.9)
    escalate()
    assert group_of(asked) is None
    let_pass(0.2)
    escalate()
    assert group_of(asked).name == "Heads"


@pytest.mark.parametrize("end", [reject, send_back])
def test_what_no_longer_waits_for_review_does_not_escalate(overdue, carl, api_of, end):
    end(api_of(carl), overdue)
    escalate()
    assert group_of(overdue) is None


def test_a_stage_that_names_no_group_does_not_escalate(contact, anna, compliance, api_of):
    set_policy(policy([stage(group=compliance, hours=8)], [rule("Review")]))
    asked = submit(api_of(anna), contact, BOTH)
    let_pass(9)
    escalate()
    assert group_of(asked) is None
    assert not DeadlineMail.objects.exists()


# ---- who decides then


def test_the_other_group_decides_nothing_before(asked, contact, head, api_of, admin_of):
    api = api_of(head)
    assert (approve(api, asked).sub_code, is_mine(api, asked)) == ("NotAReviewer", False)
    assert 'value="approve"' not in admin_of(head).get(page_of(asked)).content.decode()
    refused(DECIDE, head.pk, "approve", asked.pk, 1, 0, match="not in the group of the stage")
    assert name_of(contact) == "Spyri"


def test_its_members_decide_once_it_is_escalated_and_so_do_the_reviewers(
    escalated, contact, head, carl, make_member, api_of, admin_of
):
    assert is_mine(api_of(head), escalated)
    assert is_mine(api_of(carl), escalated)
    assert 'value="approve"' in admin_of(head).get(page_of(escalated)).content.decode()
    assert approve(api_of(head), escalated).status == 204
    assert (status_of(escalated), escalated.stage, name_of(contact)) == (Status.PENDING, 1, "Spyri")


def test_they_need_all_that_reviewers_need(escalated, heads, anna, make_member, api_of):
    blind = make_member("blind", reviews=True)
    looker = make_member("looker", sees_all_contacts=True)
    substitute = make_member("substitute", reviews=True, sees_all_contacts=True)
    anna.user.groups.add(heads)
    anna.user.user_permissions.set(substitute.user.user_permissions.all() | anna.user.user_permissions.all())
    absent(anna, substitute)
    for member in (blind, looker, substitute):
        member.user.groups.add(heads)
    outside = make_member("outside", reviews=True, sees_all_contacts=True)
    found = {
        member.user.username: approve(api_of(member), escalated).status
        for member in (blind, looker, substitute, anna, outside)
    }
    assert found == {"blind": 404, "looker": 403, "substitute": 403, "anna": 403, "outside": 403}
    assert not any(is_mine(api_of(member), escalated) for member in (blind, looker, substitute, anna, outside))
    for member in (looker, substitute, anna, outside):
        refused(DECIDE, member.pk, "approve", escalated.pk, 1, 0, match="Refused")


def test_the_next_stage_is_not_theirs(escalated, carl, head, make_member, api_of):
    approve(api_of(carl), escalated)
    assert (group_of(escalated), escalated.stage) == (None, 1)
    assert (approve(api_of(head), escalated).sub_code, is_mine(api_of(head), escalated)) == ("NotAReviewer", False)
    refused(DECIDE, head.pk, "approve", escalated.pk, 1, 1, match="not in the group of the stage")


def test_another_wording_is_not_theirs_until_it_is_overdue_itself(escalated, anna, head, api_of):
    amend(api_of(anna), escalated, KELLER)
    assert (group_of(escalated), escalated.revision_number) == (None, 2)
    assert approve(api_of(head), escalated, digest=seen(escalated)).sub_code == "NotAReviewer"
    let_pass(9)
    escalate()
    assert approve(api_of(head), escalated, digest=seen(escalated)).status == 204


def test_what_they_return_may_be_rejected_by_them(escalated, head, heads, make_member, api_of):
    other = make_member("other", reviews=True, sees_all_contacts=True)
    other.user.groups.add(heads)
    assert send_back(api_of(head), escalated).status == 204
    assert reject(api_of(other), escalated).status == 204


# ---- who is told


def test_the_members_of_the_group_are_told_once(overdue, head, celery_messages):
    User.objects.filter(pk=head.user_id).update(email="head@bank.example")
    for _minute in range(3):
        watch_deadlines()
    assert ["changerequests.tasks.send_deadline_mails", [head.pk]] in [list(sent) for sent in celery_messages()]
    assert [row.member for row in Notification.objects.filter(event="escalated")] == [head]
    assert DeadlineMail.objects.filter(member=head, reason="escalated").count() == 1


def test_the_mail_says_what_is_overdue_and_no_value(escalated, head):
    User.objects.filter(pk=head.user_id).update(email="head@bank.example")
    deliver_deadline_mails(head.pk)
    [message] = mail.outbox
    assert message.subject == "An overdue change request was escalated to you"
    assert f"#{escalated.pk} (Contact details), requested" in message.body
    assert not any(word in message.body for word in ("Heusser", "Spyri", "Johanna"))


def test_page_queue_and_api_say_to_whom_it_is_escalated(escalated, carl, admin_of, api_of):
    browser = admin_of(carl)
    for address_of_page in (page_of(escalated), QUEUE):
        assert "escalated to Heads" in text_of(browser.get(address_of_page))
    stages = api_of(carl).get(address(escalated)).json["stages"]
    assert [found["escalatedTo"] for found in stages] == ["Heads", None]


# ---- what the database holds


def test_the_database_escalates_nothing_early_or_elsewhere(asked, heads, compliance):
    refused(ESCALATE, heads.pk, asked.pk, match="only an overdue stage")
    let_pass(9)
    refused(ESCALATE, compliance.pk, asked.pk, match="only an overdue stage")
    run(ESCALATE, heads.pk, asked.pk)
    refused(ESCALATE, None, asked.pk, match="only an overdue stage")


def test_the_database_escalates_nothing_that_is_closed(overdue, anna, heads, api_of):
    cancel(api_of(anna), overdue)
    refused(ESCALATE, heads.pk, overdue.pk, match="only an overdue stage")


def test_the_database_takes_it_back_with_the_stage_whoever_moves_it(escalated, carl):
    run(DECIDE, carl.pk, "approve", escalated.pk, 1, 0)
    run("UPDATE changerequests_changerequest SET stage = 1 WHERE id = %s", escalated.pk)
    assert group_of(escalated) is None


# ---- races


@pytest.mark.django_db(transaction=True)
def test_a_decision_that_is_being_made_is_not_escalated(overdue, carl, api_of):
    def decided():
        assert approve(api_of(carl), overdue).status == 204

    while_waiting(escalate, before=decided)
    assert (group_of(overdue), overdue.stage, Notification.objects.filter(event="escalated").count()) == (None, 1, 0)


@pytest.mark.django_db(transaction=True)
def test_a_wording_that_is_being_amended_is_not_escalated(overdue, anna, api_of):
    def amended():
        assert amend(api_of(anna), overdue, KELLER).status == 200

    while_waiting(escalate, before=amended)
    assert (group_of(overdue), DeadlineMail.objects.count()) == (None, 0)


@pytest.mark.django_db(transaction=True)
def test_who_decides_while_it_escalates_is_let_in_once_it_is(overdue, head, api_of):
    api = api_of(head)
    answer = while_waiting(lambda: approve(api, overdue), before=escalate)
    assert answer.status == 204
    assert Decision.objects.get().member == head


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_escalate_once(overdue, head):
    at_once(escalate, escalate)
    assert group_of(overdue).name == "Heads"
    assert Notification.objects.filter(event="escalated", member=head).count() == 1


# ---- policies


class TestPolicies:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"escalatesTo": 0}, "There is no such group."),
            ({"escalatesTo": "own"}, "These are its reviewers already. Name another group."),
            ({"hours": None}, "It is never due, and so never escalated: enter after how many hours."),
        ],
    )
    def test_refuse_a_group_to_which_nothing_could_escalate(self, compliance, heads, wrong, message):
        asked = {**stage(group=compliance, hours=8, escalatesTo=heads.pk), **wrong}
        if asked["escalatesTo"] == "own":
            asked["escalatesTo"] = compliance.pk
        with pytest.raises(UnprocessableEntity) as refusal:
            set_policy(policy([asked], [rule("Review")]))
        assert refusal.value.properties == {f"{CONTACT_DETAILS}.stages.0.escalatesTo": [message]}

    def test_keep_the_group_from_being_deleted(self, heads):
        with pytest.raises(ProtectedError):
            heads.delete()

    def test_the_form_asks_for_it_and_the_page_of_the_request_names_the_group(self, make_member, rita, heads, admin_of):
        browser = admin_of(make_member("olga", permissions=["change_policies"]))
        counts = {f"{name}-{count}": 1 for name in ("stages", "rules") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}
        stages = {"stages-0-name": "Review", "stages-0-approvals": "1", "stages-0-ORDER": "1", "stages-0-hours": "8"}
        rules = {"rules-0-stages": "Review", "rules-0-flagged_only": "on", "rules-0-ORDER": "1"}
        sent = {**counts, **stages, **rules, "stages-0-escalates_to": heads.pk}
        browser.post("/admin/changerequests/policyversion/legal-entity/edit/", sent)
        request = ChangeRequest.objects.get()
        [stages] = proposals_of(request)[1]
        assert stages["target"] == [stage(hours=8, escalatesTo=heads.pk)]
        shown = text_of(admin_of(rita).get(page_of(request)))
        assert "Escalates to" in shown
        assert "Heads" in shown

    def test_go_through_a_file_and_are_shown_in_words(self, capsys, tmp_path):
        call_command("policies", "show")
        assert "stage Review: 1 of Compliance, due after 8 hours, then escalated to Heads" in capsys.readouterr().out
        call_command("policies", "export")
        printed = capsys.readouterr().out
        assert '"escalatesTo": "Heads"' in printed
        file = tmp_path / "policies.json"
        file.write_text(printed)
        call_command("policies", "import", str(file))
        assert "Nothing would change." in capsys.readouterr().out
