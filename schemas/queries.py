"""Chooses schemas and lists, from memory where it is still right.

A process keeps what it has compiled. Every call asks the database, in one statement, for the current version and the
revisions of the lists, and compiles again only what has changed: so all processes are right at once, and nothing has to
be told to them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from django.db.models import F, Func, JSONField, QuerySet, Subquery
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.errors import NotFound, UnprocessableEntity
from core.prepared import Param, PreparedQuery
from schemas.compiled import CompiledSchema
from schemas.definition import parse_definition, stored_definition
from schemas.derivation import usable_json_schema
from schemas.fields import Field
from schemas.lists import Item, ListData
from schemas.models import List, ListItem, Schema, SchemaVersion

DEFAULT_LIMIT = 10
MAX_LIMIT = 1_000

# Key -> what was compiled last. Entries are replaced whole, which needs no lock.
_compiled: dict[str, CompiledSchema] = {}
_lists: dict[str, ListData] = {}


@dataclass(frozen=True, slots=True)
class FoundItems:
    items: Sequence[Item]
    total_count: int


def current_schema(key: str) -> CompiledSchema:
    """The current version of a schema, compiled. One SQL statement when this process has it already, else three.

    Raises NotFound for an unknown key.
    """
    query, values = current_schema_query(key)
    return schema_from_row(key, query.first(values))


def current_schema_query(key: str) -> tuple[PreparedQuery, Mapping[str, str]]:
    """Reads the current version of a schema, where other queries run as well; `schema_from_row` takes the row."""
    return _prepared_current(), {"key": key}


def schema_from_row(key: str, row: tuple[Any, ...] | None) -> CompiledSchema:
    """The schema that `current_schema_query` found. Raises NotFound where it found none."""
    if row is None:
        raise NotFound(_("There is no schema “%(key)s”.") % {"key": key[:80]})
    version_id, all_revisions = row[0], orjson.loads(row[1] or "{}")
    cached = _compiled.get(key)
    if cached is not None and cached.version_id == version_id and _is_fresh(cached.lists, all_revisions):
        return cached
    _compiled[key] = _compile(key, version_id, all_revisions)
    return _compiled[key]


@cache
def _prepared_current() -> PreparedQuery:
    return PreparedQuery.from_queryset(_current(Param("key")).values_list("current_version_id", _revisions()))


def schema_columns(key: str) -> dict[str, Subquery]:
    """The columns of a schema in a query of other rows, for `schema_from_row`; the first is null without a schema."""
    return {"schema_version": Subquery(_current(key).values("current_version_id")), "revisions": _revisions()}


def _current(key: str | Param) -> QuerySet[Schema]:
    return Schema.objects.filter(key=key, current_version__isnull=False).order_by()


def _revisions() -> Subquery:
    """The key of every list -> its revision."""
    found = Func(F("key"), F("revision"), function="jsonb_object_agg", output_field=JSONField())
    return Subquery(List.objects.order_by().values(all=found))


def schema_at(version_id: int) -> CompiledSchema:
    """A version of a schema, published last or not, with the lists as they are now: for work that began with it."""
    key = SchemaVersion.objects.values_list("schema__key", flat=True).get(pk=version_id)
    current = current_schema(key)
    if current.version_id == version_id:
        return current
    return _compile(key, version_id, dict(List.objects.values_list("key", "revision")))


def draft_schema(*, key: str, definition_text: str) -> CompiledSchema:
    """A definition that is not published, compiled with the lists as they are now: what it would do.

    Raises NotFound for an unknown key, and UnprocessableEntity `SchemaInvalid` with the place of every fault.
    """
    current = current_schema(key)
    definition, value = parse_definition(definition_text, lists=lists_above())
    revisions = dict(List.objects.values_list("key", "revision"))
    return CompiledSchema(
        key=key,
        schema_id=current.schema_id,
        version_id=0,
        version_number=current.version_number + 1,
        definition=definition,
        definition_json=value,
        json_schema=usable_json_schema(definition),
        lists=_list_data({name: revisions[name] for name in definition.list_keys if name in revisions}),
    )


def lists_above() -> dict[str, str | None]:
    """The key of every list -> the key of the list above it, or None: what a definition may name."""
    return dict(List.objects.values_list("key", "parent__key"))


def all_lists() -> Mapping[str, ListData]:
    """Every list with its items, by key, in at most two statements."""
    return _list_data(dict(List.objects.values_list("key", "revision")))


def list_data(key: str) -> ListData:
    """One list with its items, in at most two statements. Raises NotFound for an unknown key."""
    found = _list_data(dict(List.objects.filter(key=key).values_list("key", "revision")))
    if key not in found:
        raise NotFound(_("There is no list “%(key)s”.") % {"key": key[:80]})
    return found[key]


def search_list(
    *,
    list_key: str,
    term: str = "",
    limit: int = DEFAULT_LIMIT,
    include_id: int | None = None,
    is_filtered_by_hierarchy: bool | None = None,
    hierarchy_item_id: int | None = None,
) -> FoundItems:
    """The first `limit` items whose name (in the active language) or key holds the term.

    `hierarchy_item_id` narrows them to the children of an item, unless `is_filtered_by_hierarchy` is false; if it is
    true and no item is named, none fits. The item `include_id` comes first, whether it fits or not, and counts against
    the limit; `total_count` counts those that fit. At most two statements. Raises NotFound for an unknown list.
    """
    data = list_data(list_key)
    language = get_language() or ""
    is_narrowed = is_filtered_by_hierarchy or (is_filtered_by_hierarchy is None and hierarchy_item_id is not None)
    matches: list[Item] = []
    if not is_narrowed or hierarchy_item_id is not None:
        matches = data.matching(term, language=language, parent_id=hierarchy_item_id if is_narrowed else None)
    shown = matches
    included = data.by_id.get(include_id) if include_id is not None else None
    if included is not None:
        shown = [included, *(item for item in matches if item.id != included.id)]
    return FoundItems(items=shown[:limit], total_count=len(matches))


def list_choices(*, list_key: str, term: str, parent_key: str | None, limit: int) -> FoundItems:
    """The first `limit` items that a form offers: their name (in the active language) or key holds the term.

    With `parent_key` only those that may stand beside that item of the list above. At most two statements. Raises
    NotFound for an unknown list.
    """
    matches = list_data(list_key).matching(term, language=get_language() or "")
    if parent_key is not None:
        matches = [item for item in matches if item.parent_key in (None, parent_key)]
    return FoundItems(items=matches[:limit], total_count=len(matches))


def items_of_lists(list_keys: Collection[str]) -> list[tuple[str, Item]]:
    """Every item of the lists, all lists when none is named, as (list key, item), sorted in the active language.

    Raises UnprocessableEntity that names each list key that does not exist.
    """
    lists = all_lists()
    unknown = [key for key in dict.fromkeys(list_keys) if key not in lists]
    if unknown:
        raise UnprocessableEntity(
            _("There is no such list."),
            properties={"listKeys": [_("There is no list “%(key)s”.") % {"key": key[:80]} for key in unknown[:100]]},
        )
    language = get_language() or ""
    chosen = dict.fromkeys(list_keys) or sorted(lists)
    return [(key, item) for key in chosen for item in lists[key].sorted_items(language)]


def select_fields(
    schema: CompiledSchema, *, paths: Collection[str] = (), layout_path: str | None = None
) -> list[Field]:
    """The fields at the paths, all when none is named, as far as they stand below the layout element.

    Raises UnprocessableEntity that names each path that the schema does not have.
    """
    faults: dict[str, list[str]] = {}
    unknown = [path for path in dict.fromkeys(paths) if path not in schema.fields]
    if unknown:
        faults["fieldKeys"] = [_("The schema has no field “%(path)s”.") % {"path": path[:80]} for path in unknown[:100]]
    below = None if layout_path is None else schema.layout_paths_below(layout_path)
    if below is not None and not below:
        faults["layoutPathKey"] = [_("The layout has no element “%(path)s”.") % {"path": (layout_path or "")[:80]}]
    if faults:
        raise UnprocessableEntity(_("The schema does not have what you ask for."), properties=faults)
    wanted = frozenset(paths) or schema.fields.keys()
    return [
        field
        for field in schema.fields.values()
        if field.path in wanted and (below is None or field.layout_path in below)
    ]


def fields_with_list(list_key: str) -> list[tuple[str, Field]]:
    """Each field that chooses from a list, as (schema key, field): where the uses of an item are to be looked for."""
    keys = Schema.objects.filter(current_version__isnull=False).values_list("key", flat=True)
    return [(key, field) for key in keys for field in current_schema(key).fields.values() if field.list_key == list_key]


def _compile(key: str, version_id: int, revisions: Mapping[str, int]) -> CompiledSchema:
    version = SchemaVersion.objects.get(pk=version_id)
    definition = stored_definition(version.definition)
    return CompiledSchema(
        key=key,
        schema_id=version.schema_id,
        version_id=version.pk,
        version_number=version.number,
        definition=definition,
        definition_json=version.definition,
        json_schema=version.json_schema,
        lists=_list_data({name: revisions[name] for name in definition.list_keys if name in revisions}),
    )


def _is_fresh(lists: Mapping[str, ListData], revisions: Mapping[str, int]) -> bool:
    return all(revisions.get(key) == data.revision for key, data in lists.items())


def _list_data(revisions: Mapping[str, int]) -> dict[str, ListData]:
    """The lists at their revisions: from memory, or else read in one statement for all of them."""
    found = {key: data for key, data in _lists.items() if revisions.get(key) == data.revision}
    stale = revisions.keys() - found.keys()
    if stale:
        items: dict[str, list[Item]] = {key: [] for key in stale}
        rows = ListItem.objects.filter(list__key__in=stale).order_by("pk")
        for list_key, *values in rows.values_list(
            "list__key", "id", "key", "names", "order", "parent_id", "parent__key"
        ):
            items[list_key].append(Item(*values))
        read = {key: ListData(key, revisions[key], items[key]) for key in stale}
        _lists.update(read)
        found.update(read)
    return found
