"""Reading schemas and lists, with an in-process cache.

Each process caches compiled schemas and lists. Every call reads the current version and the list revisions in one query
and recompiles only what has changed, so changes take effect in all processes at once, without invalidation messages.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from django.db.models import F, Func, JSONField, ManyToOneRel, QuerySet, Subquery
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.errors import NotFound, UnprocessableEntity
from core.prepared import Param, PreparedQuery
from schemas.compiled import CompiledSchema
from schemas.definition import parse_definition, stored_definition
from schemas.derivation import derive_json_schema, usable_json_schema
from schemas.fields import Field, LayoutElement, root_of
from schemas.lists import Item, ListData
from schemas.models import List, ListItem, Schema, SchemaVersion
from schemas.names import schema_name
from schemas.usage_checks import is_in_use

DEFAULT_LIMIT = 10
MAX_LIMIT = 1_000

# Caches by key. Entries are immutable and replaced as a whole, so no lock is needed.
_compiled: dict[str, CompiledSchema] = {}
_lists: dict[str, ListData] = {}


@dataclass(frozen=True, slots=True)
class FoundItems:
    items: Sequence[Item]
    total_count: int


def current_schema(key: str) -> CompiledSchema:
    """Return the current version of a schema. Runs one query if it is cached, up to three otherwise.

    Raises NotFound for an unknown key.
    """
    query, values = current_schema_query(key)
    return schema_from_row(key, query.first(values))


def current_schema_query(key: str) -> tuple[PreparedQuery, Mapping[str, str]]:
    """Return the query for the current version, to run it with others. Pass its row to `schema_from_row`."""
    return _prepared_current(), {"key": key}


def schema_from_row(key: str, row: tuple[Any, ...] | None) -> CompiledSchema:
    """Return the schema for a row of `current_schema_query`. Raises NotFound if the row is None."""
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
    """Return the columns for `schema_from_row` as annotations; `schema_version` is null if there is no schema."""
    return {"schema_version": Subquery(_current(key).values("current_version_id")), "revisions": _revisions()}


def _current(key: str | Param) -> QuerySet[Schema]:
    return Schema.objects.filter(key=key, current_version__isnull=False).order_by()


def _revisions() -> Subquery:
    """Return a subquery for a JSON object of list key -> revision, of all lists."""
    found = Func(F("key"), F("revision"), function="jsonb_object_agg", output_field=JSONField())
    return Subquery(List.objects.order_by().values(all=found))


def schema_at(version_id: int) -> CompiledSchema:
    """Return any version of a schema, with the current lists, for work that started with that version."""
    key = SchemaVersion.objects.values_list("schema__key", flat=True).get(pk=version_id)
    current = current_schema(key)
    if current.version_id == version_id:
        return current
    return _compile(key, version_id, dict(List.objects.values_list("key", "revision")))


def draft_schema(*, key: str, definition_text: str) -> CompiledSchema:
    """Compile an unpublished definition with the current lists, without publishing it.

    Raises NotFound for an unknown key; UnprocessableEntity `SchemaInvalid` with all faults by place.
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
    """Return list key -> key of its parent list, or None, for all lists."""
    return dict(List.objects.values_list("key", "parent__key"))


def all_lists() -> Mapping[str, ListData]:
    """Return all lists with their items, by key. Runs at most two queries."""
    return _list_data(dict(List.objects.values_list("key", "revision")))


def list_data(key: str) -> ListData:
    """Return a list with its items. Runs at most two queries. Raises NotFound for an unknown key."""
    found = _list_data(dict(List.objects.filter(key=key).values_list("key", "revision")))
    if key not in found:
        raise NotFound(_("There is no list “%(key)s”.") % {"key": key[:80]})
    return found[key]


def data_of_lists(rows: Iterable[List]) -> Mapping[str, ListData]:
    """Return these lists with their items, by key. Runs at most one query."""
    return _list_data({row.key: row.revision for row in rows})


def is_item_in_use(list_key: str, key: str) -> bool:
    """Return whether a document or a row uses a list item; its child items do not count."""
    users = [
        relation.related_model._base_manager.filter(
            **{f"{relation.field.name}__list__key": list_key, f"{relation.field.name}__key": key}
        )
        for relation in ListItem._meta.get_fields(include_hidden=True)
        if isinstance(relation, ManyToOneRel) and relation.related_model is not ListItem
    ]
    # Requests first: once approved, what they asked for is in rows and documents.
    return is_in_use(list_key, key) or any(rows.exists() for rows in users)


def search_list(
    *,
    list_key: str,
    term: str = "",
    limit: int = DEFAULT_LIMIT,
    include_id: int | None = None,
    is_filtered_by_hierarchy: bool | None = None,
    hierarchy_item_id: int | None = None,
) -> FoundItems:
    """Return the first `limit` items whose name (in the active language) or key contains the term.

    `hierarchy_item_id` restricts them to the children of that item, unless `is_filtered_by_hierarchy` is false; if it
    is true without an item, nothing matches. The item `include_id` comes first even if it does not match, and counts
    towards the limit; `total_count` is the number of matches. Runs at most two queries. Raises NotFound for an unknown
    list.
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
    """Return the first `limit` choices for a form whose name (in the active language) or key contains the term.

    `parent_key` restricts them to items with that parent or without one. Runs at most two queries. Raises NotFound for
    an unknown list.
    """
    matches = list_data(list_key).matching(term, language=get_language() or "")
    if parent_key is not None:
        matches = [item for item in matches if item.parent_key in (None, parent_key)]
    return FoundItems(items=matches[:limit], total_count=len(matches))


def items_of_lists(list_keys: Collection[str]) -> list[tuple[str, Item]]:
    """Return all items of the lists (default: all lists) as (list key, item), sorted in the active language.

    Raises UnprocessableEntity with up to 100 unknown list keys.
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


def layout_elements(schema_key: str) -> list[LayoutElement]:
    """Return the layout of a schema, beginning with its root. Raises NotFound for an unknown schema."""
    schema = current_schema(schema_key)
    return [root_of(schema_name(schema_key)), *schema.layout]


def select_fields(
    schema: CompiledSchema, *, paths: Collection[str] = (), layout_path: str | None = None
) -> list[Field]:
    """Return the fields at the paths (default: all) that are below the layout element, if given; "" is the root's own.

    Raises UnprocessableEntity with up to 100 unknown paths, and for an unknown layout element.
    """
    faults: dict[str, list[str]] = {}
    unknown = [path for path in dict.fromkeys(paths) if path not in schema.fields]
    if unknown:
        faults["fieldKeys"] = [_("The schema has no field “%(path)s”.") % {"path": path[:80]} for path in unknown[:100]]
    below = schema.layout_paths_below(layout_path) if layout_path else None if layout_path is None else {""}
    if below is not None and not below:
        faults["layoutPathKey"] = [_("The layout has no element “%(path)s”.") % {"path": (layout_path or "")[:80]}]
    if faults:
        raise UnprocessableEntity(_("The schema does not have what you requested."), properties=faults)
    wanted = frozenset(paths) or schema.fields.keys()
    return [
        field
        for field in schema.fields.values()
        if field.path in wanted and (below is None or field.layout_path in below)
    ]


def fields_with_list(list_key: str) -> list[tuple[str, Field]]:
    """Return the fields of all current schemas that use a list, as (schema key, field)."""
    keys = Schema.objects.filter(current_version__isnull=False).values_list("key", flat=True)
    return [(key, field) for key in keys for field in current_schema(key).fields.values() if field.list_key == list_key]


def _compile(key: str, version_id: int, revisions: Mapping[str, int]) -> CompiledSchema:
    version = SchemaVersion.objects.defer("json_schema").get(pk=version_id)
    definition = stored_definition(version.definition)
    return CompiledSchema(
        key=key,
        schema_id=version.schema_id,
        version_id=version.pk,
        version_number=version.number,
        definition=definition,
        definition_json=version.definition,
        # Derived again: what holds for every text holds for versions published before as well.
        json_schema=derive_json_schema(definition),
        lists=_list_data({name: revisions[name] for name in definition.list_keys if name in revisions}),
    )


def _is_fresh(lists: Mapping[str, ListData], revisions: Mapping[str, int]) -> bool:
    return all(revisions.get(key) == data.revision for key, data in lists.items())


def _list_data(revisions: Mapping[str, int]) -> dict[str, ListData]:
    """Return the lists at these revisions, from the cache or in one query for all missing ones."""
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
