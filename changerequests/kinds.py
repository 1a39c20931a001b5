"""What the engine asks of the things that requests are about. It knows none of them: the app that owns them registers
its kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from changerequests.presentation import ReviewedChange

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.actor import Actor
    from changerequests.models import ChangeRequest, ChangeRequestQuerySet


@dataclass(frozen=True, slots=True)
class ChoosableField:
    """A field that the queue can be narrowed to: its path, and its label with the labels of what it is in."""

    path: str
    label: str


class Presenter(ABC):
    """Shows requests of one kind to people. Made for one page: it reads what describes the subjects once."""

    @abstractmethod
    def field_labels(self, paths: Iterable[str]) -> list[str]:
        """The labels of the fields among paths that come with everything above them, in the form's order."""

    @abstractmethod
    def fields(self) -> list[ChoosableField]:
        """Every field that a request may change, in the form's order."""

    @abstractmethod
    def reviewed_changes(self, request: ChangeRequest) -> list[ReviewedChange]:
        """The lines of the review in the form's order. The request's subject must have been read with its document."""

    @abstractmethod
    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        """The messages of an ApiError, each with the label of the field that it is about."""

    @abstractmethod
    def review_context(self, request: ChangeRequest, *, user: Any) -> dict[str, Any]:
        """What the templates of the kind show of the subject: its page, its people, its recent history."""


class RequestKind(ABC):
    """A kind of request. One instance is registered by the app that owns the subjects, in its `apps.py`."""

    key: str
    # Show the subject and its recent history on the review page, with what `review_context` returns.
    subject_template: str
    history_template: str
    # The relations of the subject that these templates show: read along with the request.
    subject_relations: tuple[str, ...] = ()

    @abstractmethod
    def visible(
        self, requests: ChangeRequestQuerySet, actor: Actor, *, exclude_hierarchy: bool = False
    ) -> ChangeRequestQuerySet:
        """The requests about subjects that the actor sees."""

    @abstractmethod
    def search(self, requests: QuerySet[ChangeRequest], term: str) -> QuerySet[ChangeRequest]:
        """The requests about subjects that somebody means who types `term`."""

    @abstractmethod
    def of_participant(self, requests: QuerySet[ChangeRequest], participant_id: int) -> QuerySet[ChangeRequest]:
        """The requests about subjects of a participant."""

    @abstractmethod
    def lock(self, *, actor: Actor, subject_id: int) -> Any:
        """Lock the subject until the transaction ends; what it returns is passed to `apply`.

        Raises NotFound when there is none or the actor cannot see it, and what forbids every change of it.
        """

    @abstractmethod
    def apply(self, *, actor: Actor, subject: Any, request: ChangeRequest) -> Any:
        """Make the changes of an approved request through the service that makes them without one.

        Called with the subject and the request locked; `subject` is what `lock` returned. Returns the entry of the
        history, None when nothing but addresses that must be verified changes. Raises UnprocessableEntity:
        ChangeRequestOutdated, naming the paths whose value is no longer the original, and what the service raises.
        """

    @abstractmethod
    def outdated(self, ids: Collection[int]) -> set[int]:
        """Those of the requests whose subject no longer has the values that were to be changed. At most one query."""

    @abstractmethod
    def presenter(self) -> Presenter: ...


_kinds: list[RequestKind] = []


def register_kind(kind: RequestKind) -> None:
    """Let requests be about subjects of this kind. The table of requests has room for one kind so far.

    Raises ValueError when there is one already.
    """
    if _kinds:
        raise ValueError(f"requests are about {_kinds[0].key} already")
    _kinds.append(kind)


def request_kind() -> RequestKind:
    """The kind that requests are about."""
    return _kinds[0]
