"""Delivers events to webhooks: each at least once, those of one subject in their order.

One worker at a time delivers to a webhook. It calls for one event after another and writes down in batches what became
of the calls; what it had not written down when it was killed is sent again. An event that is refused is kept as a
delivery that is tried again, and the later ones of its subject wait behind it. If the receiver refuses several in a
row, it counts as failing: the feed waits, and everything is tried again later.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import ClientApplication, Notice
from accounts.sealing import UnreadableSecretError
from events.messages import Message, headers_of, message_of, message_of_test
from events.models import Delivery, Webhook
from events.queries.feed import Consumer, VisibleEvent, last_position, page_of_events, visible_events
from events.queries.webhooks import IS_OPEN, SCOPE
from events.retries import RETRIED_FOR, delay_after
from events.sending import Result, call, new_session
from events.services.numbering import number_events
from events.services.webhooks import open_secrets

log = structlog.get_logger("kontor.webhooks")

# Longer than a call takes. Nobody delivers for so long after a worker was killed.
CLAIMED_FOR = timedelta(seconds=30)
RUN_SECONDS = 25
# What became of the calls is written down after so many, or after so long.
BATCH = 50
BATCH_SECONDS = 1.0
# After so many refusals in a row the receiver itself counts as failing.
MOST_REFUSALS = 5
# Deliveries that wait to be tried again. With more the feed waits.
MOST_KEPT = 10_000
# The columns of a delivery that a call changes.
_OUTCOME = ("status", "attempts", "attempted_at", "next_attempt_at", "response_status", "error")


class ClaimLostError(Exception):
    """Another worker delivers to the webhook by now, or somebody has set it back."""


class ReceiverFailsError(Exception):
    """The receiver has refused too many calls in a row, or says that it is gone."""

    def __init__(self, *, is_gone: bool) -> None:
        self.is_gone = is_gone


def due_webhooks() -> list[int]:
    """Return the ids of the webhooks that have something due."""
    webhooks = _free_webhooks().filter(IS_OPEN)
    if not webhooks.exists():
        return []
    number_events()
    waiting = Delivery.objects.filter(
        webhook=OuterRef("pk"), status=Delivery.Status.PENDING, next_attempt_at__lte=timezone.now()
    )
    due = webhooks.filter(Q(position__lt=last_position()) | Exists(waiting))
    return list(due.order_by("pk").values_list("pk", flat=True))


def _free_webhooks() -> QuerySet[Webhook]:
    """Return the webhooks to which something may be sent now and that no worker delivers to."""
    now = timezone.now()
    return Webhook.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lt=now),
        Q(next_attempt_at=None) | Q(next_attempt_at__lte=now),
        is_active=True,
        is_removed=False,
        stopped_at=None,
    ).exclude(secret="")


def deliver(webhook_id: int) -> bool:
    """Deliver what is due to a webhook; return whether there is more to deliver at once. Claims the webhook."""
    claimed_until = timezone.now() + CLAIMED_FOR
    if not _free_webhooks().filter(pk=webhook_id).update(claimed_until=claimed_until):
        return False
    webhook = Webhook.objects.get(pk=webhook_id)
    with new_session() as session:
        run = _Run(webhook, claimed_until, session)
        try:
            return run.finish()
        except ClaimLostError:
            return False


@dataclass
class _Run:
    """One worker's turn at a webhook, which it has claimed."""

    webhook: Webhook
    claimed_until: datetime
    session: requests.Session
    # In a row.
    refusals: int = 0
    has_refused: bool = False
    has_accepted: bool = False
    unwritten: list[Delivery] = field(default_factory=list)
    written_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.until = time.monotonic() + RUN_SECONDS
        self.secrets: Sequence[bytes] = ()
        self.position = self.webhook.position
        self._look_at_application()
        self._look_at_kept()

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until

    def _look_at_application(self) -> None:
        """Read what the application may see now: it may have changed since the last page."""
        application = ClientApplication.objects.get(pk=self.webhook.application_id)
        self.consumer = Consumer.of_application(application)

    def _look_at_kept(self) -> None:
        pending = self._pending().order_by()
        self.blocked = set(pending.values_list("subject", flat=True).distinct())
        self.kept = pending.count()

    def finish(self) -> bool:
        """Deliver, and release the claim; return whether there is more to deliver at once. Raises ClaimLostError."""
        try:
            self.secrets = open_secrets(self.webhook)
            has_more = self.deliver()
        except ReceiverFailsError as error:
            self.fail(is_gone=error.is_gone)
            return False
        except UnreadableSecretError:
            log.exception("webhook_secret_unreadable", webhook=str(self.webhook.uid))
            self.fail(is_gone=False)
            return False
        self.write()
        self.write(claimed_until=None, **self._failure())
        return has_more

    def _failure(self) -> dict[str, Any]:
        """Return the columns that say since when the receiver fails, if it accepted nothing in this run."""
        if not self.has_refused or self.has_accepted:
            return {}
        now = timezone.now()
        since = Webhook.objects.values_list("failing_since", flat=True).get(pk=self.webhook.pk) or now
        return {"failing_since": since, "stopped_at": now if now - since > RETRIED_FOR else None}

    def deliver(self) -> bool:
        """Deliver until nothing is due or the time is over; return whether more is due. Raises ReceiverFailsError."""
        if SCOPE not in self.consumer.scopes:
            return False
        number_events()
        while not self.is_over:
            is_busy = self._try_again()
            is_busy |= self._go_on()
            if not is_busy:
                return False
            self._look_at_application()
        return True

    def _pending(self) -> QuerySet[Delivery]:
        return self.webhook.deliveries.filter(status=Delivery.Status.PENDING)

    def _try_again(self) -> bool:
        """Send the first waiting delivery of each subject whose time has come; return whether there was one."""
        earlier = self._pending().filter(subject=OuterRef("subject"), event__lt=OuterRef("event"))
        due = self._pending().filter(~Exists(earlier), next_attempt_at__lte=timezone.now())
        deliveries = list(due.order_by("next_attempt_at", "pk")[:BATCH])
        events = self._events(deliveries)
        for delivery in deliveries:
            if self.is_over:
                break
            message = self._message(delivery, events)
            if message is None:
                # It is no longer among what the application receives.
                delivery.status, delivery.next_attempt_at = Delivery.Status.GIVEN_UP, None
                self._note(delivery)
            else:
                self._send(delivery, message)
        if deliveries:
            self.write()
            self._look_at_kept()
        return bool(deliveries)

    def _events(self, deliveries: list[Delivery]) -> dict[int, VisibleEvent]:
        positions = [delivery.event_id for delivery in deliveries if delivery.event_id is not None]
        return {event.position: event for event in visible_events(self.consumer, positions=positions)}

    def _message(self, delivery: Delivery, events: dict[int, VisibleEvent]) -> Message | None:
        if delivery.event_id is None:
            return message_of_test(f"test-{delivery.pk}", delivery.created_at)
        found = events.get(delivery.event_id)
        return None if found is None else message_of(found)

    def _go_on(self) -> bool:
        """Send the next events of the feed; return whether there were some."""
        if self.kept > MOST_KEPT:
            return False
        page = page_of_events(self.consumer, after=self.position, limit=BATCH, types=self.webhook.types or None)
        for event in page.events:
            if self.is_over:
                self.write()
                return True
            delivery = Delivery(webhook=self.webhook, event_id=event.position, subject=_subject(event))
            # From here on it is either delivered or kept.
            self.position = event.position
            if delivery.subject in self.blocked:
                delivery.next_attempt_at = delivery.created_at
                self.kept += 1
                self._note(delivery)
            else:
                self._send(delivery, message_of(event))
        if page.next != self.webhook.position:
            self.position = page.next
            self.write()
        return bool(page.events) or page.has_more

    def _send(self, delivery: Delivery, message: Message) -> None:
        now = timezone.now()
        headers = headers_of(message, secrets=self.secrets, now=now)
        try:
            result = call(self.session, self.webhook.url, message, headers)
        except SoftTimeLimitExceeded:
            # It answers byte by byte.
            result = Result(None, Delivery.Error.TIMEOUT)
            self.refusals = MOST_REFUSALS
        self._settle(delivery, result, now)
        self._note(delivery)
        if result.is_delivered:
            self.refusals, self.has_accepted = 0, True
            return
        self.has_refused = True
        self.blocked.add(delivery.subject)
        self.kept += 1
        self.refusals += 1
        if result.is_gone or self.refusals >= MOST_REFUSALS:
            raise ReceiverFailsError(is_gone=result.is_gone)

    def _settle(self, delivery: Delivery, result: Result, now: datetime) -> None:
        delivery.attempts += 1
        delivery.attempted_at = now
        delivery.response_status, delivery.error = result.status, result.error
        delivery.next_attempt_at = None
        if result.is_delivered:
            delivery.status = Delivery.Status.DELIVERED
        elif delivery.is_too_old(now):
            delivery.status = Delivery.Status.GIVEN_UP
        else:
            delivery.status = Delivery.Status.PENDING
            delivery.next_attempt_at = now + delay_after(delivery.attempts)

    def _note(self, delivery: Delivery) -> None:
        self.unwritten.append(delivery)
        if len(self.unwritten) >= BATCH or time.monotonic() - self.written_at > BATCH_SECONDS:
            self.write()

    def write(self, **columns: Any) -> None:
        """Write down what became of the calls, and go on claiming the webhook. Raises ClaimLostError."""
        now = timezone.now()
        columns = {"position": self.position, "claimed_until": now + CLAIMED_FOR, **columns}
        if any(delivery.status == Delivery.Status.DELIVERED for delivery in self.unwritten):
            columns = {"failures": 0, "failing_since": None, "next_attempt_at": None, **columns}
        with transaction.atomic():
            # Neither claimed by another, nor closed or pointed elsewhere meanwhile.
            claimed = Webhook.objects.filter(
                pk=self.webhook.pk,
                claimed_until=self.claimed_until,
                is_active=True,
                is_removed=False,
                url=self.webhook.url,
            )
            if not claimed.update(**columns):
                raise ClaimLostError
            _write_deliveries(self.unwritten)
            if columns.get("stopped_at"):
                _tell_owner(self.webhook)
        self.webhook.position, self.claimed_until = self.position, columns["claimed_until"]
        self.unwritten, self.written_at = [], time.monotonic()

    def fail(self, *, is_gone: bool) -> None:
        """Write down what became of the calls, and leave the receiver alone for a while. Releases the claim."""
        self.write()
        webhook = Webhook.objects.get(pk=self.webhook.pk)
        now = timezone.now()
        since = webhook.failing_since or now
        stopped_at = now if is_gone or now - since > RETRIED_FOR else None
        self.write(
            failures=F("failures") + 1,
            failing_since=since,
            next_attempt_at=now + delay_after(webhook.failures + 1),
            stopped_at=stopped_at,
            claimed_until=None,
        )
        log.warning("webhook_fails", webhook=str(webhook.uid), since=since.isoformat(), is_stopped=bool(stopped_at))


def _tell_owner(webhook: Webhook) -> None:
    """Have a mail sent to the owner of the application, which beat does within minutes."""
    application = ClientApplication.objects.select_related("owner__user").get(pk=webhook.application_id)
    if application.owner is not None and application.owner.user.is_active:
        Notice.objects.create(
            kind=Notice.Kind.WEBHOOK_GIVEN_UP,
            recipient=application.owner.user,
            subject_kind="webhook",
            subject_id=webhook.pk,
            language=settings.LANGUAGE_CODE,
        )


def _subject(event: VisibleEvent) -> str:
    return f"{event.subject_kind}:{event.subject_id}"


def _write_deliveries(deliveries: list[Delivery]) -> None:
    known = [delivery for delivery in deliveries if delivery.pk is not None]
    new = [delivery for delivery in deliveries if delivery.pk is None]
    # A replay sends again what is in the log already.
    Delivery.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["webhook", "event"], update_fields=["created_at", *_OUTCOME]
    )
    Delivery.objects.bulk_update(known, _OUTCOME)
