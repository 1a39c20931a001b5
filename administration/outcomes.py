"""What became of a change that may wait."""

from collections.abc import Sequence
from dataclasses import dataclass

from changerequests.models import ChangeRequest
from core.documents import Change


@dataclass(frozen=True, slots=True)
class Outcome:
    """The changes that were made at once, and the request for those that wait, if any do."""

    subject_id: int
    made: Sequence[Change] = ()
    request: ChangeRequest | None = None
