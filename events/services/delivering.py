"""Delivers events to webhooks: each at least once, those of one subject in their order.

One worker at a time delivers to a webhook. It calls for one event after another and writes down in batches what became
of the calls; what it had not written down when it was killed is sent again. An event that is refused is kept as a
delivery that is tried again, and the later ones of its subject wait behind it. If the receiver refuses several in a
row, it counts as failing: the feed waits, and everything is tried again later.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from events.messages import Message, headers_of, message_of, test_message
from events.models import Delivery, Webhook
from events.queries.feed import Heard, Listener, heard_events, last_position, page_of_events
from events.queries.webhooks import SCOPE
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
    webhooks = _free_webhooks()
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
    webhook = Webhook.objects.select_related("application").get(pk=webhook_id)
    with new_session() as session:
        run = _Run(webhook, claimed_until, session)
        try:
            has_more = run.deliver()
            run.write(claimed_until=None)
        except ReceiverFailsError as error:
            run.fail(is_gone=error.is_gone)
            return False
        except ClaimLostError:
            return False
    return has_more


@dataclass
class _Run:
    """One worker's turn at a webhook, which it has claimed."""

    webhook: Webhook
    claimed_until: datetime
    session: requests.Session
    refusals: int = 0
    unwritten: list[Delivery] = field(default_factory=list)
    written_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.listener = Listener.of_application(self.webhook.application)
        self.secrets = open_secrets(self.webhook)
        self.position = self.webhook.position
        self._look_at_kept()

    def _look_at_kept(self) -> None:
        pending = self._pending().order_by()
        self.blocked = set(pending.values_list("subject", flat=True).distinct())
        self.kept = pending.count()

    def deliver(self) -> bool:
        """Deliver until nothing is due or the time is over; return whether more is due. Raises ReceiverFailsError."""
        if SCOPE not in self.listener.scopes:
            return False
        until = time.monotonic() + RUN_SECONDS
        number_events()
        while time.monotonic() < until:
            is_busy = self._try_again()
            is_busy |= self._go_on()
            if not is_busy:
                return False
        return True

    def _pending(self) -> QuerySet[Delivery]:
        return self.webhook.deliveries.filter(status=Delivery.Status.PENDING)

    def _try_again(self) -> bool:
        """Send the first waiting delivery of each subject whose time has come; return whether there was one."""
        earlier = self._pending().filter(subject=OuterRef("subject"), event__lt=OuterRef("event"))
        due = self._pending().filter(~Exists(earlier), next_attempt_at__lte=timezone.now())
        deliveries = list(due.order_by("next_attempt_at", "pk")[:BATCH])
        heard = self._heard(deliveries)
        for delivery in deliveries:
            message = self._message(delivery, heard)
            if message is None:
                # It is no longer among what the application hears of.
                delivery.status = Delivery.Status.GIVEN_UP
                self._note(delivery)
            else:
                self._send(delivery, message)
        if deliveries:
            self.write()
            self._look_at_kept()
        return bool(deliveries)

    def _heard(self, deliveries: list[Delivery]) -> dict[int, Heard]:
        positions = [delivery.event_id for delivery in deliveries if delivery.event_id is not None]
        return {heard.event.position: heard for heard in heard_events(self.listener, positions=positions)}

    def _message(self, delivery: Delivery, heard: dict[int, Heard]) -> Message | None:
        if delivery.event_id is None:
            return test_message(f"test-{delivery.pk}", delivery.created_at)
        found = heard.get(delivery.event_id)
        return None if found is None else message_of(found)

    def _go_on(self) -> bool:
        """Send the next events of the feed; return whether there were some."""
        if self.kept > MOST_KEPT:
            return False
        page = page_of_events(self.listener, after=self.position, limit=BATCH, types=self.webhook.types or None)
        for heard in page.events:
            delivery = Delivery(webhook=self.webhook, event=heard.event, subject=_subject(heard))
            # From here on it is either delivered or kept.
            self.position = heard.event.position
            if delivery.subject in self.blocked:
                delivery.next_attempt_at = delivery.created_at
                self.kept += 1
                self._note(delivery)
            else:
                self._send(delivery, message_of(heard))
        if page.next != self.webhook.position:
            self.position = page.next
            self.write()
        return bool(page.events) or page.has_more

    def _send(self, delivery: Delivery, message: Message) -> None:
        now = timezone.now()
        headers = headers_of(message, secrets=self.secrets, now=now)
        result = call(self.session, self.webhook.url, message, headers)
        self._settle(delivery, result, now)
        self._note(delivery)
        if result.is_delivered:
            self.refusals = 0
            return
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
            claimed = Webhook.objects.filter(pk=self.webhook.pk, claimed_until=self.claimed_until)
            if not claimed.update(**columns):
                raise ClaimLostError
            _write_deliveries(self.unwritten)
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


def _subject(heard: Heard) -> str:
    return f"{heard.subject_kind}:{heard.event.entry.subject_id}"


def _write_deliveries(deliveries: list[Delivery]) -> None:
    known = [delivery for delivery in deliveries if delivery.pk is not None]
    new = [delivery for delivery in deliveries if delivery.pk is None]
    # A replay sends again what is in the log already.
    Delivery.objects.bulk_create(
        new, update_conflicts=True, unique_fields=["webhook", "event"], update_fields=["created_at", *_OUTCOME]
    )
    Delivery.objects.bulk_update(known, _OUTCOME)
