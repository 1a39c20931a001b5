"""Delivers events to webhooks: each at least once, those of one subject in their order.

One worker at a time delivers to a webhook. It claims it for seconds and renews the claim as long as it lives. It sends
the events of several subjects at a time and writes down several times a second what became of the calls; what it had
not written down when it was killed is sent again. An event that is refused is kept as a delivery that is tried again,
and the later ones of its subject wait behind it. If the receiver refuses several in a row, it counts as failing: the
feed waits, and everything is tried again later.

A worker delivers to many webhooks in one round, each by threads of its own: one that is slow holds up no other.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue

import structlog
from django.db import InterfaceError, OperationalError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from events.models import Delivery, Webhook
from events.queries.feed import last_position
from events.queries.webhooks import IS_OPEN
from events.sending import CALL_SECONDS, Result
from events.services.numbering import number_events
from events.services.runs import CLAIMED_FOR, ClaimLostError, Run

log = structlog.get_logger("kontor.webhooks")

# For so long a round takes on webhooks and reads the feed. Then receivers that are slow get nothing more, and when
# their last calls have ended, nobody does.
RUN_SECONDS = 30
# How often it is looked whether anything is due.
LOOK_SECONDS = 0.2
# How often claims are renewed, and how long a worker without work waits for one that is not.
RENEWED_AFTER = 0.3
AWAITED = CLAIMED_FOR / 2
# In one round, which bounds the threads of a worker.
MOST_WEBHOOKS = 32


def deliver_due(*, linger: float = 0) -> bool:
    """Deliver to all webhooks that have something due, until nothing is or the time of a round is over.

    Claims them. Waits so many seconds for more before it leaves one. Returns whether the time was over, and there may
    be more to deliver at once. Raises OperationalError, InterfaceError.
    """
    deliveries = _Round(linger)
    try:
        deliveries.go()
    finally:
        deliveries.drop()
    return deliveries.is_over


def _due_webhooks() -> QuerySet[Webhook]:
    waiting = Delivery.objects.filter(
        webhook=OuterRef("pk"), status=Delivery.Status.PENDING, next_attempt_at__lte=timezone.now()
    )
    return _free_webhooks().filter(IS_OPEN).filter(Q(position__lt=last_position()) | Exists(waiting))


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


class _Round:
    def __init__(self, linger: float) -> None:
        self._linger = linger
        self._until = time.monotonic() + RUN_SECONDS
        self._runs: list[Run] = []
        self._renewed = time.monotonic()
        self._ended: SimpleQueue[tuple[Run, Future[Result]]] = SimpleQueue()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._until

    def go(self) -> None:
        while True:
            looked = time.monotonic()
            self._look()
            if not self._runs and not self._awaits_claim():
                return
            self._send(until=looked + LOOK_SECONDS)

    def _awaits_claim(self) -> bool:
        """Return whether to wait for a claim that was not renewed when it should have been: its worker may be dead."""
        now = timezone.now()
        overdue = Webhook.objects.filter(claimed_until__range=(now, now + AWAITED), is_active=True)
        return bool(self._linger) and not self.is_over and overdue.exists()

    def drop(self) -> None:
        for run in self._runs:
            run.drop()

    def _look(self) -> None:
        """Claim what is due by now, write down what became of the calls, and leave the webhooks that are done with."""
        now = time.monotonic()
        if self.is_over:
            self._end_slow(now)
        else:
            number_events()
            self._claim()
        last = last_position()
        for run in list(self._runs):
            # However many there are, and however long one takes.
            self._renew()
            if run not in self._runs:
                continue
            with self._on_its_own(run):
                run.look(last=last)
                if run.is_ended or (run.is_idle and now - run.busy_at >= self._linger):
                    run.release()
                    self._runs.remove(run)

    def _renew(self) -> None:
        """Go on claiming the webhooks, and leave those that somebody else has claimed or set back."""
        now = time.monotonic()
        if now - self._renewed < RENEWED_AFTER:
            return
        self._renewed = now
        until = timezone.now() + CLAIMED_FOR
        runs = {run.webhook.pk: run for run in self._runs}
        claimed = Webhook.objects.filter(pk__in=runs)
        claimed.filter(claimed_until__in=[run.claimed_until for run in self._runs]).update(claimed_until=until)
        held = set(claimed.filter(claimed_until=until).values_list("pk", flat=True))
        for pk, run in runs.items():
            if pk in held:
                run.note_claim(until, at=now)
            else:
                self._leave(run)

    def _end_slow(self, now: float) -> None:
        """Send nothing more to receivers that are slow, and go on with the others until these have answered."""
        for run in self._runs:
            run.is_leaving |= run.is_slow
        if now > self._until + CALL_SECONDS or not any(run.is_slow for run in self._runs):
            for run in self._runs:
                run.is_leaving = True

    def _claim(self) -> None:
        room = MOST_WEBHOOKS - len(self._runs)
        if room <= 0 or not _free_webhooks().exists():
            return
        # None is always the last.
        for webhook_id in _due_webhooks().order_by("?").values_list("pk", flat=True)[:room]:
            if _free_webhooks().filter(pk=webhook_id).update(claimed_until=timezone.now() + CLAIMED_FOR):
                run = Run(Webhook.objects.get(pk=webhook_id), on_end=self._put)
                self._runs.append(run)
                with self._on_its_own(run):
                    run.open()

    def _put(self, run: Run, future: "Future[Result]") -> None:
        self._ended.put((run, future))

    def _send(self, *, until: float) -> None:
        """Make calls until it is time to look again, or until none is left to make."""
        for run in list(self._runs):
            with self._on_its_own(run):
                run.end_overdue()
                run.begin()
        if not any(run.has_calls for run in self._runs):
            time.sleep(max(0, until - time.monotonic()))
        while any(run.has_calls for run in self._runs):
            try:
                run, future = self._ended.get(timeout=max(0, until - time.monotonic()))
            except Empty:
                return
            if run in self._runs:
                with self._on_its_own(run):
                    run.settle(future)
                    run.begin()

    @contextmanager
    def _on_its_own(self, run: Run) -> Iterator[None]:
        """Let what happens to one webhook happen to no other. What is wrong with the database concerns all."""
        try:
            yield
        except (OperationalError, InterfaceError):
            raise
        except ClaimLostError:
            self._leave(run)
        except Exception:
            # It is tried again when the claim has run out.
            log.exception("webhook_not_delivered", webhook=str(run.webhook.uid))
            self._leave(run)

    def _leave(self, run: Run) -> None:
        run.drop()
        self._runs.remove(run)
