"""The kind of change request for schemas."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentPresenter
from changerequests.kinds import SubjectView
from changerequests.models import ChangeRequest
from changerequests.policies import profiles
from changerequests.presentation import Mark, ReviewedChange, Row, Shown
from core.documents import Change
from core.errors import NotFound
from schemas.definition.documents import ELEMENTS, ORDER, RULES, Place, document_of, place_of
from schemas.definition.elements import FLAGS, GROUP
from schemas.display import PROPERTY_LABELS, type_label
from schemas.kinds.parts import PartsKind
from schemas.localization import text_in
from schemas.models import SCHEMA_KIND, Schema, SchemaDraft
from schemas.services.schemas import LockedSchema, locked_schema, planned_changes, write_version

EMPTY: Mapping[str, Any] = {}
FLAG_NAMES = frozenset({*FLAGS, "isArray"})
LABELS = {
    **PROPERTY_LABELS,
    "isArray": _("Several values"),
    ORDER: _("Order of the elements"),
    RULES: _("Rules between fields"),
}


class SchemaKind(PartsKind):
    """A new version of a schema. The document is the definition (`schemas.definition.documents`)."""

    key = SCHEMA_KIND
    label = _("Schema")
    subject_label = _("schema")
    subject_template = "admin/schemas/includes/reviewed_schema.html"
    profiles = profiles(waits=True)

    def search(self, term: str) -> QuerySet[Any, Any]:
        return Schema.objects.filter(key__icontains=term).order_by().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = Schema.objects.filter(pk__in=ids).select_related("current_version")
        if not with_documents:
            rows = rows.defer("current_version__definition", "current_version__json_schema")
        return {
            row.pk: SubjectView(row.pk, None, _name(row.key), _document(row) if with_documents else {}, row)
            for row in rows
        }

    def holder(self, path: str) -> str:
        return place_of(path).holder

    def lock(self, *, actor: Actor, subject_id: int) -> LockedSchema:
        schema = locked_schema(Schema.objects.filter(pk=subject_id, current_version__isnull=False))
        if schema is None:
            raise NotFound(gettext("There is no such schema."))
        return schema

    def apply(self, *, actor: Actor, subject: LockedSchema, changes: Sequence[Change], request: ChangeRequest) -> None:
        version = write_version(schema=subject, changes=changes, actor=actor, request=request)
        SchemaDraft.objects.filter(change_request=request).update(published_version=version)

    def document_of(self, subject: LockedSchema) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: LockedSchema, document: Mapping[str, Any]) -> Sequence[Change]:
        return planned_changes(subject, document.get("schema"))

    def presenter(self) -> SchemaPresenter:
        return SchemaPresenter()


def _name(key: str) -> str:
    return gettext("Schema %(key)s") % {"key": key}


def _document(schema: Schema) -> Mapping[str, Any]:
    version = schema.current_version
    return {} if version is None else document_of(schema.key, version.definition)


class SchemaPresenter(DocumentPresenter):
    """Presents changes of definitions with the labels of elements, flags and properties."""

    def __init__(self) -> None:
        super().__init__(SCHEMA_KIND, LABELS)

    @cached_property
    def _roots(self) -> dict[str, Any]:
        """The current documents by the keys of their schemas."""
        schemas = Schema.objects.select_related("current_version").defer("current_version__json_schema")
        return {schema.key: _document(schema).get(schema.key) for schema in schemas}

    @cached_property
    def _elements(self) -> dict[str, str]:
        """The labels of elements by path."""
        found: dict[str, str] = {}
        for key, root in self._roots.items():
            _learn(found, key, root)
        return found

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        # Elements that the request adds, or that have been removed since, have their labels in its changes.
        for change in changes:
            if not place_of(change["path"]).name:
                _learn(self._elements, change["path"], change["target"])
                _learn(self._elements, change["path"], change["original"])
        reviewed = super().reviewed_changes(changes, document=document, is_open=is_open)
        # Where all require approval, saying so of each could be taken for the flag of that name.
        if all(change.is_approval_required for change in reviewed):
            reviewed = [replace(change, is_approval_required=False) for change in reviewed]
        return reviewed

    def _place(self, path: str) -> tuple[int, str]:
        # Changes come in the order of the form.
        return 0, ""

    def _label_of(self, path: str) -> str:
        return self._elements.get(path, path.rpartition(".")[2])

    def label_at(self, path: str) -> str:
        # A fault names its place in the definition instead.
        return super().label_at(path) if place_of(path).root in self._roots else path

    def innermost_label(self, path: str) -> str:
        place = place_of(path)
        if not place.name:
            return self._label_of(place.elements[-1]) if place.elements else _name(place.root)
        label = self.label(place.name)
        return f"{label} ({place.language})" if place.language else label

    def context(self, path: str) -> str:
        place = place_of(path)
        around = place.elements if place.name else place.elements[:-1]
        return " › ".join(map(self._label_of, around))

    def shown_at(self, path: str, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None) -> Shown:
        place = place_of(path)
        if not place.name:
            return self._shown_element(path, value, mark) if place.elements else _counted(value, mark)
        shown = self._displayed(place, value, beside=beside)
        return self.shown(shown, mark, beside=self._displayed(place, beside, beside=value), name=place.name)

    def _displayed(self, place: Place, value: Any, *, beside: Any) -> Any:
        """Return a property's value in the words of the page."""
        name = place.name
        if value is None:
            # A flag that is not there says the opposite of one that is set.
            return False if beside is True and name in FLAG_NAMES else None
        if name == ORDER:
            return [self._label_in(place.holder, key) for key in value]
        if name == RULES:
            return [json.dumps(rule, ensure_ascii=False, indent=2) for rule in value]
        return type_label(value) if name == "type" else value

    def _label_in(self, container: str, key: str) -> str:
        """Return the label of what a container holds: it is inside, or beside the container if that is a group."""
        inside, beside = f"{container}.{ELEMENTS}.{key}", f"{container.rpartition('.')[0]}.{key}"
        return self._elements.get(inside) or self._label_of(beside)

    def _shown_element(
        self, path: str, value: Any, mark: Mark = Mark.SAME, *, siblings: Mapping[str, Any] = EMPTY
    ) -> Shown:
        """Return an element with all that it holds; of a group's, those among its siblings."""
        if not isinstance(value, dict):
            return Shown()
        rows = [Row(label, Shown(text=text)) for label, text in self._said(value)]
        is_group = value.get("type") == GROUP
        elements = siblings if is_group else value.get(ELEMENTS, EMPTY)
        around = path.rpartition(".")[0] if is_group else f"{path}.{ELEMENTS}"
        held = value.get(ORDER, ())
        for key in (key for key in held if key in elements):
            at = f"{around}.{key}"
            rows.append(Row(self._label_of(at), self._shown_element(at, elements[key], siblings=elements)))
        elsewhere = [Shown(text=self._label_of(f"{around}.{key}")) for key in held if key not in elements]
        if elsewhere:
            rows.append(Row(self.label(ORDER), Shown(items=tuple(elsewhere))))
        return Shown(rows=tuple(rows), mark=mark)

    def _said(self, element: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield label and text of what is said of an element itself."""
        for name in (name for name in LABELS if name in element and name not in (ORDER, RULES)):
            value = element[name]
            if isinstance(value, dict):
                yield from ((f"{self.label(name)} ({language})", text) for language, text in value.items())
            elif value is not False:
                yield self.label(name), type_label(value) if name == "type" else self.text(value, name=name)

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        may_open = user.has_perm("schemas.view_schema") or user.has_perm("schemas.change_schema")
        return reverse("admin:schemas_schema_change", args=[subject.id]) if may_open else None


def _learn(labels: dict[str, str], path: str, value: Any) -> None:
    """Keep the labels of an element or a root, and of the elements inside it, unless they are known."""
    if not isinstance(value, dict):
        return
    if "label" in value:
        labels.setdefault(path, text_in(value["label"], fallback=path.rpartition(".")[2]))
    for key, element in value.get(ELEMENTS, {}).items():
        _learn(labels, f"{path}.{ELEMENTS}.{key}", element)


def _counted(value: Any, mark: Mark) -> Shown:
    """Return a whole definition for display."""
    if not isinstance(value, dict):
        return Shown()
    number = len(value[ELEMENTS])
    return Shown(text=ngettext("%(number)s element", "%(number)s elements", number) % {"number": number}, mark=mark)
