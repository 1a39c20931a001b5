"""What a worker has in hand to send to a webhook: one lane for each subject, so that its events go in their order."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from events.messages import Message, message_of, message_of_test
from events.models import Delivery
from events.queries.feed import VisibleEvent


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A delivery to make. A test has no event."""

    delivery: Delivery
    event: VisibleEvent | None

    @property
    def subject(self) -> str:
        return self.delivery.subject

    @property
    def is_from_feed(self) -> bool:
        """Return whether it was read from the feed just now, and is not in the log of deliveries yet."""
        return self.delivery.pk is None

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

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __iter__(self) -> Iterator[Item]:
        return (item for lane in self._lanes.values() for item in lane)

    @property
    def subjects(self) -> list[str]:
        return list(self._lanes)

    def add(self, item: Item) -> None:
        if (lane := self._lanes.get(item.subject)) is None:
            lane = self._lanes[item.subject] = deque()
            self._ready.append(item.subject)
        lane.append(item)

    def take(self) -> Item | None:
        """Return the next item to send, which stays in its lane until `finish` or `close`; None if none may be sent."""
        return self._lanes[self._ready.popleft()][0] if self._ready else None

    def finish(self, item: Item) -> None:
        """Let the next item of the subject follow."""
        lane = self._lanes[item.subject]
        lane.popleft()
        if lane:
            self._ready.append(item.subject)
        else:
            del self._lanes[item.subject]

    def close(self, item: Item) -> list[Item]:
        """Send nothing more of the item's subject; return what was behind it."""
        lane = self._lanes.pop(item.subject)
        lane.popleft()
        return list(lane)
