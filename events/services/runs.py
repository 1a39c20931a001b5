"""One worker's turn at a webhook: what it has read of the feed, what it is sending, and what became of it.

Calls are made by threads, which know nothing of the database; everything else happens in the one that called. So no
transaction is open while a receiver is waited for.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from accounts.models import ClientApplication
from accounts.sealing import UnreadableSecretError
from events.messages import Message, headers_of
from events.models import Delivery, Webhook
from events.queries.feed import Consumer, VisibleEvent, page_of_events, visible_events
from events.queries.webhooks import SCOPE
from events.retries import RETRIED_FOR, delay_after
from events.sending import CALL_SECONDS, Line, Result
from events.services.lanes import Item, Lanes
from events.services.outcomes import tell_owner, write_deliveries
from events.services.webhooks import open_secrets

log = structlog.get_logger("kontor.webhooks")

# Others take over so long after a worker was killed. One that lives renews its claims well before.
CLAIMED_FOR = timedelta(seconds=1.5)
# Calls at a time. So many threads serve one webhook, and those of others are not concerned.
MOST_CALLS = 8
# After so many refusals in a row the receiver itself counts as failing.
MOST_REFUSALS = 5
# With a longer delay a refused event waits in the log of deliveries alone, and those of its subject behind it.
PAUSE = timedelta(seconds=3)
# Events that are read ahead; one that a killed worker had sent is sent again if an earlier one was on its way.
WINDOW = 400
# Deliveries that wait to be tried again. With more the feed waits.
MOST_KEPT = 10_000
# A receiver that takes longer to answer is slow. A call that has not ended so long after it was cut off is given up.
SLOW_SECONDS, GRACE_SECONDS = 1.0, 1.0


class ClaimLostError(Exception):
    """Another worker delivers to the webhook by now, or somebody has set it back."""


@dataclass(slots=True)
class _Call:
    item: Item
    line: Line
    began_at: datetime
    began: float
    is_cut: bool = False


class Run:
    """A webhook that this worker has claimed.

    `on_end` is called by another thread with each call that has ended; `settle` then says what follows. The receiver
    counts as failing once it `is_failing`; nothing more is sent once the run `is_leaving`.
    """

    def __init__(self, webhook: Webhook, on_end: "Callable[[Run, Future[Result]], object]") -> None:
        self.webhook = webhook
        self._on_end = on_end
        self._claimed_until = webhook.claimed_until
        self._claimed_at = self.busy_at = time.monotonic()
        # How far the feed was read, the positions of which nothing is in the log yet, and the last that was sent.
        self._read_to = webhook.position
        self._open: dict[int, None] = {}
        self._begun_to = webhook.position
        self._lanes = Lanes()
        self._consumer: Consumer | None = None
        # How many deliveries of each subject wait to be tried again; events that are among them, past the position.
        self._kept: Counter[str] = Counter()
        self._known: set[int] = set()
        # By their identity: one that is new has no key yet.
        self._unwritten: dict[int, Delivery] = {}
        self._threads = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix=f"webhook-{webhook.pk}")
        self._calls: dict[Future[Result], _Call] = {}
        # Threads that cannot be had back yet.
        self._held: list[Future[Result]] = []
        self._idle_lines: list[Line] = []
        # In a row.
        self._refusals = 0
        self._has_refused = self._has_accepted = False
        self.is_leaving = self.is_failing = self._is_gone = False
        self._secrets: Sequence[bytes] = ()

    def open(self) -> None:
        """Read with what to sign, and what waits. A secret that cannot be read counts as a failure of the receiver."""
        for subject, event in self._pending().values_list("subject", "event"):
            self._kept[subject] += 1
            if event is not None and event > self.webhook.position:
                self._known.add(event)
        try:
            self._secrets = open_secrets(self.webhook)
        except UnreadableSecretError:
            log.exception("webhook_secret_unreadable", webhook=str(self.webhook.uid))
            self.is_failing = True

    @property
    def claimed_until(self) -> datetime | None:
        return self._claimed_until

    def note_claim(self, until: datetime, *, at: float) -> None:
        """Take note that the claim was renewed; `at` is when, by the monotonic clock, or just before."""
        self._claimed_until, self._claimed_at = until, at

    # ---- what is due

    @property
    def has_calls(self) -> bool:
        return bool(self._calls)

    @property
    def is_ended(self) -> bool:
        """Return whether the last call has ended of a run that makes no more."""
        return not self._calls and (self.is_leaving or self.is_failing)

    @property
    def is_idle(self) -> bool:
        return not self._calls and not self._lanes.is_ready

    @property
    def is_slow(self) -> bool:
        """Return whether the receiver has kept a call waiting."""
        now = time.monotonic()
        return any(now - call.began > SLOW_SECONDS for call in self._calls.values())

    def look(self, *, last: int) -> None:
        """Write down what became of the calls, and read what is due by now. `last` is the end of the feed.

        Raises ClaimLostError.
        """
        self._write()
        if self.is_leaving or self.is_failing:
            return
        subjects = self._due_subjects()
        if not subjects and self._read_to >= last and not self._lanes.subjects:
            return
        application = ClientApplication.objects.get(pk=self.webhook.application_id)
        consumer = Consumer.of_application(application)
        before, self._consumer = self._consumer or consumer, consumer
        if SCOPE not in consumer.scopes or consumer != before:
            # It may see other things by now: what is in hand is read again, by another run.
            self.is_leaving = True
            return
        self._read_kept(consumer, subjects)
        if self._read_to < last:
            self._read_feed(consumer)

    def _pending(self) -> QuerySet[Delivery]:
        return self.webhook.deliveries.filter(status=Delivery.Status.PENDING)

    def _due_subjects(self) -> list[str]:
        """Return the subjects whose first waiting delivery is due, and is not in hand."""
        earlier = self._pending().filter(subject=OuterRef("subject"), event__lt=OuterRef("event"))
        due = self._pending().filter(~Exists(earlier), next_attempt_at__lte=timezone.now())
        # It is being tried.
        due = due.exclude(subject__in=[subject for subject in self._lanes.subjects if self._kept[subject]])
        return list(due.order_by("next_attempt_at", "pk").values_list("subject", flat=True)[:WINDOW])

    def _read_kept(self, consumer: Consumer, subjects: list[str]) -> None:
        """Read the waiting deliveries of subjects, in their order."""
        if not subjects:
            return
        deliveries = list(self._pending().filter(subject__in=subjects).order_by("event", "pk")[:WINDOW])
        positions = [delivery.event_id for delivery in deliveries if delivery.event_id is not None]
        events = {event.position: event for event in visible_events(consumer, positions=positions)}
        for delivery in deliveries:
            if delivery.event_id is None or delivery.event_id in events:
                self._lanes.add(Item(delivery, events.get(delivery.event_id or 0), is_new=False))
            else:
                # It is no longer among what the application receives.
                delivery.status, delivery.next_attempt_at = Delivery.Status.GIVEN_UP, None
                self._note(Item(delivery, None, is_new=False))

    def _read_feed(self, consumer: Consumer) -> None:
        if len(self._open) >= WINDOW:
            self._keep(self._lanes.close_paused())
        room = WINDOW - len(self._open)
        if room <= 0 or self._kept.total() > MOST_KEPT:
            return
        page = page_of_events(consumer, after=self._read_to, limit=room, types=self.webhook.types or None)
        for event in page.events:
            if event.position in self._known:
                continue
            subject = _subject(event)
            item = Item(Delivery(webhook=self.webhook, event_id=event.position, subject=subject), event, is_new=True)
            self._open[event.position] = None
            if self._kept[subject] > self._lanes.count_logged(subject):
                # Some that come before it are not in hand.
                self._keep([item])
            else:
                self._lanes.add(item)
        self._read_to = page.next

    def _keep(self, items: Sequence[Item]) -> None:
        """Have events of the feed sent after those of their subjects that wait in the log."""
        for item in items:
            if item.is_new:
                item.delivery.next_attempt_at = item.delivery.created_at
                self._note(item)

    def _note(self, item: Item) -> None:
        """Have it written down what became of an item."""
        is_pending = item.delivery.status == Delivery.Status.PENDING
        if item.is_new:
            del self._open[item.position]
            self._kept[item.subject] += is_pending
            item.is_new = False
        else:
            self._kept[item.subject] -= not is_pending
        self._unwritten[id(item.delivery)] = item.delivery

    # ---- calls

    def begin(self) -> None:
        """Begin as many calls as may be under way at a time, unless the claim may have run out."""
        self._lanes.wake(time.monotonic())
        while self._has_room() and (item := self._lanes.take()) is not None:
            message = item.message
            line = self._idle_lines.pop() if self._idle_lines else Line()
            now = timezone.now()
            future = self._threads.submit(self._send, line, message, now)
            self._calls[future] = _Call(item, line, now, time.monotonic())
            self._begun_to = max(self._begun_to, item.position)
            future.add_done_callback(lambda ended: self._on_end(self, ended))

    def _has_room(self) -> bool:
        if self.is_leaving or self.is_failing or time.monotonic() > self._claimed_at + CLAIMED_FOR.total_seconds():
            return False
        # Until it is known to accept something, no more than what shows that it does not.
        most = MOST_CALLS if self._has_accepted and not self._refusals else MOST_REFUSALS - self._refusals
        self._held = [future for future in self._held if not future.done()]
        return len(self._calls) < min(most, MOST_CALLS - len(self._held))

    def _send(self, line: Line, message: Message, now: datetime) -> Result:
        return line.call(self.webhook.url, message, headers_of(message, secrets=self._secrets, now=now))

    def settle(self, future: Future[Result]) -> None:
        """Take note of a call that has ended. Raises what it raised, which is a fault of ours."""
        call = self._calls.pop(future, None)
        if call is None:
            # It was given up.
            return
        if call.is_cut:
            call.line.close()
        else:
            self._idle_lines.append(call.line)
        self._settle(call, future.result())

    def end_overdue(self) -> None:
        """Cut off calls that last too long, and give up those that do not end even so."""
        now = time.monotonic()
        for future, call in list(self._calls.items()):
            if now - call.began > CALL_SECONDS and not call.is_cut:
                call.line.cut()
                call.is_cut = True
            elif now - call.began > CALL_SECONDS + GRACE_SECONDS:
                # Its name is still being resolved, which nothing ends.
                del self._calls[future]
                self._held.append(future)
                self._settle(call, Result(None, Delivery.Error.TIMEOUT))

    def _settle(self, call: _Call, result: Result) -> None:
        delivery = call.item.delivery
        delivery.attempts += 1
        delivery.attempted_at = call.began_at
        delivery.response_status, delivery.error = result.status, result.error
        delivery.next_attempt_at = None
        if result.is_delivered:
            delivery.status = Delivery.Status.DELIVERED
        elif delivery.is_too_old(call.began_at):
            delivery.status = Delivery.Status.GIVEN_UP
        else:
            delivery.status = Delivery.Status.PENDING
        if delivery.status == Delivery.Status.PENDING:
            self._try_again(call.item)
        else:
            self._note(call.item)
            self._lanes.finish(call.item)
        self._count(result)

    def _try_again(self, item: Item) -> None:
        delay = delay_after(item.delivery.attempts)
        item.delivery.next_attempt_at = timezone.now() + delay
        self._note(item)
        if delay < PAUSE:
            self._lanes.pause(item, time.monotonic() + delay.total_seconds())
        else:
            self._keep(self._lanes.close(item.subject))

    def _count(self, result: Result) -> None:
        self.busy_at = time.monotonic()
        if result.is_delivered:
            self._refusals, self._has_accepted = 0, True
            return
        self._has_refused = True
        self._refusals += 1
        if result.is_gone or self._refusals >= MOST_REFUSALS:
            self.is_failing = True
            self._is_gone |= result.is_gone

    # ---- what is written down

    @property
    def _position(self) -> int:
        """Return the position up to which every event is in the log of deliveries, or need not be."""
        return next(iter(self._open)) - 1 if self._open else self._read_to

    def release(self) -> None:
        """Write down what became of the calls, none of which is under way, and let others have the webhook.

        Raises ClaimLostError.
        """
        # What comes after all that was sent is read again.
        self._keep([item for item in self._lanes if item.position < self._begun_to])
        self._write()
        columns = self._failure()
        self._write(claimed_until=None, **columns)
        self.drop()
        if self.is_failing:
            since, stopped_at = columns["failing_since"].isoformat(), columns["stopped_at"]
            log.warning("webhook_fails", webhook=str(self.webhook.uid), since=since, is_stopped=bool(stopped_at))

    def _failure(self) -> dict[str, Any]:
        """Return the columns that say since when the receiver fails, and when it is tried again."""
        if not self.is_failing and (not self._has_refused or self._has_accepted):
            return {}
        now = timezone.now()
        before = Webhook.objects.only("failing_since", "failures").get(pk=self.webhook.pk)
        since = before.failing_since or now
        found: dict[str, Any] = {
            "failing_since": since,
            "stopped_at": now if self._is_gone or now - since > RETRIED_FOR else None,
        }
        if self.is_failing:
            # The receiver is left alone for a while.
            found |= {"failures": F("failures") + 1, "next_attempt_at": now + delay_after(before.failures + 1)}
        return found

    def drop(self) -> None:
        """End whatever is under way, and write nothing down."""
        for call in self._calls.values():
            call.line.cut()
        for line in self._idle_lines:
            line.close()
        self._calls, self._idle_lines = {}, []
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _write(self, **columns: Any) -> None:
        """Write down what became of the calls, if anything, and renew the claim. Raises ClaimLostError."""
        if not self._unwritten and not columns and self._position == self.webhook.position:
            return
        now = time.monotonic()
        columns = {"position": self._position, "claimed_until": timezone.now() + CLAIMED_FOR, **columns}
        if any(delivery.status == Delivery.Status.DELIVERED for delivery in self._unwritten.values()):
            columns = {"failures": 0, "failing_since": None, "next_attempt_at": None, **columns}
        with transaction.atomic():
            # Neither claimed by another, nor closed or pointed elsewhere meanwhile.
            claimed = Webhook.objects.filter(
                pk=self.webhook.pk,
                claimed_until=self._claimed_until,
                is_active=True,
                is_removed=False,
                url=self.webhook.url,
            )
            if not claimed.update(**columns):
                raise ClaimLostError
            write_deliveries(list(self._unwritten.values()))
            if columns.get("stopped_at"):
                tell_owner(self.webhook)
        self.webhook.position, self._unwritten = columns["position"], {}
        self.note_claim(columns["claimed_until"], at=now)


def _subject(event: VisibleEvent) -> str:
    return f"{event.subject_kind}:{event.subject_id}"
