"""The interface to the subjects of requests. The engine knows none: the app that owns them registers its kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F, JSONField, TextField, UUIDField, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from changerequests.policies import Initiator, KindPolicy, Requirement
from changerequests.presentation import Shown, ShownChange
from core.documents import Change, is_same, value_at
from core.errors import UnprocessableEntity

if TYPE_CHECKING:
    from django.db.models import Q, QuerySet
    from django.utils.functional import Promise

    from accounts.actor import Actor
    from changerequests.models import ChangeRequest
    from changerequests.presentation import ReviewedChange


# The name of a subject with a column for it, which may be empty.
NAME_OR_UID = Coalesce(NullIf(F("name"), Value("", TextField())), Cast("uid", TextField()), output_field=TextField())


@dataclass(frozen=True, slots=True)
class ChoosableField:
    """A field to filter the queue by. `label` includes the labels of the sections and objects around it."""

    path: str
    label: str


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A subject as lists and pages show it. `uid` is None for subjects without one; `document` is its current one."""

    id: int
    uid: UUID | None
    name: str
    document: Mapping[str, Any]
    row: Any = None

    def __str__(self) -> str:
        return self.name


# For subjects without a uid.
NO_UID = Cast(Value(None), UUIDField())


def listed_columns(
    rows: QuerySet[Any, Any], *, kind: str, uid: Any = "uid", name: Any = NAME_OR_UID, document: str | None
) -> QuerySet[Any, Any]:
    """Return what lists show of subjects: kind, id, uid, name and document, as rows that a UNION of kinds can hold.

    `document` is the column with the document, or None if the list does without it.
    """
    shown = Value({}, JSONField()) if document is None else F(document)
    return rows.order_by().values_list(Value(kind, TextField()), "pk", uid, name, shown)


class Presenter(ABC):
    """Presents requests of one kind. Create one per page: it loads the description of the subjects once."""

    def choosable_fields(self) -> list[ChoosableField]:
        """Return every field that a request can change, in form order."""
        return []

    @abstractmethod
    def field_labels(self, paths: Iterable[str]) -> list[str]:
        """Return the labels of the innermost paths in form order; `paths` includes every ancestor."""

    @abstractmethod
    def label_at(self, path: str) -> str:
        """Return the label of a changed path."""

    def prepare(self, changes: Iterable[Mapping[str, Any]]) -> None:  # noqa: B027 - most presenters need nothing
        """Load at once what presenting all these changes of several subjects needs."""

    @abstractmethod
    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        """Return the changes of a proposal for review, in form order.

        `document` is the subject's current one; of a closed request only the recorded values are shown.
        """

    def shown_changes(self, changes: Sequence[Mapping[str, Any]]) -> list[ShownChange]:
        """Return the changes of an entry of the ledger, with both values compared."""
        return [
            ShownChange(
                path=change["path"],
                label=self.label_at(change["path"]),
                context="",
                before=Shown(text="" if change["original"] is None else str(change["original"])),
                after=Shown(text="" if change["target"] is None else str(change["target"])),
            )
            for change in changes
        ]

    def named_contacts(self) -> Collection[int]:
        """Return the ids of the contacts that it has presented by name, besides subjects."""
        return ()

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        """Return the address of the subject's page; None if it has none that the user may open."""
        return None

    def amend_address(self, subject: SubjectView, *, change_request_id: int, user: Any) -> str | None:
        """Return the address of the form in which the initiator changes an open request; None if there is none."""
        return None

    @abstractmethod
    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        """Return the messages of an ApiError, each with the label of its field."""

    @abstractmethod
    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        """Return the context for the kind's templates: the subject's page, people and recent history."""


class RequestKind(ABC):
    """A kind of request. The app that owns the subjects registers one instance in its `apps.py`."""

    key: str
    label: str | Promise
    # What the queue calls a subject.
    subject_label: str | Promise
    # Templates for the subject and its recent history, if it has one, on the review page; `subject_context` is their
    # context.
    subject_template = "admin/changerequests/includes/reviewed_subject.html"
    history_template: str | None = "admin/changerequests/includes/subject_history.html"
    # The shipped policies, `standard` and `strict` (`changerequests.policies.profiles`).
    profiles: Mapping[str, Mapping[str, Any]]
    # Whether the subject does not exist before the approval, so that all values are new.
    is_creation = False
    # What rules with `flaggedOnly` are about, such as "fields that require approval"; None if they are about nothing.
    flagged: str | Promise | None = None
    # Whether rules may depend on a number of rows (`Facts.rows`).
    counts_rows = False
    # Whether what applications change can wait, if a rule names them.
    binds_applications = True
    # Whether its policy must make every change wait, so that nobody can switch it off.
    always_waits = False
    # Kinds with the same name here have the same `visible`, so that a list asks for it once.
    sight: str | None = None
    # Permissions, with one of which members see all subjects; none if sight depends on the subject.
    seen_with: tuple[str, ...] = ()
    # Whether some of its requests are about a member, who does not decide them (`about_member`).
    is_about_members = False
    # Whether requests are about other subjects too, without changes of their own: who sees one of them sees all.
    has_subjects_beside = False
    # Whether its subjects are groups, whose users do not decide about them.
    is_about_groups = False
    # Whether hours until a stage is due count on every day, instead of on business days.
    is_due_on_any_day = False
    # Whether a subject is a contact, or one to be, so that who is shown the subject has looked at a contact.
    is_about_contacts = False
    # Whether the initiator may ask for the same targets again, over the values of today (`repeated`).
    is_repeatable = False

    @abstractmethod
    def visible(self, actor: Actor) -> Q | None:
        """Return the condition on a row's `subject_id` that the actor can see the subject; None if it sees all."""

    @abstractmethod
    def search(self, term: str) -> QuerySet[Any, Any]:
        """Return a subquery for the ids of subjects that match a search term."""

    def of_participant(self, participant_id: int) -> QuerySet[Any, Any] | None:
        """Return a subquery for the ids of a participant's subjects; None if this kind has no participants."""
        return None

    def contact_types(self) -> list[tuple[str, str]]:
        """Return key and label of each type of contact that rules can name; none if subjects are no contacts."""
        return []

    @abstractmethod
    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        """Return subjects by id, in one query; without their documents, these are empty."""

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any] | None:
        """Return the subjects as `listed_columns`, so that a list reads those of all kinds by one statement.

        None if columns cannot say it: then the list calls `subjects`, which is one more statement.
        """
        return None

    def lock_before(self, subject_ids: Collection[int]) -> None:  # noqa: B027 - most kinds lock their subjects only
        """Lock what comes before the subjects in the order of locks. Called before several are locked one by one."""

    @abstractmethod
    def lock(self, *, actor: Actor, subject_id: int) -> Any:
        """Lock the subject until the transaction ends; the return value is passed to `apply` and `amended`.

        Raises NotFound if the subject does not exist or the actor cannot see it, and any error that forbids all changes
        of it.
        """

    @abstractmethod
    def apply(self, *, actor: Actor, subject: Any, changes: Sequence[Change], request: ChangeRequest) -> None:
        """Make approved changes through the service that also makes direct changes.

        Called with subject and request locked; `subject` is the return value of `lock`. The entry in the ledger names
        the request; there is none if only addresses change that must be verified first. Raises what the service raises.
        """

    @abstractmethod
    def outdated_paths(self, document: Mapping[str, Any], changes: Sequence[Change]) -> list[str]:
        """Return the paths whose value in the document is no longer the original one."""

    @abstractmethod
    def document_of(self, subject: Any) -> Mapping[str, Any]:
        """Return the document of a locked subject."""

    @abstractmethod
    def amended(self, *, actor: Actor, subject: Any, document: Mapping[str, Any]) -> Sequence[Change]:
        """Return the changes of an amended submission, in the form of the operation that makes direct changes.

        `subject` is the return value of `lock`. Reserves what they need, if the kind reserves anything. Raises the
        errors of a submission.
        """

    def repeated(self, *, actor: Actor, subject: Any, changes: Sequence[Change]) -> Sequence[Change]:
        """Return changes to the same targets over the values of today, without those that are there already.

        `subject` is the return value of `lock`. Raises the errors of a submission.
        """
        document = self.document_of(subject)
        today = [Change(change.path, value_at(document, change.path), change.target) for change in changes]
        return [change for change in today if not is_same(change.original, change.target)]

    @abstractmethod
    def requirement(
        self, *, subject: Any, paths: Iterable[str], policy: KindPolicy, initiator: Initiator
    ) -> Requirement:
        """Return what changes at these paths of a locked subject must wait for under this policy."""

    def abandoned(self, request: ChangeRequest) -> None:  # noqa: B027 - most kinds have nothing to clear up
        """Clear up after a request about one subject that is rejected or cancelled.

        Called with the request locked, and not always with its subject locked.
        """

    def about_member(self, subject: Any, changes: Sequence[Change]) -> int | None:
        """Return the id of the member whose rights or login the changes of a locked subject are; it never decides them.

        None if they are about nobody in particular.
        """
        return None

    def excluded_members(self, subject: Any) -> Collection[int]:
        """Return the ids of others who never decide changes of a locked subject, because they can act as it."""
        return ()

    def check_kept(self, paths: Collection[str], kept: Collection[str]) -> None:  # noqa: B027 - most kinds allow it
        """Raise UnprocessableEntity if a reviewer cannot keep the changes at only these of the paths."""

    def strikable(self, paths: Collection[str]) -> set[str]:
        """Return those of a request's paths that the review page lets a reviewer strike, each without the others.

        None of something new, whose parts belong together.
        """
        if self.is_creation or len(paths) < 2:
            return set()
        return {path for path in paths if self._may_go(path, paths)}

    def _may_go(self, path: str, paths: Collection[str]) -> bool:
        try:
            self.check_kept(paths, [other for other in paths if other != path])
        except UnprocessableEntity:
            return False
        return True

    @abstractmethod
    def presenter(self) -> Presenter: ...

    def presenter_for(self, actor: Actor) -> Presenter:
        """Return the presenter of values shown to an actor; override it if they name what not everybody sees."""
        return self.presenter()


_kinds: dict[str, RequestKind] = {}


def register_kind(kind: RequestKind) -> None:
    """Register a kind. Raises ValueError if another one has its key."""
    if kind.key in _kinds:
        raise ValueError(f"{kind.key} is registered already")
    _kinds[kind.key] = kind


def request_kind(key: str) -> RequestKind:
    """Return the kind. Raises KeyError for an unknown one."""
    return _kinds[key]


def all_kinds() -> list[RequestKind]:
    return list(_kinds.values())
