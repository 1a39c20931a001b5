"""The kind of change request for the items of lists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentPresenter
from changerequests.kinds import SubjectView
from changerequests.models import ChangeRequest
from changerequests.policies import Initiator, KindPolicy, Requirement, profiles
from changerequests.presentation import Mark, ReviewedChange, Row, Shown
from core.documents import Change
from core.errors import NotFound
from schemas.items import key_of, list_as_document
from schemas.kinds.parts import PartsKind
from schemas.lists import ListData
from schemas.localization import text_in
from schemas.models import LIST_KIND, List
from schemas.queries import all_lists, data_of_lists, lists_above
from schemas.services.lists import LockedList, locked_list, planned_changes, write_items

LABELS = {"names": _("Name"), "parentKey": _("Parent"), "order": _("Order")}


class ListKind(PartsKind):
    """Changes of a list's items. What happens to an item in use is flagged; adding one is not."""

    key = LIST_KIND
    label = _("List")
    subject_label = _("list")
    profiles = profiles(waits=True, is_flagged_only=True)
    flagged = _("items in use")

    def search(self, term: str) -> QuerySet[Any, Any]:
        return List.objects.filter(Q(key__icontains=term) | Q(names__icontains=term)).order_by().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = list(List.objects.filter(pk__in=ids))
        data = data_of_lists(rows) if with_documents else {}
        return {
            row.pk: SubjectView(row.pk, None, str(row), list_as_document(data[row.key]) if with_documents else {}, row)
            for row in rows
        }

    def holder(self, path: str) -> str:
        parts = path.split(".")
        return ".".join(parts[:2]) if len(parts) > 2 else parts[0]

    def lock(self, *, actor: Actor, subject_id: int) -> LockedList:
        owner = locked_list(List.objects.filter(pk=subject_id))
        if owner is None:
            raise NotFound(gettext("There is no such list."))
        return owner

    def apply(self, *, actor: Actor, subject: LockedList, changes: Sequence[Change], request: ChangeRequest) -> None:
        write_items(owner=subject, changes=changes, actor=actor, request=request)

    def document_of(self, subject: LockedList) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: LockedList, document: Mapping[str, Any]) -> Sequence[Change]:
        return planned_changes(subject, **document)

    def requirement(
        self, *, subject: LockedList, paths: Iterable[str], policy: KindPolicy, initiator: Initiator
    ) -> Requirement:
        paths = list(paths)
        flagged: set[str] = set()
        # Whether an item is in use takes a scan of all documents.
        if any(rule.is_flagged_only for rule in policy.rules):
            codes = {path.split(".")[1] for path in paths} & subject.items.keys()
            used = {code for code in codes if subject.is_in_use(key_of(code))}
            flagged = {path for path in paths if path.split(".")[1] in used}
        return policy.requirement(paths, flagged=flagged, facts=self.facts(subject, policy, initiator))

    def presenter(self) -> ListPresenter:
        return ListPresenter()


class ListPresenter(DocumentPresenter):
    """Presents changes of items with the names of items and of their parents."""

    def __init__(self) -> None:
        super().__init__(LIST_KIND, LABELS)
        self._names: dict[str, str] = {}

    @cached_property
    def _lists(self) -> Mapping[str, ListData]:
        return all_lists()

    @cached_property
    def _parents(self) -> Mapping[str, str | None]:
        return lists_above()

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        # Items that the request adds, or that have been removed since, have their names in its changes.
        for change in changes:
            for value in (change["original"], change["target"]):
                if isinstance(value, dict):
                    self._names[change["path"]] = text_in(value.get("names", {}), fallback=change["path"])
        return super().reviewed_changes(changes, document=document, is_open=is_open)

    def label_at(self, path: str) -> str:
        # A fault names the property alone.
        return super().label_at(path) if path.partition(".")[0] in self._lists else self._label_of(path.split("."))

    def innermost_label(self, path: str) -> str:
        list_key, *rest = path.split(".")
        if not rest:
            return list_key
        return self._name(list_key, rest[0]) if len(rest) == 1 else self._label_of(rest[1:])

    def context(self, path: str) -> str:
        list_key, *rest = path.split(".")
        return self._name(list_key, rest[0]) if len(rest) > 1 else ""

    def _label_of(self, names: Sequence[str]) -> str:
        """Return the label of a property of an item, such as `names.de`."""
        label = self.label(names[0])
        return f"{label} ({names[1]})" if len(names) > 1 else label

    def _name(self, list_key: str, code: str) -> str:
        data = self._lists.get(list_key)
        item = data.by_key.get(key_of(code)) if data else None
        return item.name() if item else self._names.get(f"{list_key}.{code}", key_of(code))

    def shown_at(self, path: str, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None) -> Shown:
        list_key, *rest = path.split(".")
        if isinstance(value, dict):
            names = [Row(self._label_of(["names", code]), Shown(text=text)) for code, text in value["names"].items()]
            others = [
                Row(self.label(name), self.shown_at(f"{path}.{name}", value[name]))
                for name in ("parentKey", "order")
                if name in value
            ]
            return Shown(rows=(Row(gettext("Key"), Shown(text=key_of(rest[0]))), *names, *others), mark=mark)
        above = self._lists.get(self._parents.get(list_key) or "")
        if rest[1:] == ["parentKey"] and above is not None and value is not None:
            return Shown(text=above.name_of(value), mark=mark)
        return super().shown_at(path, value, mark, beside=beside)

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        may_open = user.has_perm("schemas.view_list")
        return reverse("admin:schemas_list_change", args=[subject.id]) if may_open else None
