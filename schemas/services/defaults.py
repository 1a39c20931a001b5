"""Loading of the shipped lists and default schemas. Idempotent.

The actor is Kontor itself, unless an operator runs `load_schemas` once there are people: then changes of what is there
wait where a member's would.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.actor import system_actor
from changerequests.models import ChangeRequest, Status
from changerequests.queries.revisions import proposals_of
from core.documents import Change
from core.errors import UnprocessableEntity
from schemas.isodata import ItemContent, ListContent, iso_lists
from schemas.items import code_of, item_as_document
from schemas.models import LIST_KIND, SCHEMA_KIND, List, ListItem, NextRevision, Schema, SchemaVersion
from schemas.services.lists import LockedList, submit_items
from schemas.services.schemas import LockedSchema, locked_schema, planned_changes, publish_schema, write_version

if TYPE_CHECKING:
    from accounts.actor import Actor

# Versions that one of these published, or asked for, are shipped ones. Those of others belong to the institution.
KONTOR = system_actor("Kontor")
COMMAND = "load_schemas"
DEFAULT_SCHEMAS = ("contact", "legal-entity")

_DATA = files("schemas") / "data"


class Loaded:
    """What a run adds: paths of items, or keys of schemas. And what it leaves, with the change request that says so."""

    def __init__(self, actor: Actor) -> None:
        self.added: list[str] = []
        self.left: list[str] = []
        self._actor = actor

    def submit(
        self,
        kind: str,
        subject_id: int,
        changes: Sequence[Change],
        *,
        key: str,
        submit: Callable[[], ChangeRequest | None],
    ) -> bool:
        """Change the list or the schema with this key; return False if that waits, or reviewers did not want it.

        An operator does not ask for what was rejected: an installation may load the schemas whenever it starts.
        """
        if not changes:
            return False
        if self._actor.is_operator and (rejected := _rejected(kind, subject_id, changes)):
            self.left.append(f"{key}: change request {rejected.pk} was rejected.")
            return False
        try:
            with transaction.atomic():
                request = submit()
        except UnprocessableEntity as error:
            if error.sub_code != "PendingChangeRequestExists":
                raise
            self.left.append(f"{key}: {error}")
            return False
        if request is not None:
            self.left.append(f"{key}: change request {request.pk} is pending review.")
        return request is None


def _rejected(kind: str, subject_id: int, changes: Sequence[Change]) -> ChangeRequest | None:
    """Return the last request of this command about a list or a schema if reviewers rejected these changes."""
    asked = ChangeRequest.objects.filter(kind=kind, subject_id=subject_id, initiator_system__startswith=COMMAND)
    last = asked.order_by("-pk").first()
    if last is None or last.status != Status.REJECTED:
        return None
    proposed = {change["path"]: change["target"] for change in proposals_of(last)[subject_id]}
    return last if proposed == {change.path: change.target for change in changes} else None


@transaction.atomic
def load_lists(*, actor: Actor = KONTOR) -> Loaded:
    """Add missing lists and items. Locks the lists' rows.

    Existing ones are not updated, since the institution may have changed their names or order. An item whose parent is
    not there yet is left out.
    """
    loaded = Loaded(actor)
    contents = [*iso_lists(), *_own_lists()]
    keys = [content.key for content in contents]
    rows = {row.key: row for row in List.objects.select_for_update().filter(key__in=keys).order_by("key")}
    is_new = {key: key not in rows for key in keys}
    for content in contents:
        if is_new[content.key]:
            parent = rows[content.parent_key] if content.parent_key else None
            rows[content.key] = List.objects.create(key=content.key, names=content.names, parent=parent)
    ids: dict[str, dict[str, int]] = {key: {} for key in keys}
    for list_key, key, pk in ListItem.objects.filter(list__key__in=keys).values_list("list__key", "key", "pk"):
        ids[list_key][key] = pk
    for content in contents:
        row, parents = rows[content.key], ids[content.parent_key] if content.parent_key else {}
        missing = [
            item
            for item in content.items
            if item.key not in ids[content.key] and (item.parent_key is None or item.parent_key in parents)
        ]
        if is_new[content.key]:
            ids[content.key] = _fill(row, missing, parents)
            loaded.added.extend(f"{row.key}.{code_of(item.key)}" for item in missing)
        else:
            _add(loaded, row, missing, actor=actor)
            ids[content.key] |= dict(row.items.values_list("key", "pk")) if missing else {}
    return loaded


def _fill(row: List, items: Sequence[ItemContent], parents: Mapping[str, int]) -> dict[str, int]:
    """Give a new list its items, in bulk; return their ids by key."""
    created = ListItem.objects.bulk_create(
        (
            ListItem(
                list=row,
                key=item.key,
                names=item.names,
                parent_id=parents[item.parent_key] if item.parent_key else None,
                order=item.order,
            )
            for item in items
        ),
        batch_size=1_000,
    )
    List.objects.filter(pk=row.pk).update(revision=NextRevision())
    return {item.key: item.pk for item in created}


def _add(loaded: Loaded, row: List, items: Sequence[ItemContent], *, actor: Actor) -> None:
    """Add items to a list that is there."""
    changes = [
        Change(
            f"{row.key}.{code_of(item.key)}",
            None,
            item_as_document(names=item.names, parent_key=item.parent_key, order=item.order),
        )
        for item in items
    ]

    def submit() -> ChangeRequest | None:
        return submit_items(actor=actor, owner=LockedList(row), changes=changes)

    if loaded.submit(LIST_KIND, row.pk, changes, key=row.key, submit=submit):
        loaded.added.extend(change.path for change in changes)


@transaction.atomic
def load_default_schemas(*, actor: Actor = KONTOR) -> Loaded:
    """Publish new or changed default schemas. Locks the schemas' rows. Needs the lists.

    Skips a schema whose current version is the institution's. The first version of a schema waits for nobody.
    """
    loaded = Loaded(actor)
    for key in DEFAULT_SCHEMAS:
        Schema.objects.get_or_create(key=key)
        schema = locked_schema(Schema.objects.filter(key=key))
        if schema is not None:
            _publish(loaded, schema, (_DATA / f"{key}.json").read_text("utf-8"), actor=actor)
    return loaded


def _publish(loaded: Loaded, schema: LockedSchema, definition_text: str, *, actor: Actor) -> None:
    row, changes = schema.row, planned_changes(schema, definition_text)

    def submit() -> ChangeRequest | None:
        token = row.concurrency_token
        publication = publish_schema(actor=actor, key=row.key, definition_text=definition_text, concurrency_token=token)
        return publication.change_request

    if row.current_version is None:
        write_version(schema=schema, changes=changes, actor=actor)
        loaded.added.append(row.key)
    elif _is_shipped(row.current_version) and loaded.submit(SCHEMA_KIND, row.pk, changes, key=row.key, submit=submit):
        loaded.added.append(row.key)


def _is_shipped(version: SchemaVersion) -> bool:
    by_name = version.published_by_name
    return version.published_by_id is None and (by_name == KONTOR.name or by_name.startswith(COMMAND))


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
