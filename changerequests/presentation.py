"""Values and changes for display: kinds fill these shapes, templates render them. Nothing here is HTML."""

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled value."""

    label: str
    value: Shown


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A change of one field: its label, the labels around it, and both values with differences marked."""

    path: str
    label: str
    context: str
    before: Shown
    after: Shown


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
