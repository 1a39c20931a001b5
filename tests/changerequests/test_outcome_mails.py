"""The initiator gets one mail after a decision, sent after the commit and without client data except the id."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone, translation

from accounts.actor import member_actor
from accounts.models import Member, User
from changerequests.models import ChangeRequest, Verdict
from changerequests.outcomes import deliver_outcome
from changerequests.services import deciding
from changerequests.services.withdrawing import cancel_change_request
from changerequests.tasks import send_due_outcomes
from config.celery import app
from contacts.models import Contact
from contacts.services.changes import patch_details
from core.errors import ApiError
from operations.figures import read_figures
from tests.changerequests.reviewing import NEW_NAME, page_of
from tests.fixtures import without_triggers

SEND = "changerequests.tasks.send_outcome"


@pytest.fixture
def anna(anna: Member) -> Member:
    anna.user.email = "anna@bank.example"
    anna.user.save()
    return anna


@pytest.fixture
def decide(rita: Member) -> Callable[..., ChangeRequest]:
    def make(request: ChangeRequest, *, is_approved: bool = True, comment: str | None = None) -> ChangeRequest:
        verdict = Verdict.APPROVE if is_approved else Verdict.REJECT
        return deciding.decide(actor=member_actor(rita), change_request_id=request.pk, verdict=verdict, comment=comment)

    return make


def is_due(request: ChangeRequest) -> bool:
    request.refresh_from_db()
    return request.is_outcome_due


# ---- what the mail says


@pytest.mark.django_db
def test_a_rejection_says_who_and_why_and_nothing_of_the_client_but_its_number(
    asked: ChangeRequest, contact: Contact, decide: Callable[..., ChangeRequest], settings: Any
) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    decide(asked, is_approved=False, comment="The passport says <Spyri> & nothing else")
    deliver_outcome(asked.pk)
    [message] = mail.outbox
    assert message.to == ["anna@bank.example"]
    assert message.subject == f"Change request #{asked.pk} was rejected"
    assert message.body == (
        f"Your change request #{asked.pk} about contact #{contact.pk} was rejected by Rita Tester. "
        "Nothing was changed.\n\n"
        "Fields:\n- Last name\n\n"
        "Comment:\nThe passport says <Spyri> & nothing else\n\n"
        f"https://kontor.example{page_of(asked)}\n"
    )


@pytest.mark.django_db
def test_an_approval_says_that_the_changes_are_made_and_names_no_value(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest], settings: Any
) -> None:
    settings.PUBLIC_URL = ""
    decide(asked)
    deliver_outcome(asked.pk)
    [message] = mail.outbox
    assert message.subject == f"Change request #{asked.pk} was approved"
    assert "The changes are made." in message.body
    assert "Last name" in message.body
    for private in ("Johanna", "Spyri", "Heusser", "As on the passport", "http", "Comment"):
        assert private not in message.body


@pytest.mark.django_db
def test_fields_are_named_in_the_language_in_which_the_initiator_asked(
    anna: Member, contact: Contact, decide: Callable[..., ChangeRequest]
) -> None:
    with translation.override("de"):
        asked = patch_details(actor=member_actor(anna), contact_id=contact.pk, patch=NEW_NAME).change_request
    assert asked is not None
    decide(asked)
    deliver_outcome(asked.pk)
    assert "- Nachname\n" in mail.outbox[0].body


# ---- who gets none


@pytest.mark.django_db
@pytest.mark.parametrize("closed", [{"email": ""}, {"is_active": False}])
def test_nobody_is_written_to_who_has_no_address_or_no_open_login(
    anna: Member, asked: ChangeRequest, decide: Callable[..., ChangeRequest], closed: dict[str, Any]
) -> None:
    User.objects.filter(pk=anna.user_id).update(**closed)
    decide(asked)
    assert is_due(asked)
    deliver_outcome(asked.pk)
    assert mail.outbox == []
    assert not is_due(asked)


@pytest.mark.django_db
def test_what_the_initiator_cancels_is_told_to_nobody(anna: Member, asked: ChangeRequest) -> None:
    cancel_change_request(actor=member_actor(anna), change_request_id=asked.pk)
    assert not is_due(asked)
    deliver_outcome(asked.pk)
    assert mail.outbox == []


@pytest.mark.django_db
def test_what_still_waits_is_told_to_nobody(asked: ChangeRequest) -> None:
    deliver_outcome(asked.pk)
    assert mail.outbox == []


# ---- once, and not lost


@pytest.mark.django_db
def test_a_task_that_is_delivered_twice_sends_one_mail(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest]
) -> None:
    decide(asked)
    deliver_outcome(asked.pk)
    deliver_outcome(asked.pk)
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_a_mail_that_another_worker_sends_is_left_to_it_until_that_is_taken_for_lost(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest]
) -> None:
    decide(asked)
    ChangeRequest.objects.update(outcome_claimed_at=timezone.now())
    deliver_outcome(asked.pk)
    assert mail.outbox == []
    ChangeRequest.objects.update(outcome_claimed_at=timezone.now() - timedelta(minutes=3))
    deliver_outcome(asked.pk)
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_a_mail_server_that_is_down_loses_nothing(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest], settings: Any
) -> None:
    decide(asked)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(OSError, match="refused"):
        deliver_outcome(asked.pk)
    assert is_due(asked)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    deliver_outcome(asked.pk)
    assert len(mail.outbox) == 1
    assert not is_due(asked)


@pytest.mark.django_db
def test_a_mail_that_is_refused_for_good_is_given_up_and_the_page_says_so(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest], mailbox: Any, anna: Member, client: Client
) -> None:
    mailbox.refusals["anna@bank.example"] = "550 5.1.1 User unknown"
    decide(asked)
    deliver_outcome(asked.pk)
    assert not is_due(asked)
    client.force_login(anna.user)
    assert "The mail server refused the mail to the initiator" in client.get(page_of(asked)).content.decode()


@pytest.mark.django_db
def test_an_outcome_whose_task_got_lost_is_found_by_beat_until_it_is_given_up(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest], celery_messages: Callable[[], list[Any]]
) -> None:
    decide(asked)
    send_due_outcomes()
    assert celery_messages() == []
    with without_triggers():
        ChangeRequest.objects.update(reviewed_at=timezone.now() - timedelta(minutes=3))
    send_due_outcomes()
    assert celery_messages() == [(SEND, [asked.pk])]
    with without_triggers():
        ChangeRequest.objects.update(reviewed_at=timezone.now() - timedelta(days=4))
    send_due_outcomes()
    assert celery_messages() == []


@pytest.mark.django_db(transaction=True)
def test_what_was_given_up_does_not_count_as_waiting_for_ever(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest]
) -> None:
    decide(asked)
    for days, number in ((2, 1), (4, 0)):
        with without_triggers():
            ChangeRequest.objects.update(reviewed_at=timezone.now() - timedelta(days=days))
        figures = read_figures()
        assert figures.jobs.get(("outcome", "pending"), 0) == number
        assert (figures.oldest_due["outcome"] > 0) == bool(number)


@pytest.mark.django_db(transaction=True)
def test_the_task_is_sent_once_the_decision_stands_and_not_for_one_that_failed(
    asked: ChangeRequest, decide: Callable[..., ChangeRequest], celery_messages: Callable[[], list[Any]]
) -> None:
    with without_triggers():
        Contact.objects.update(details={"personalInformation": {"lastName": "Keller"}})
    with pytest.raises(ApiError, match="has changed"):
        decide(asked)
    assert celery_messages() == []
    decide(asked, is_approved=False)
    assert celery_messages() == [(SEND, [asked.pk])]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_fails_no_decision(
    asked: ChangeRequest,
    decide: Callable[..., ChangeRequest],
    celery_messages: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(app.conf, "broker_write_url", "redis://127.0.0.1:1/0")
        patch.setattr(app.amqp, "_producer_pool", None)
        decide(asked)
    assert is_due(asked)
    with without_triggers():
        ChangeRequest.objects.update(reviewed_at=timezone.now() - timedelta(minutes=3))
    send_due_outcomes()
    assert celery_messages() == [(SEND, [asked.pk])]


@pytest.mark.django_db(transaction=True)
def test_the_outcome_of_a_decision_in_the_admin_comes_by_mail(
    admin_of: Callable[..., Client],
    rita: Member,
    asked: ChangeRequest,
    mailbox: Any,
    worker: None,
    eventually: Callable[[Callable[[], Any]], Any],
) -> None:
    admin_of(rita).post(page_of(asked), {"decision": "reject", "comment": "The passport says Spyri"})
    eventually(lambda: not is_due(asked))
    [(recipients, message)] = mailbox.messages
    assert recipients == ["anna@bank.example"]
    assert "The passport says Spyri" in message.get_content()
