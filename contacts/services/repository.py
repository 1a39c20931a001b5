"""Stores details and their history. One statement writes both, so that neither exists without the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import orjson
from django.db import connection
from django.db.models import Model
from psycopg import sql

from accounts.actor import Actor, ActorKind
from contacts.models import History
from contacts.plans import ChangePlan, Snapshot
from core.documents import Change, recorded
from core.prepared import execute


class ReadLocked(Protocol):
    def __call__(self, *, actor: Actor, subject_id: int) -> Snapshot:
        """Return the snapshot and lock its row until the transaction ends. Raises NotFound."""


@dataclass(frozen=True)
class DetailsRepository:
    """The tables of details that follow one schema: a model with `details` and `version`, and its history.

    `owner` is the history's foreign key to the model; `username` is the column that may change along with the details.
    """

    model: type[Model]
    history: type[History]
    owner: str
    read_locked: ReadLocked
    username: str | None = None

    def insert(self, plan: ChangePlan) -> History:
        """Insert the snapshot's row with the plan's document, and its first history entry. Raises IntegrityError."""
        row = plan.snapshot.row
        row.details = plan.document
        row.save(force_insert=True)
        return self.record(row, actor=plan.actor, changes=plan.to_write)

    def update(
        self, plan: ChangePlan, *, comment: str | None = None, initiator_member_id: int | None = None
    ) -> History | None:
        """Write the plan's immediate changes if the row still has the snapshot's version; otherwise write nothing.

        Returns the history entry, or None if the row has another version by now. The entry names the actor or, for an
        approval, the member who submitted the request (`initiator_member_id`). Locks the row. Raises IntegrityError.
        """
        snapshot = plan.snapshot
        entry = self._entry(
            snapshot.row.pk,
            snapshot.version + 1,
            plan.actor,
            plan.to_write,
            comment=comment,
            initiator_member_id=initiator_member_id,
        )
        query, columns = _update_query(self)
        values = [orjson.dumps(plan.document).decode(), entry.version]
        if self.username:
            values.append(plan.username_to_write)
        values += [snapshot.row.pk, snapshot.version]
        for name in columns:
            value = getattr(entry, name)
            values.append(orjson.dumps(value).decode() if name == "changes" else value)
        written = execute(query, values)
        if not written:
            return None
        ((entry.pk,),) = written
        entry._state.adding, entry._state.db = False, connection.alias
        snapshot.row.details, snapshot.row.version = plan.document, entry.version
        return entry

    def record(self, row: Any, *, actor: Actor, changes: Sequence[Change]) -> History:
        """Insert the history entry of the row's current version."""
        entry = self._entry(row.pk, row.version, actor, changes)
        entry.save(force_insert=True)
        return entry

    def _entry(
        self,
        owner_id: int,
        version: int,
        actor: Actor,
        changes: Sequence[Change],
        *,
        comment: str | None = None,
        initiator_member_id: int | None = None,
    ) -> History:
        columns = history_columns(actor=actor, changes=changes)
        if initiator_member_id is not None:
            columns["initiator_member_id"] = initiator_member_id
        if comment is not None:
            columns["comment"] = comment
        return self.history(**{f"{self.owner}_id": owner_id}, version=version, **columns)


def history_columns(*, actor: Actor, changes: Sequence[Change]) -> dict[str, Any]:
    """Return what every history (`contacts.models.History`) stores of a change, except owner and version."""
    return {
        "initiator_member_id": actor.member_id,
        "initiator_contact_id": actor.contact_id,
        "initiator_application_id": actor.application_id,
        "initiator_system": actor.name if actor.kind is ActorKind.SYSTEM else "",
        **recorded(changes),
    }


@lru_cache(maxsize=8)
def _update_query(repository: DetailsRepository) -> tuple[str, list[str]]:
    """Return the SQL that updates a row and inserts its history entry, and the history's columns in the SQL's order."""
    columns = [field for field in repository.history._meta.concrete_fields if not field.primary_key]
    username = sql.SQL(", {column} = coalesce(%s, {column})").format(column=sql.Identifier(repository.username or ""))
    text = sql.SQL(
        "WITH written AS ("
        "UPDATE {rows} SET details = %s, version = %s{username} WHERE id = %s AND version = %s RETURNING id)"
        " INSERT INTO {history} ({columns}) SELECT {values} FROM written RETURNING id"
    ).format(
        rows=sql.Identifier(repository.model._meta.db_table),
        username=username if repository.username else sql.SQL(""),
        history=sql.Identifier(repository.history._meta.db_table),
        columns=sql.SQL(", ").join(sql.Identifier(str(field.column)) for field in columns),
        values=sql.SQL(", ").join(sql.SQL("%s") for _field in columns),
    )
    return text.as_string(), [field.attname for field in columns]
