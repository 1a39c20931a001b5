"""Loading of the shipped lists and default schemas. Idempotent."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from django.db import transaction

from accounts.actor import system_actor
from schemas.isodata import ItemContent, ListContent, iso_lists
from schemas.models import List, ListItem, NextRevision, Schema
from schemas.services.schemas import locked_schema, planned_changes, write_version

# The system actor that publishes shipped schemas. Versions of other publishers belong to the institution.
PUBLISHER = "Kontor"
DEFAULT_SCHEMAS = ("contact", "legal-entity")

_DATA = files("schemas") / "data"


@transaction.atomic
def load_lists() -> int:
    """Add missing lists and items, and return the number of items added. Locks the lists' rows.

    Existing ones are not updated, since the institution may have changed their names or order.
    """
    contents = [*iso_lists(), *_own_lists()]
    keys = [content.key for content in contents]
    rows = {row.key: row for row in List.objects.select_for_update().filter(key__in=keys).order_by("key")}
    for content in contents:
        if content.key not in rows:
            parent = rows[content.parent_key] if content.parent_key else None
            rows[content.key] = List.objects.create(key=content.key, names=content.names, parent=parent)
    ids: dict[str, dict[str, int]] = {key: {} for key in keys}
    for list_key, key, pk in ListItem.objects.filter(list__key__in=keys).values_list("list__key", "key", "pk"):
        ids[list_key][key] = pk
    added = 0
    for content in contents:
        parents = ids[content.parent_key] if content.parent_key else {}
        missing = [
            ListItem(
                list=rows[content.key],
                key=item.key,
                names=item.names,
                parent_id=parents[item.parent_key] if item.parent_key else None,
                order=item.order,
            )
            for item in content.items
            if item.key not in ids[content.key]
        ]
        if missing:
            created = ListItem.objects.bulk_create(missing, batch_size=1_000)
            ids[content.key].update({item.key: item.pk for item in created})
            List.objects.filter(pk=rows[content.key].pk).update(revision=NextRevision())
            added += len(missing)
    return added


@transaction.atomic
def load_default_schemas() -> list[str]:
    """Publish new or changed default schemas, and return their keys. Locks the schemas' rows. Needs the lists.

    Skips a schema whose current version was published by anybody else.
    """
    published = []
    for key in DEFAULT_SCHEMAS:
        Schema.objects.get_or_create(key=key)
        schema = locked_schema(Schema.objects.filter(key=key))
        current = None if schema is None else schema.row.current_version
        if schema is None or (current is not None and current.published_by_name != PUBLISHER):
            continue
        changes = planned_changes(schema, (_DATA / f"{key}.json").read_text("utf-8"))
        if write_version(schema=schema, changes=changes, actor=system_actor(PUBLISHER)):
            published.append(key)
    return published


def _own_lists() -> list[ListContent]:
    contents: list[dict[str, Any]] = json.loads((_DATA / "lists.json").read_text("utf-8"))
    return [
        ListContent(
            key=content["key"],
            names=content["names"],
            items=tuple(
                ItemContent(item["key"], item["names"], order=order)
                for order, item in enumerate(content["items"], start=1)
            ),
        )
        for content in contents
    ]
