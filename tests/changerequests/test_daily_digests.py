"""Members who want it get one mail each working day: numbers and links, and nothing about anybody."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.actor import member_actor
from accounts.models import Member, User
from changerequests.checks import check_digest_hour
from changerequests.daily_digests import deliver_digest, due_digests
from changerequests.models import ChangeRequest, DailyDigest, Holiday, Verdict
from changerequests.services.deciding import decide
from changerequests.tasks import send_due_digests
from tests.changerequests.reviewing import text_of
from tests.concurrency import at_once

PAGE = "/admin/notifications/"
CHOOSE = f"{PAGE}digest/"
SEND = "changerequests.tasks.send_digest"
ZONE = ZoneInfo("Europe/Zurich")
MONDAY = date(2026, 11, 23)


@pytest.fixture
def rita(rita: Member) -> Member:
    User.objects.filter(pk=rita.user_id).update(email="rita@bank.example")
    return rita


def wanted(member: Member, **columns: Any) -> DailyDigest:
    """Have a member want the digest, which is due."""
    defaults = {"language": "en", "day": timezone.localdate(), "is_due": True, "due_since": timezone.now()}
    return DailyDigest.objects.create(member=member, **{**defaults, **columns})


def bodies() -> list[str]:
    return [str(message.body) for message in mail.outbox]


# ---- who chooses it


@pytest.mark.django_db
def test_who_is_no_member_chooses_nothing() -> None:
    User.objects.create_superuser("root", password="x")
    browser = Client()
    assert browser.post(CHOOSE, {"wanted": "yes"}).status_code == HTTPStatus.FOUND
    browser.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post(CHOOSE, {"wanted": "yes"}).status_code == HTTPStatus.FORBIDDEN
    assert not DailyDigest.objects.exists()


@pytest.mark.django_db
def test_a_member_chooses_for_itself_in_its_language_and_stops_it(
    admin_of: Callable[..., Client], rita: Member, anna: Member
) -> None:
    browser = admin_of(rita)
    assert browser.get(CHOOSE).status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert "Send it to rita@bank.example" in text_of(browser.get(PAGE))
    browser.post(CHOOSE, {"wanted": "yes", "member": anna.pk}, headers={"accept-language": "fr"})
    [digest] = DailyDigest.objects.all()
    assert (digest.member, digest.language, digest.is_due) == (rita, "fr", False)
    assert "Stop the daily mail" in text_of(browser.get(PAGE))
    browser.post(CHOOSE, {"wanted": "yes"})
    assert DailyDigest.objects.get().language == "en"
    admin_of(anna).post(CHOOSE, {"wanted": "no"})
    assert DailyDigest.objects.exists()
    browser.post(CHOOSE, {"wanted": "no"})
    assert not DailyDigest.objects.exists()


@pytest.mark.django_db
def test_who_has_no_address_is_asked_for_one(admin_of: Callable[..., Client], anna: Member) -> None:
    assert "Your login has no email address." in text_of(admin_of(anna).get(PAGE))


# ---- what it says


@pytest.mark.django_db
def test_a_reviewer_learns_how_much_is_to_decide_and_nothing_about_whom(
    asked: ChangeRequest, rita: Member, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    ChangeRequest.objects.update(due_at=timezone.now() - timedelta(hours=1))
    wanted(rita)
    deliver_digest(rita.pk)
    [message] = mail.outbox
    assert message.to == ["rita@bank.example"]
    assert message.subject == "Change requests: pending for you"
    queue = "https://kontor.example/admin/changerequests/changerequest/?status=1&turn="
    assert message.body == (
        f"You can decide now: 1\n{queue}mine\n\n"
        f"Of those, overdue: 1\n{queue}mine&due=overdue\n\n"
        "You get this mail on working days because you subscribed to it. Stop it here: "
        "https://kontor.example/admin/notifications/\n"
    )


@pytest.mark.django_db
def test_an_initiator_learns_what_came_back_since_the_last_mail(
    admin_of: Callable[..., Client], anna: Member, rita: Member, ask: Callable[..., ChangeRequest], make_contact: Any
) -> None:
    User.objects.filter(pk=anna.user_id).update(email="anna@bank.example")
    for verdict in (Verdict.RETURN, Verdict.REJECT):
        request = ask(make_contact(members=[anna]))
        decide(actor=member_actor(rita), change_request_id=request.pk, verdict=verdict, comment="Spyri")
    wanted(anna)
    DailyDigest.objects.update(covers_from=timezone.now() - timedelta(days=1))
    deliver_digest(anna.pk)
    [body] = bodies()
    lines = [line for line in body.splitlines() if line and not line.startswith("http")]
    assert lines[:3] == ["Returned to you: 1", "Rejected since the last mail: 1", "Unread notifications: 2"]
    assert "Spyri" not in body
    addresses = [line.partition("localhost:8000")[2] for line in body.splitlines() if line.startswith("http")]
    for address in addresses:
        assert admin_of(anna).get(address).status_code == HTTPStatus.OK
    DailyDigest.objects.update(is_due=True)
    deliver_digest(anna.pk)
    assert "Rejected" not in bodies()[1]


@pytest.mark.django_db
def test_it_is_in_the_language_that_was_chosen(asked: ChangeRequest, rita: Member) -> None:
    wanted(rita, language="de")
    deliver_digest(rita.pk)
    assert bodies()[0].startswith("Sie können jetzt entscheiden: 1\n")


@pytest.mark.django_db
def test_if_there_is_nothing_to_say_there_is_no_mail(rita: Member) -> None:
    wanted(rita)
    deliver_digest(rita.pk)
    assert mail.outbox == []
    assert not DailyDigest.objects.get().is_due


@pytest.mark.django_db
@pytest.mark.parametrize("closed", [{"email": ""}, {"is_active": False}])
def test_nobody_is_written_to_who_has_no_address_or_no_open_login(
    asked: ChangeRequest, rita: Member, closed: dict[str, Any]
) -> None:
    User.objects.filter(pk=rita.user_id).update(**closed)
    wanted(rita)
    deliver_digest(rita.pk)
    assert mail.outbox == []
    assert not DailyDigest.objects.get().is_due


# ---- when, and once


@pytest.mark.parametrize(("hour", "found"), [(-1, ["kontor.E005"]), (24, ["kontor.E005"]), (0, []), (23, [])])
def test_the_hour_is_one_of_a_day(settings: Any, hour: int, found: list[str]) -> None:
    settings.DIGEST_HOUR = hour
    assert [fault.id for fault in check_digest_hour()] == found


@pytest.fixture(autouse=True)
def zone(settings: Any) -> None:
    settings.TIME_ZONE, settings.DIGEST_HOUR = str(ZONE), 7


def due_at(hour: int, minute: int = 0, *, days: int = 0) -> set[int]:
    """Return whose mails are to be sent at an hour of a day after a Monday, in the zone of the institution."""
    moment = datetime(MONDAY.year, MONDAY.month, MONDAY.day, hour, minute, tzinfo=ZONE) + timedelta(days=days)
    return due_digests(now=moment)


@pytest.mark.django_db
def test_it_is_due_once_a_working_day_from_its_hour_on(rita: Member) -> None:
    digest = wanted(rita, is_due=False, day=MONDAY - timedelta(days=3), due_since=None)
    assert due_at(6, 59) == set()
    assert due_at(7) == {rita.pk}
    DailyDigest.objects.update(is_due=False)
    assert [due_at(*moment) for moment in ((7, 1), (9, 0), (23, 59))] == [set()] * 3
    assert due_at(6, 59, days=1) == set()
    assert due_at(8, days=4) == {rita.pk}
    digest.refresh_from_db()
    assert (digest.day, digest.is_due) == (MONDAY + timedelta(days=4), True)
    DailyDigest.objects.update(is_due=False)
    Holiday.objects.create(date=MONDAY + timedelta(days=7), name="Founders' Day")
    assert [due_at(12, days=days) for days in (5, 6, 7, 8)] == [set(), set(), set(), {rita.pk}]


@pytest.mark.django_db
def test_one_that_is_chosen_comes_from_the_next_working_day_on(admin_of: Callable[..., Client], rita: Member) -> None:
    admin_of(rita).post(CHOOSE, {"wanted": "yes"})
    assert DailyDigest.objects.get().day == timezone.localdate()


@pytest.mark.django_db
def test_beat_sends_the_task_of_who_is_due(rita: Member, celery_messages: Callable[[], list[Any]]) -> None:
    wanted(rita, due_since=timezone.now() - timedelta(minutes=1))
    send_due_digests()
    assert celery_messages() == []
    DailyDigest.objects.update(due_since=timezone.now() - timedelta(minutes=3))
    send_due_digests()
    assert celery_messages() == [(SEND, [rita.pk])]


@pytest.mark.django_db
def test_a_mail_server_that_is_down_loses_nothing_and_beat_tries_again_until_the_evening(
    asked: ChangeRequest, rita: Member, settings: Any, celery_messages: Callable[[], list[Any]]
) -> None:
    digest = wanted(rita)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(OSError, match="refused"):
        deliver_digest(rita.pk)
    digest.refresh_from_db()
    assert digest.is_due
    for hours, expected in ((1, [(SEND, [rita.pk])]), (13, [])):
        DailyDigest.objects.update(due_since=timezone.now() - timedelta(hours=hours))
        send_due_digests()
        assert celery_messages() == expected
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    deliver_digest(rita.pk)
    deliver_digest(rita.pk)
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_one_mail(asked: ChangeRequest, rita: Member) -> None:
    wanted(rita)
    at_once(lambda: deliver_digest(rita.pk), lambda: deliver_digest(rita.pk))
    assert len(mail.outbox) == 1
