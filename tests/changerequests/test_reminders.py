"""Who could decide a request is reminded once when three quarters of a stage's time have passed."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from changerequests.deadline_mails import GIVEN_UP_AFTER, deliver_deadline_mails
from changerequests.models import ChangeRequest, DeadlineMail, Notification
from changerequests.services.deadlines import KEPT_FOR, remind
from changerequests.tasks import tidy_notifications, watch_deadlines
from operations.figures import read_figures
from tests.changerequests.engine import BOTH, amend, approve, cancel, reject, send_back, submit
from tests.changerequests.policies import absent, make_group, policy, rule, set_policy, stage
from tests.concurrency import at_once

pytestmark = pytest.mark.django_db
ADDRESS = "https://kontor.example/admin/changerequests/changerequest/{}/change/"


@pytest.fixture(autouse=True)
def eight_hours(default_schemas, settings):
    settings.PUBLIC_URL = "https://kontor.example"
    settings.BUSINESS_DAYS = range(7)
    set_policy(policy([stage(hours=8)], [rule("Review")]))


@pytest.fixture
def with_address(make_member):
    """Return a new reviewer with an address, who sees all contacts."""

    def make(name, **options):
        member = make_member(name, **{"reviews": True, "sees_all_contacts": True, **options})
        User.objects.filter(pk=member.user_id).update(email=f"{name}@bank.example")
        return member

    return make


@pytest.fixture
def carl(with_address):
    return with_address("carl")


@pytest.fixture
def asked(contact, anna, api_of):
    return submit(api_of(anna), contact, BOTH)


def let_pass(hours):
    """Let the stages of all open requests be this much older."""
    passed = timedelta(hours=hours)
    ChangeRequest.objects.update(remind_at=F("remind_at") - passed, due_at=F("due_at") - passed)


@pytest.fixture
def mailed(celery_messages):
    """Run what beat runs, and its tasks; return who was mailed."""

    def run():
        mail.outbox.clear()
        watch_deadlines()
        for task, arguments in celery_messages():
            if task == "changerequests.tasks.send_deadline_mails":
                deliver_deadline_mails(*arguments)
        return sorted(recipient.partition("@")[0] for message in mail.outbox for recipient in message.to)

    return run


# ---- who is reminded


def test_nobody_is_reminded_before_three_quarters_of_the_time_have_passed(asked, carl, mailed):
    let_pass(5.9)
    assert mailed() == []
    let_pass(0.2)
    assert mailed() == ["carl"]


def test_nobody_is_reminded_who_could_not_decide(contact, anna, carl, with_address, api_of, mailed):
    group = make_group("Compliance", carl)
    for name, options in {
        "outside": {},
        "blind": {"sees_all_contacts": False},
        "looker": {"reviews": False},
    }.items():
        member = with_address(name, **options)
        if name != "outside":
            member.user.groups.add(group)
    substitute, closed = with_address("substitute"), with_address("closed")
    anna.user.groups.add(group)
    User.objects.filter(pk=anna.user_id).update(email="anna@bank.example")
    for member in (substitute, closed):
        member.user.groups.add(group)
    absent(anna, substitute)
    User.objects.filter(pk=closed.user_id).update(is_active=False)
    set_policy(policy([stage(group=group, hours=8)], [rule("Review")]))
    submit(api_of(anna), contact, BOTH)
    let_pass(7)
    assert mailed() == ["carl"]
    assert [row.member for row in Notification.objects.filter(event="due-soon")] == [carl]


def test_who_has_no_address_is_reminded_in_the_admin_only(asked, rita, mailed):
    let_pass(7)
    assert mailed() == []
    assert Notification.objects.get().member == rita
    assert not DeadlineMail.objects.filter(is_due=True).exists()


def test_a_substitute_is_reminded_of_what_it_sees_through_the_absent_member(asked, rita, with_address, mailed):
    absent(rita, with_address("paula", sees_all_contacts=False))
    let_pass(7)
    assert mailed() == ["paula"]


def test_a_stage_without_hours_reminds_nobody(contact, anna, carl, api_of, mailed):
    set_policy(policy([stage()], [rule("Review")]))
    asked = submit(api_of(anna), contact, BOTH)
    assert (asked.remind_at, mailed()) == (None, [])


@pytest.mark.parametrize("end", [reject, send_back])
def test_nobody_is_reminded_of_what_no_longer_waits(asked, rita, carl, api_of, end, mailed):
    let_pass(7)
    end(api_of(rita), asked)
    assert mailed() == []


# ---- once


def test_everybody_is_reminded_once_for_each_stage_and_wording(contact, anna, carl, rita, with_address, api_of, mailed):
    set_policy(policy([stage(hours=8), stage("Second", hours=8)], [rule("Review", "Second")]))
    with_address("clara")
    asked = submit(api_of(anna), contact, BOTH)
    let_pass(7)
    assert mailed() == ["carl", "clara"]
    assert mailed() == []
    approve(api_of(rita), asked)
    assert mailed() == []
    let_pass(7)
    assert mailed() == ["carl", "clara"]
    amend(api_of(anna), asked, {"personalInformation": {"lastName": "Keller"}})
    assert mailed() == []
    let_pass(7)
    assert mailed() == ["carl", "clara"]


def test_one_mail_names_all_that_is_due_without_any_value(asked, make_contact, anna, carl, api_of, mailed):
    other = submit(api_of(anna), make_contact(members=[anna]), BOTH)
    let_pass(7)
    assert mailed() == ["carl"]
    [message] = mail.outbox
    assert message.subject == "2 change requests that you could decide are due soon"
    for request in (asked, other):
        assert f"#{request.pk} (Contact details), requested 0\xa0minutes ago, due " in message.body
        assert ADDRESS.format(request.pk) in message.body
    assert not any(word in message.body for word in ("Heusser", "Spyri", "Married", "Johanna"))


def test_a_mail_is_in_the_language_of_its_reader(asked, carl, mailed):
    User.objects.filter(pk=carl.user_id).update(language="de")
    let_pass(7)
    mailed()
    assert mail.outbox[0].subject == "Ein Änderungsantrag, den Sie entscheiden könnten, ist bald fällig"
    assert "Diese Änderungsanträge sind bald fällig" in mail.outbox[0].body


# ---- failures


@transaction.atomic
def remind_and_die():
    remind()
    raise ConnectionRefusedError


def test_a_mail_server_that_is_down_loses_nothing(asked, carl, settings, mailed):
    let_pass(7)
    settings.EMAIL_BACKEND = "tests.changerequests.test_reminders.Down"
    remind()
    with pytest.raises(ConnectionRefusedError):
        deliver_deadline_mails(carl.pk)
    assert DeadlineMail.objects.filter(is_due=True, claimed_at=None, member=carl).exists()
    assert read_figures().oldest_due["deadline"] >= 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert mailed() == ["carl"]
    assert mailed() == []


class Down:
    def __init__(self, **_options):
        raise ConnectionRefusedError


def test_what_a_killed_worker_was_sending_is_sent_again(asked, carl, mailed):
    let_pass(7)
    remind()
    DeadlineMail.objects.update(claimed_at=timezone.now())
    assert mailed() == []
    DeadlineMail.objects.update(claimed_at=timezone.now() - timedelta(minutes=3))
    assert mailed() == ["carl"]


def test_a_worker_that_is_killed_while_it_writes_has_written_nothing(asked, carl, mailed):
    let_pass(7)
    with pytest.raises(ConnectionRefusedError):
        remind_and_die()
    assert not Notification.objects.exists()
    assert mailed() == ["carl"]


def test_what_was_decided_while_the_mail_was_due_is_left_out(asked, carl, rita, anna, api_of, mailed):
    let_pass(7)
    remind()
    cancel(api_of(anna), asked)
    assert mailed() == []
    assert not DeadlineMail.objects.filter(is_due=True).exists()


def test_old_mails_are_given_up_and_forgotten(asked, carl, mailed):
    let_pass(7)
    remind()
    DeadlineMail.objects.update(created_at=timezone.now() - GIVEN_UP_AFTER)
    assert mailed() == []
    tidy_notifications()
    assert DeadlineMail.objects.filter(member=carl).exists()
    DeadlineMail.objects.update(created_at=timezone.now() - KEPT_FOR)
    tidy_notifications()
    assert not DeadlineMail.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_remind_and_mail_once(asked, carl):
    let_pass(7)
    mail.outbox.clear()
    at_once(remind, remind)
    assert DeadlineMail.objects.filter(member=carl).count() == Notification.objects.filter(member=carl).count() == 1
    at_once(*[lambda: deliver_deadline_mails(carl.pk)] * 2)
    assert len(mail.outbox) == 1
