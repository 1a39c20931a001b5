"""Stores details and their history. One statement writes both, so that neither exists without the other."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import orjson
from django.db.models import Model
from psycopg import sql

from accounts.actor import Actor
from audit import entries
from contacts.plans import ChangePlan, Snapshot
from core.prepared import execute


class ReadLocked(Protocol):
    def __call__(self, *, actor: Actor, subject_id: int) -> Snapshot:
        """Return the snapshot and lock its row until the transaction ends. Raises NotFound."""


@dataclass(frozen=True)
class DetailsRepository:
    """The tables of details that follow one schema: a model with `details` and `version`, and the ledger.

    `kind` is that of the ledger's entries; `username` is the column that may change along with the details.
    """

    model: type[Model]
    kind: str
    read_locked: ReadLocked
    username: str | None = None

    def insert(self, plan: ChangePlan) -> int:
        """Insert the snapshot's row with the plan's document, and its first entry. Return the entry's id.

        Raises IntegrityError.
        """
        row = plan.snapshot.row
        row.details = plan.document
        row.save(force_insert=True)
        return entries.record(
            kind=self.kind, subject_id=row.pk, sequence=row.version, actor=plan.actor, changes=plan.to_write
        )

    def update(
        self,
        plan: ChangePlan,
        *,
        comment: str | None = None,
        initiator_member_id: int | None = None,
        change_request_id: int | None = None,
    ) -> int | None:
        """Write the plan's immediate changes if the row still has the snapshot's version; otherwise write nothing.

        Returns the entry's id, or None if the row has another version by now. The entry names the actor or, for an
        approval, the request and the member who submitted it (`initiator_member_id`). Locks the row. Raises
        IntegrityError.
        """
        snapshot = plan.snapshot
        version = snapshot.version + 1
        values = [orjson.dumps(plan.document).decode(), version]
        if self.username:
            values.append(plan.username_to_write)
        values += [snapshot.row.pk, snapshot.version]
        values += entries.written_values(
            kind=self.kind,
            subject_id=snapshot.row.pk,
            sequence=version,
            actor=plan.actor,
            changes=plan.to_write,
            comment=comment,
            initiator_member_id=initiator_member_id,
            change_request_id=change_request_id,
        )
        found = execute(_update_query(self), values)
        if not found:
            return None
        snapshot.row.details, snapshot.row.version = plan.document, version
        ((entry_id,),) = found
        return int(entry_id)


@lru_cache(maxsize=8)
def _update_query(repository: DetailsRepository) -> str:
    """Return the SQL that updates a row and inserts its entry."""
    username = sql.SQL(", {column} = coalesce(%s, {column})").format(column=sql.Identifier(repository.username or ""))
    update = sql.SQL(
        "UPDATE {rows} SET details = %s, version = %s{username} WHERE id = %s AND version = %s RETURNING id"
    ).format(
        rows=sql.Identifier(repository.model._meta.db_table),
        username=username if repository.username else sql.SQL(""),
    )
    insert = entries.insert_statement(for_each_of="written")
    return sql.SQL("WITH written AS ({}) {}").format(update, insert).as_string()
