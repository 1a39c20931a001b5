"""The interface to the subjects of requests. The engine knows none: the app that owns them registers its kind."""

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
    """A field to filter the queue by. `label` includes the labels of the sections and objects around it."""

    path: str
    label: str


class Presenter(ABC):
    """Presents requests of one kind. Create one per page: it loads the description of the subjects once."""

    @abstractmethod
    def field_labels(self, paths: Iterable[str]) -> list[str]:
        """Return the labels of the innermost paths in form order; `paths` includes every ancestor."""

    @abstractmethod
    def fields(self) -> list[ChoosableField]:
        """Return every field that a request can change, in form order."""

    @abstractmethod
    def reviewed_changes(self, request: ChangeRequest) -> list[ReviewedChange]:
        """Return the changes to review in form order. The request's subject must be loaded with its document."""

    @abstractmethod
    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        """Return the messages of an ApiError, each with the label of its field."""

    @abstractmethod
    def review_context(self, request: ChangeRequest, *, user: Any) -> dict[str, Any]:
        """Return the context for the kind's templates: the subject's page, people and recent history."""


class RequestKind(ABC):
    """A kind of request. The app that owns the subjects registers one instance in its `apps.py`."""

    key: str
    # Templates for the subject and its recent history on the review page; `review_context` is their context.
    subject_template: str
    history_template: str
    # Relations of the subject to load with the request for these templates.
    subject_relations: tuple[str, ...] = ()

    @abstractmethod
    def visible(
        self, requests: ChangeRequestQuerySet, actor: Actor, *, exclude_hierarchy: bool = False
    ) -> ChangeRequestQuerySet:
        """Return the requests about subjects that the actor can see."""

    @abstractmethod
    def search(self, requests: QuerySet[ChangeRequest], term: str) -> QuerySet[ChangeRequest]:
        """Return the requests about subjects that match a search term."""

    @abstractmethod
    def of_participant(self, requests: QuerySet[ChangeRequest], participant_id: int) -> QuerySet[ChangeRequest]:
        """Return the requests about subjects of a participant."""

    @abstractmethod
    def lock(self, *, actor: Actor, subject_id: int) -> Any:
        """Lock the subject until the transaction ends; the return value is passed to `apply`.

        Raises NotFound if the subject does not exist or the actor cannot see it, and any error that forbids all changes
        of it.
        """

    @abstractmethod
    def apply(self, *, actor: Actor, subject: Any, request: ChangeRequest) -> None:
        """Apply an approved request's changes through the service that also makes direct changes.

        Called with subject and request locked; `subject` is the return value of `lock`. The entry in the ledger names
        the request; there is none if only addresses change that must be verified first. Raises UnprocessableEntity
        `ChangeRequestOutdated` with the paths whose value is no longer the original, and what the service raises.
        """

    @abstractmethod
    def outdated(self, ids: Collection[int]) -> set[int]:
        """Return the ids of requests whose subject no longer has the original values. At most one query."""

    @abstractmethod
    def presenter(self) -> Presenter: ...


_kinds: list[RequestKind] = []


def register_kind(kind: RequestKind) -> None:
    """Register the kind of all requests. The table supports only one kind so far: raises ValueError for a second."""
    if _kinds:
        raise ValueError(f"requests are about {_kinds[0].key} already")
    _kinds.append(kind)


def request_kind() -> RequestKind:
    """Return the registered kind."""
    return _kinds[0]
