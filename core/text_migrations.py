"""Bringing stored text into its one form in migrations, in batches, while the version before reads and writes.

Each row is a transaction of its own, with the system's entry in the ledger. A row that others would be in the way of
stays as it is: `manage.py doctor` lists it. Run again, a migration goes on where it stopped.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from core.documents import Change, changes_between, recorded
from core.text import in_one_form, normalized

SYSTEM = "upgrade"
BATCH = 2_000

_ENTRY = """
    INSERT INTO audit_entry (kind, subject_id, sequence, initiator_system, changes, paths)
    SELECT %s, %s, coalesce(max(sequence), 0) + 1, %s, %s, %s FROM audit_entry WHERE kind = %s AND subject_id = %s
"""


def bring_details(connection: Any, *, table: str, kind: str, where: str = "true") -> None:
    """Bring the texts of documents into their form. Each becomes a new version, and the entry of that is of `kind`."""
    with connection.cursor() as cursor:
        for pk, details in _rows(cursor, table, ["details"], where):
            if in_one_form(document := json.loads(details)) != document:
                with transaction.atomic(using=connection.alias):
                    _bring_document(cursor, table, kind, pk)


def bring_lines(connection: Any, *, table: str, column: str, kind: str | None = None, path: str = "") -> None:
    """Bring a column of names or ids into its form, with an entry of `kind` about the row and `path`, if there is one.

    What waits has no entries yet.
    """
    with connection.cursor() as cursor:
        for pk, text in _rows(cursor, table, [column], f"{column} IS NOT NULL"):
            line = normalized(text)
            if line in ("", text):
                continue
            try:
                with transaction.atomic(using=connection.alias):
                    cursor.execute(
                        f"UPDATE {table} SET {column} = %s WHERE id = %s AND {column} = %s",  # noqa: S608 - constants
                        [line, pk, text],
                    )
                    if cursor.rowcount and kind is not None:
                        record(cursor, kind=kind, subject_id=pk, changes=[Change(path, text, line)])
            except IntegrityError:
                continue


def record(cursor: Any, *, kind: str, subject_id: int, changes: Sequence[Change]) -> None:
    """Insert the next entry of a locked subject."""
    columns: Mapping[str, Any] = recorded(changes)
    values = [SYSTEM, json.dumps(columns["changes"]), columns["paths"]]
    cursor.execute(_ENTRY, [kind, subject_id, *values, kind, subject_id])


def _bring_document(cursor: Any, table: str, kind: str, pk: int) -> None:
    cursor.execute(f"SELECT details FROM {table} WHERE id = %s FOR NO KEY UPDATE", [pk])  # noqa: S608 - constants
    document = json.loads(cursor.fetchone()[0])
    formed = in_one_form(document)
    if changes := changes_between(document, formed):
        cursor.execute(
            f"UPDATE {table} SET details = %s, version = version + 1 WHERE id = %s",  # noqa: S608 - constants
            [json.dumps(formed), pk],
        )
        record(cursor, kind=kind, subject_id=pk, changes=changes)


def _rows(cursor: Any, table: str, columns: Sequence[str], where: str) -> Iterator[tuple[Any, ...]]:
    """Yield the id and the columns of all rows by id, without a transaction in between."""
    last = 0
    while True:
        cursor.execute(
            f"SELECT id, {', '.join(columns)} FROM {table}"  # noqa: S608 - constants
            f" WHERE id > %s AND ({where}) ORDER BY id LIMIT {BATCH}",
            [last],
        )
        rows = cursor.fetchall()
        if not rows:
            return
        yield from rows
        last = rows[-1][0]
