"""Members are notified of what happened to requests, in the admin, by notifications that only they see."""

import re
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from accounts.actor import member_actor, system_actor
from accounts.models import Member, User
from changerequests.admin.notifications import COLOURS
from changerequests.models import ChangeRequest, Notification, Verdict
from changerequests.services.conversation import add_comment
from changerequests.services.deciding import decide
from changerequests.services.notifications import notify, notify_initiator
from changerequests.services.withdrawing import amend_change_request, cancel_change_request
from changerequests.tasks import tidy_notifications
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.errors import ApiError
from tests.changerequests.reviewing import NEW_NAME, QUEUE, page_of, text_of

pytestmark = pytest.mark.django_db
Event = Notification.Event
PAGE = "/admin/notifications/"
READ = f"{PAGE}read/"
BELL = re.compile(r'class="k-bell" href="/admin/notifications/" aria-label="([^"]*)"')


@pytest.fixture
def decided(rita: Member) -> Callable[..., ChangeRequest]:
    def make(request: ChangeRequest, verdict: Verdict = Verdict.REJECT) -> ChangeRequest:
        return decide(actor=member_actor(rita), change_request_id=request.pk, verdict=verdict, comment="No.")

    return make


def told(member: Member) -> list[tuple[int, str]]:
    rows = Notification.objects.filter(member=member).order_by("pk")
    return [(row.request_id, row.event) for row in rows]


def comment(member: Member, request: ChangeRequest) -> None:
    add_comment(actor=member_actor(member), change_request_id=request.pk, text="Which passport?")


def bell_of(browser: Client, address: str = "/admin/") -> str:
    found = BELL.search(browser.get(address).content.decode())
    assert found is not None
    return found[1]


# ---- who is notified of what


@pytest.mark.parametrize(
    ("verdict", "event"),
    [(Verdict.APPROVE, Event.APPROVED), (Verdict.REJECT, Event.REJECTED), (Verdict.RETURN, Event.RETURNED)],
)
def test_a_decision_notifies_the_initiator_and_nobody_else(
    anna: Member, asked: ChangeRequest, decided: Callable[..., ChangeRequest], verdict: Verdict, event: str
) -> None:
    decided(asked, verdict)
    assert told(anna) == [(asked.pk, event)]
    assert Notification.objects.count() == 1


def test_a_decision_that_fails_notifies_nobody(
    contact: Contact, asked: ChangeRequest, decided: Callable[..., ChangeRequest]
) -> None:
    patch_details(actor=system_actor("tests"), contact_id=contact.pk, patch={"personalInformation": {"lastName": "K"}})
    with pytest.raises(ApiError):
        decided(asked, Verdict.APPROVE)
    assert not Notification.objects.exists()


def test_nobody_is_notified_of_what_it_cancels_itself(anna: Member, asked: ChangeRequest) -> None:
    cancel_change_request(actor=member_actor(anna), change_request_id=asked.pk)
    assert not Notification.objects.exists()


def test_who_asked_hears_that_an_anonymization_cancelled_it(
    anna: Member, contact: Contact, asked: ChangeRequest
) -> None:
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])
    assert told(anna) == [(asked.pk, Event.CANCELLED)]


def test_what_an_application_asked_for_notifies_nobody(make_app: Callable[..., Any]) -> None:
    notify_initiator(request=ChangeRequest(initiator_application=make_app()), event=Event.APPROVED)
    assert not Notification.objects.exists()


def test_a_comment_notifies_who_asked_and_who_took_part_but_not_its_author(
    anna: Member,
    rita: Member,
    make_member: Callable[..., Member],
    asked: ChangeRequest,
    decided: Callable[..., ChangeRequest],
) -> None:
    ben = make_member("ben", sees_all_contacts=True)
    make_member("bystander", reviews=True, sees_all_contacts=True)
    decided(asked, Verdict.RETURN)
    amend_change_request(
        actor=member_actor(anna),
        change_request_id=asked.pk,
        document={"personalInformation": {"lastName": "Spyri-Heusser"}},
    )
    Notification.objects.all().delete()
    comment(anna, asked)
    assert Notification.objects.values_list("member", "event").get() == (rita.pk, Event.COMMENTED)
    comment(ben, asked)
    assert told(anna) == [(asked.pk, Event.COMMENTED)]
    comment(rita, asked)
    assert told(ben) == [(asked.pk, Event.COMMENTED)]


def test_an_unread_notification_stands_for_all_that_follow(anna: Member, rita: Member, asked: ChangeRequest) -> None:
    comment(rita, asked)
    comment(rita, asked)
    assert len(told(anna)) == 1
    Notification.objects.update(read_at=timezone.now())
    comment(rita, asked)
    assert len(told(anna)) == 2


def test_a_change_that_waits_for_nobody_writes_no_notification(
    anna: Member, contact: Contact, count_queries: Callable[[], Any]
) -> None:
    with count_queries() as queries:
        patch_details(actor=system_actor("tests"), contact_id=contact.pk, patch=NEW_NAME)
    assert not [query for query in queries.captured_queries if "notification" in query["sql"]]


def test_notifying_many_takes_one_statement(
    make_member: Callable[..., Member], asked: ChangeRequest, count_queries: Callable[[], Any]
) -> None:
    members = [make_member().pk for _number in range(5)]
    with count_queries() as queries:
        notify(members=[*members, members[0]], request=asked, event=Event.ESCALATED)
    assert len([query for query in queries.captured_queries if query["sql"].startswith("INSERT")]) == 1
    assert Notification.objects.count() == 5


# ---- reading


def test_who_is_no_member_has_no_page_and_no_bell(db: None) -> None:
    User.objects.create_superuser("root", password="x")
    browser = Client()
    assert browser.get(PAGE).status_code == browser.post(READ).status_code == HTTPStatus.FOUND
    browser.force_login(User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    assert browser.get(PAGE).status_code == browser.post(READ).status_code == HTTPStatus.FORBIDDEN
    assert "k-bell" not in browser.get("/admin/").content.decode()


def test_nobody_sees_or_reads_the_notifications_of_another(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, decided: Callable[..., ChangeRequest]
) -> None:
    decided(asked)
    browser, row = admin_of(rita), Notification.objects.get()
    for address in (PAGE, f"{PAGE}?show=all"):
        answer = browser.get(address)
        assert answer.status_code == HTTPStatus.OK
        assert page_of(asked) not in answer.content.decode()
    browser.post(READ, {"notification": row.pk})
    browser.post(READ, {"up_to": row.pk})
    browser.get(page_of(asked))
    row.refresh_from_db()
    assert row.read_at is None
    assert bell_of(browser) == "Notifications, 0 unread"


def test_the_page_says_what_happened_in_the_language_of_its_reader(
    admin_of: Callable[..., Client],
    anna: Member,
    contact: Contact,
    asked: ChangeRequest,
    decided: Callable[..., ChangeRequest],
) -> None:
    decided(asked)
    browser = admin_of(anna)
    answer = browser.get(PAGE)
    text = text_of(answer)
    assert re.search(rf"Rejected {re.escape(str(contact))} Contact details, change request #{asked.pk} ", text)
    assert f'href="{page_of(asked)}"' in answer.content.decode()
    with translation.override("de"):
        event = str(Event.REJECTED.label)
    assert event in text_of(browser.get(PAGE, headers={"accept-language": "de"}))


def test_of_a_request_that_the_reader_no_longer_sees_the_page_says_nothing(
    admin_of: Callable[..., Client],
    anna: Member,
    contact: Contact,
    asked: ChangeRequest,
    decided: Callable[..., ChangeRequest],
) -> None:
    decided(asked)
    contact.assignments.all().delete()
    answer = admin_of(anna).get(PAGE)
    assert "Rejected A request that you no longer see" in text_of(answer)
    page = answer.content.decode()
    assert page_of(asked) not in page
    assert str(contact) not in page


def test_who_may_not_open_requests_gets_no_link(
    admin_of: Callable[..., Client], anna: Member, asked: ChangeRequest, decided: Callable[..., ChangeRequest]
) -> None:
    anna.user.user_permissions.clear()
    decided(asked)
    answer = admin_of(anna).get(PAGE)
    assert f"change request #{asked.pk}" in text_of(answer)
    assert page_of(asked) not in answer.content.decode()


def test_every_event_has_a_colour() -> None:
    assert COLOURS.keys() == set(Event)


# ---- marking as read


@pytest.fixture
def three(anna: Member, asked: ChangeRequest) -> list[Notification]:
    for event in (Event.COMMENTED, Event.DUE_SOON, Event.ESCALATED):
        notify(members=[anna.pk], request=asked, event=event)
    return list(Notification.objects.order_by("pk"))


def unread() -> set[str]:
    return set(Notification.objects.filter(read_at=None).values_list("event", flat=True))


def test_a_page_that_is_only_looked_at_marks_nothing(
    admin_of: Callable[..., Client], anna: Member, three: list[Notification]
) -> None:
    browser = admin_of(anna)
    browser.get(PAGE)
    assert browser.get(READ).status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert len(unread()) == 3


@pytest.mark.parametrize("sent", [{"notification": "x"}, {"up_to": "1e3"}])
def test_what_names_no_notification_is_not_found(
    admin_of: Callable[..., Client], anna: Member, three: list[Notification], sent: dict[str, str]
) -> None:
    assert admin_of(anna).post(READ, sent).status_code == HTTPStatus.NOT_FOUND
    assert len(unread()) == 3


def test_one_is_marked_and_the_tab_stays(
    admin_of: Callable[..., Client], anna: Member, three: list[Notification]
) -> None:
    browser = admin_of(anna)
    answer = browser.post(READ, {"notification": three[0].pk, "show": "all"})
    assert answer["Location"] == f"{PAGE}?show=all"
    assert unread() == {Event.DUE_SOON, Event.ESCALATED}
    assert bell_of(browser) == "Notifications, 2 unread"
    assert "New comment" not in text_of(browser.get(PAGE))
    assert "New comment" in text_of(browser.get(f"{PAGE}?show=all"))


def test_all_are_marked_up_to_the_latest_of_the_page(
    admin_of: Callable[..., Client], anna: Member, asked: ChangeRequest, three: list[Notification]
) -> None:
    browser = admin_of(anna)
    latest = browser.get(PAGE).context["up_to"]
    notify(members=[anna.pk], request=asked, event=Event.ASSIGNED)
    assert browser.post(READ, {"up_to": latest, "show": "https://elsewhere.example"})["Location"] == PAGE
    assert unread() == {Event.ASSIGNED}


def test_opening_a_request_reads_what_is_about_it(
    admin_of: Callable[..., Client],
    anna: Member,
    make_contact: Callable[..., Contact],
    ask: Callable[..., ChangeRequest],
    asked: ChangeRequest,
    three: list[Notification],
) -> None:
    other = ask(make_contact(members=[anna]))
    notify(members=[anna.pk], request=other, event=Event.ASSIGNED)
    browser = admin_of(anna)
    assert bell_of(browser) == "Notifications, 4 unread"
    assert bell_of(browser, page_of(asked)) == "Notifications, 1 unread"
    assert unread() == {Event.ASSIGNED}


def test_the_header_counts_no_further_than_it_shows(
    admin_of: Callable[..., Client], anna: Member, asked: ChangeRequest
) -> None:
    Notification.objects.bulk_create(
        Notification(member=anna, request=asked, event=f"event-{number}") for number in range(101)
    )
    assert bell_of(admin_of(anna), QUEUE) == "Notifications, more than 99 unread"


def test_the_page_takes_as_many_statements_for_many_as_for_few(
    admin_of: Callable[..., Client],
    anna: Member,
    make_contact: Callable[..., Contact],
    ask: Callable[..., ChangeRequest],
    three: list[Notification],
    count_queries: Callable[[], Any],
) -> None:
    browser = admin_of(anna)
    browser.get(PAGE)
    counted = []
    for _round in range(2):
        with count_queries() as queries:
            browser.get(PAGE)
        counted.append(len(queries))
        for _number in range(5):
            notify(members=[anna.pk], request=ask(make_contact(members=[anna])), event=Event.ASSIGNED)
    assert counted[0] == counted[1] <= 12


def test_what_was_read_long_ago_goes_and_what_is_unread_stays(three: list[Notification]) -> None:
    now = timezone.now()
    Notification.objects.update(created_at=now - timedelta(days=500))
    Notification.objects.filter(pk=three[0].pk).update(read_at=now - timedelta(days=91))
    Notification.objects.filter(pk=three[1].pk).update(read_at=now - timedelta(days=89))
    tidy_notifications()
    assert list(Notification.objects.order_by("pk")) == three[1:]
