"""Values and changes as people read them: the shapes that kinds fill and templates draw. Nothing here is HTML."""

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What became of a value, or of a part of it."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a long text that was compared word by word."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Shown:
    """A readable value: a text, the items of an array or the rows of an object; none of them when there is no value.

    `pieces` make up the text where it was compared word by word.
    """

    text: str = ""
    items: tuple["Shown", ...] = ()
    rows: tuple["Row", ...] = ()
    pieces: tuple[Piece, ...] = ()
    mark: Mark = Mark.SAME

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.items or self.rows)


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled value."""

    label: str
    value: Shown


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change of one field: its label, the labels of what it is in, and both values with what differs marked."""

    path: str
    label: str
    context: str
    before: Shown
    after: Shown


@dataclass(frozen=True, slots=True)
class ReviewedChange:
    """One line of the review: the value that the proposal would replace, and the proposal.

    `original` is the value that the initiator saw, where the subject has another one by now. Once a request is
    decided, `current` is what it was to replace.
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
