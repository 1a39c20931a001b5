"""What a worker has in hand to send to a webhook: one lane for each subject, so that its events go in their order."""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from events.messages import Message, message_of, message_of_test
from events.models import Delivery
from events.queries.feed import VisibleEvent


@dataclass(slots=True, eq=False)
class Item:
    """A delivery to make. A test has no event. What was just read from the feed `is_new`: the log does not have it."""

    delivery: Delivery
    event: VisibleEvent | None
    is_new: bool

    @property
    def subject(self) -> str:
        return self.delivery.subject

    @property
    def position(self) -> int:
        return self.delivery.event_id or 0

    @property
    def message(self) -> Message:
        if self.event is None:
            return message_of_test(f"test-{self.delivery.pk}", self.delivery.created_at)
        return message_of(self.event)


class Lanes:
    """Items by subject. Of each subject one is sent at a time; of subjects, that comes first which was ready first."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Item]] = {}
        self._ready: deque[str] = deque()
        # The subjects that wait, and until when.
        self._paused: list[tuple[float, str]] = []

    def __iter__(self) -> Iterator[Item]:
        return (item for lane in self._lanes.values() for item in lane)

    @property
    def is_ready(self) -> bool:
        return bool(self._ready)

    @property
    def subjects(self) -> list[str]:
        return list(self._lanes)

    def count_logged(self, subject: str) -> int:
        """Return how many items of a subject are in the log of deliveries."""
        return sum(not item.is_new for item in self._lanes.get(subject, ()))

    def add(self, item: Item) -> None:
        if (lane := self._lanes.get(item.subject)) is None:
            lane = self._lanes[item.subject] = deque()
            self._ready.append(item.subject)
        lane.append(item)

    def take(self) -> Item | None:
        """Return the next item to send; None if none may be sent. It stays in its lane until what follows is known."""
        return self._lanes[self._ready.popleft()][0] if self._ready else None

    def finish(self, item: Item) -> None:
        """Let the next item of the subject follow."""
        lane = self._lanes[item.subject]
        lane.popleft()
        if lane:
            self._ready.append(item.subject)
        else:
            del self._lanes[item.subject]

    def pause(self, item: Item, until: float) -> None:
        """Let the item be sent again, before those behind it, once `wake` is called with that time or a later one."""
        heapq.heappush(self._paused, (until, item.subject))

    def wake(self, now: float) -> None:
        while self._paused and self._paused[0][0] <= now:
            self._ready.append(heapq.heappop(self._paused)[1])

    def close(self, subject: str) -> list[Item]:
        """Send nothing more of a subject; return what was in its lane."""
        return list(self._lanes.pop(subject))

    def close_paused(self) -> list[Item]:
        """Send nothing more of the subjects that wait; return what was in their lanes."""
        subjects, self._paused = [subject for _until, subject in self._paused], []
        return [item for subject in subjects for item in self.close(subject)]
