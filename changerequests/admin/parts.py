"""Deciding in part: the changes that a reviewer has ticked on the review page."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from changerequests.kinds import RequestKind

# A form that says it shows boxes, and the paths of those that are ticked.
SHOWS_BOXES, TICKED = "shows_boxes", "approved"


@dataclass(frozen=True, slots=True)
class Ticked:
    """The changes of a request about one subject, and which of them the reviewer keeps."""

    paths: Sequence[str]
    strikable: Collection[str]
    kept: Sequence[str]

    @property
    def struck(self) -> list[str]:
        return [path for path in self.paths if path not in self.kept]


def ticked(kind: RequestKind, paths: Sequence[str], sent: QueryDict) -> Ticked:
    """Return what a form keeps of the changes at these paths: all of them, unless it shows boxes."""
    strikable = kind.strikable(paths)
    chosen = set(sent.getlist(TICKED)) if SHOWS_BOXES in sent else strikable
    return Ticked(paths, strikable, [path for path in paths if path in chosen or path not in strikable])
