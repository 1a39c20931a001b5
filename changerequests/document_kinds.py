"""The base of kinds whose document has no schema: labels by the names of its properties."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import gettext

from accounts.actor import Actor, ActorKind
from accounts.queries import NOTHING, has_permission
from audit.queries import latest_entries
from changerequests.comparison import compared_words, matched_items
from changerequests.kinds import Presenter, RequestKind, SubjectView
from changerequests.policies import Facts, Initiator, KindPolicy, Requirement
from changerequests.presentation import Mark, ReviewedChange, Row, Shown, ShownChange
from core.documents import Change, is_same, value_at

if TYPE_CHECKING:
    from django.utils.functional import Promise

RECENT_ENTRIES = 5


def seen_by_members_with(actor: Actor, *permissions: str) -> Q | None:
    """Return the condition of `RequestKind.visible` for subjects that members see with one of these permissions."""
    if actor.kind is ActorKind.SYSTEM:
        return None
    if not actor.is_member:
        return NOTHING
    conditions = [has_permission(actor, permission) for permission in permissions]
    return reduce(or_, conditions) if all(conditions) else None


class DocumentKind(RequestKind):
    """Requests whose changes wait by path alone, and are shown by a DocumentPresenter."""

    def outdated_paths(self, document: Mapping[str, Any], changes: Sequence[Change]) -> list[str]:
        return [change.path for change in changes if not is_same(value_at(document, change.path), change.original)]

    def requirement(
        self, *, subject: Any, paths: Iterable[str], policy: KindPolicy, initiator: Initiator
    ) -> Requirement:
        return policy.requirement(paths, flagged=(), facts=self.facts(subject, policy, initiator))

    def facts(self, subject: Any, policy: KindPolicy, initiator: Initiator) -> Facts:
        """Return what the policy's rules depend on."""
        return Facts(initiator=initiator)


class PermittedKind(DocumentKind):
    """Requests about subjects that members see with one of the permissions `seen_with`."""

    def visible(self, actor: Actor) -> Q | None:
        return seen_by_members_with(actor, *self.seen_with)


class DocumentPresenter(Presenter):
    """Presents changes of a document by the labels of its properties, whatever is nested in them.

    `labels` are in the order in which properties are shown. A property without a label is shown by its name, and one
    that is null or false inside an object is not shown.
    """

    def __init__(self, key: str, labels: Mapping[str, "str | Promise"]) -> None:
        self._key = key
        self._labels = labels

    def text(self, value: Any, *, name: str) -> str:
        """Return a plain value of a property for display; override it for ids of something with a name."""
        if isinstance(value, bool):
            return gettext("Yes") if value else gettext("No")
        return "" if value is None else str(value)

    def label(self, name: str) -> str:
        """Return the label of one property, or of one key inside it."""
        return str(self._labels.get(name, name))

    def innermost_label(self, path: str) -> str:
        return self.label(path.rpartition(".")[2])

    def context(self, path: str) -> str:
        """Return the labels of what is around the innermost property of a path."""
        return " › ".join(self.label(name) for name in path.split(".")[:-1])

    def label_at(self, path: str) -> str:
        return " › ".join(filter(None, (self.context(path), self.innermost_label(path))))

    def field_labels(self, paths: Iterable[str]) -> list[str]:
        paths = list(paths)
        innermost = [path for path in paths if not any(other.startswith(f"{path}.") for other in paths)]
        return [self.label_at(path) for path in sorted(innermost, key=self.place)]

    def place(self, path: str) -> tuple[int, str]:
        """Return a sort key for the order in which paths are shown."""
        order = list(self._labels)
        first = path.partition(".")[0]
        return (order.index(first) if first in order else len(order), path)

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        return [
            self._reviewed(change, document, is_open)
            for change in sorted(changes, key=lambda change: self.place(change["path"]))
        ]

    def _reviewed(self, change: Mapping[str, Any], document: Mapping[str, Any], is_open: bool) -> ReviewedChange:
        path = change["path"]
        now = value_at(document, path) if is_open else change["original"]
        is_outdated = not is_same(now, change["original"])
        return ReviewedChange(
            path=path,
            label=self.innermost_label(path),
            context=self.context(path),
            current=self.shown_at(path, now, Mark.REMOVED, beside=change["target"]),
            proposed=self.shown_at(path, change["target"], Mark.ADDED, beside=now),
            original=self.shown_at(path, change["original"]) if is_outdated else None,
            is_approval_required=change["isApprovalRequired"],
            is_verified_after=False,
        )

    def shown_at(self, path: str, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None) -> Shown:
        """Return the value at a path for display; override it for values that depend on what is around them."""
        return self.shown(value, mark, beside=beside, name=path.rpartition(".")[2])

    def shown(self, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None, name: str = "") -> Shown:
        """Return a value for display; `mark` marks what differs from the value beside it.

        Arrays are compared item by item, objects value by value, and long texts word by word.
        """
        if isinstance(value, list):
            return self._shown_items(value, mark, beside if isinstance(beside, list) else [], name)
        if isinstance(value, dict):
            return self._shown_object(value, mark, beside)
        text = self.text(value, name=name)
        if mark is Mark.SAME or not (isinstance(value, str) and isinstance(beside, str)):
            return Shown(text=text, mark=mark)
        other = self.text(beside, name=name)
        is_old = mark is Mark.REMOVED
        before, after = compared_words(*((text, other) if is_old else (other, text)))
        return Shown(text=text, pieces=before if is_old else after, mark=mark)

    def _shown_items(self, items: list[Any], mark: Mark, others: list[Any], name: str) -> Shown:
        is_old = mark is not Mark.ADDED
        matches = matched_items(items, others) if is_old else matched_items(others, items).reversed()
        return Shown(
            items=tuple(
                self.shown(
                    item,
                    Mark.SAME if place in matches.same else mark,
                    beside=others[matches.changed[place]] if place in matches.changed else None,
                    name=name,
                )
                for place, item in enumerate(items)
            )
        )

    def _shown_object(self, value: dict[str, Any], mark: Mark, beside: Any) -> Shown:
        known = [part for part in self._labels if part in value]
        names = [*known, *(part for part in value if part not in self._labels)]
        is_compared = mark is not Mark.SAME and isinstance(beside, dict)
        rows = []
        for part in names:
            inside = value[part]
            if inside is None or inside is False:
                continue
            other = beside.get(part) if is_compared else None
            is_marked = is_compared and not is_same(inside, other)
            rows.append(
                Row(self.label(part), self.shown(inside, mark if is_marked else Mark.SAME, beside=other, name=part))
            )
        return Shown(rows=tuple(rows), mark=Mark.CHANGED if is_compared else mark)

    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        return [
            f"{self.label_at(path)}: {message}" if path else str(message)
            for path, messages in (properties or {}).items()
            for message in messages
        ]

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        entries = latest_entries(kind=self._key, subject_id=subject.id, limit=RECENT_ENTRIES)
        return {
            "subject": subject,
            "subject_address": self.address(subject, user=user),
            "history": [(entry, self.shown_changes(entry.changes)) for entry in entries],
        }

    def shown_changes(self, changes: Sequence[Mapping[str, Any]]) -> list[ShownChange]:
        return [self._shown_change(change["path"], change["original"], change["target"]) for change in changes]

    def _shown_change(self, path: str, original: Any, target: Any) -> ShownChange:
        return ShownChange(
            path=path,
            label=self.innermost_label(path),
            context=self.context(path),
            before=self.shown_at(path, original, Mark.REMOVED, beside=target),
            after=self.shown_at(path, target, Mark.ADDED, beside=original),
        )
