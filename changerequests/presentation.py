"""Values and changes for display: kinds fill these shapes, templates render them. Nothing here is HTML."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.visible_text import differences, skeleton


class Mark(StrEnum):
    """How a value, or part of it, has changed."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a long text that was compared word by word."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Shown:
    """A value for display: a text, the items of an array or the rows of an object; all are empty if there is no value.

    If the text was compared word by word, `pieces` add up to it. `image` is the address of a picture, which is shown
    with the text below.
    """

    text: str = ""
    items: tuple["Shown", ...] = ()
    rows: tuple["Row", ...] = ()
    pieces: tuple[Piece, ...] = ()
    mark: Mark = Mark.SAME
    image: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.items or self.rows)

    def texts(self) -> Iterator[str]:
        """Yield the texts in the value, and their words."""
        yield self.text
        yield from self.text.split()
        for part in (*self.items, *(row.value for row in self.rows)):
            yield from part.texts()


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled value. `pending` is the address that replaces it once the owner has confirmed it."""

    label: str
    value: Shown
    pending: str = ""


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Two texts that look alike, and the characters in which they differ, named: before and after."""

    before: str
    after: str

    @property
    def differences(self) -> list[tuple[str, str]]:
        return differences(self.before, self.after)


def look_alikes(before: Shown, after: Shown) -> list[LookAlike]:
    """Return the texts that take the place of others that look the same, each with the one that it looks like."""
    old, new = set(before.texts()), set(after.texts())
    by_look = {skeleton(text): text for text in sorted(old)}
    found = [LookAlike(by_look[look], text) for text in sorted(new - old) if (look := skeleton(text)) in by_look]
    # A text says what its words say.
    return [pair for pair in found if not any(pair.after in other.after for other in found if other is not pair)]


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change of one field: its label, the labels around it, and both values with differences marked."""

    path: str
    label: str
    context: str
    before: Shown
    after: Shown

    @property
    def look_alikes(self) -> list[LookAlike]:
        return look_alikes(self.before, self.after)


@dataclass(frozen=True, slots=True)
class ReviewedChange:
    """One change to review: the value that it would replace and the proposed value.

    `original` is the value that the initiator saw, if the subject has a different one by now. For a decided request,
    `current` is the original value.
    """

    path: str
    label: str
    context: str
    current: Shown
    proposed: Shown
    original: Shown | None
    is_approval_required: bool
    is_verified_after: bool

    @property
    def is_outdated(self) -> bool:
        return self.original is not None

    @property
    def look_alikes(self) -> list[LookAlike]:
        return look_alikes(self.current, self.proposed)
