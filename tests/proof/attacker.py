"""Somebody who owns the database: switches triggers off, changes what it likes, and computes every hash again."""

from typing import Any

from django.db import connection

from audit.commitments import (
    NO_DOCUMENT,
    NO_PREVIOUS,
    Head,
    document_commitment,
    entry_hash,
    paths_commitment,
    values_commitment,
)
from audit.models import Entry
from contacts.models import Contact
from proof.merkle import leaf_hash, root_of
from proof.models import Seal
from proof.sealing import leaf_line
from tests.fixtures import without_triggers

OF_ENTRY = "WHERE kind = 'contact-details' AND subject_id = %s AND sequence = %s"
WRITE_HASHES = """
UPDATE audit_entry SET commitments = made.commitments, entry_hash = made.entry_hash
  FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[]) AS made (id, commitments, entry_hash)
 WHERE audit_entry.id = made.id
"""


class Attacker:
    def sql(self, statement: str, *values: Any) -> None:
        with without_triggers(), connection.cursor() as cursor:
            cursor.execute(statement, values)

    def change_entry(self, subject_id: int, sequence: int, clause: str, *values: Any) -> None:
        """Change an entry of a contact's details."""
        self.sql(f"UPDATE audit_entry SET {clause} {OF_ENTRY}", *values, subject_id, sequence)  # noqa: S608

    def remove_entry(self, subject_id: int, sequence: int) -> None:
        """Delete an entry of a contact's details, and its event."""
        entry = f"SELECT id FROM audit_entry {OF_ENTRY}"  # noqa: S608
        self.sql(f"DELETE FROM events_event WHERE entry_id IN ({entry})", subject_id, sequence)  # noqa: S608
        self.sql(f"DELETE FROM audit_entry {OF_ENTRY}", subject_id, sequence)  # noqa: S608

    def compute_everything_anew(self, *, seals: bool = True) -> None:
        """Make commitments, hashes and the seals' lists fit what the rows say now. Signatures are beyond it."""
        entries = list(Entry.objects.order_by("kind", "subject_id", "sequence"))
        details = dict(Contact.objects.values_list("pk", "details"))
        versions = dict(Contact.objects.values_list("pk", "version"))
        last: tuple[str, int] | None = None
        previous = NO_PREVIOUS
        for entry in entries:
            subject = (entry.kind, entry.subject_id)
            previous = previous if subject == last else NO_PREVIOUS
            last = subject
            old = bytes(entry.commitments)
            salt = None if entry.salt is None else bytes(entry.salt)
            values, document = old[32:64], old[64:]
            if salt is not None:
                values = values_commitment(salt, entry.changes, entry.comment)
                is_present = entry.kind == "contact-details" and versions.get(entry.subject_id) == entry.sequence
                document = document_commitment(salt, details[entry.subject_id]) if is_present else document
            paths = paths_commitment(tuple(change["path"] for change in entry.changes))
            entry.commitments = paths + values + (document if entry.kind == "contact-details" else NO_DOCUMENT)
            head = Head(*(getattr(entry, name) for name in Head.__slots__))
            entry.entry_hash = previous = entry_hash(head, entry.commitments, previous)
        made = [(entry.pk, entry.commitments, entry.entry_hash) for entry in entries]
        self.sql(WRITE_HASHES, *map(list, zip(*made, strict=True)))
        if seals:
            with without_triggers():
                self._list_anew()

    def _list_anew(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT position, kind, subject_id, sequence, entry_hash FROM events_event event"
                " JOIN audit_entry entry ON entry.id = event.entry_id ORDER BY position"
            )
            lines = {position: leaf_line(position, *rest) for position, *rest in cursor.fetchall()}
        first = 1
        for seal in Seal.objects.all():
            mine = [lines[position] for position in range(first, seal.last + 1) if position in lines]
            first = seal.last + 1
            seal.entries = "\n".join(mine)
            root = root_of([leaf_hash(line) for line in mine]).hex()
            begin = seal.body.index('"root":"') + len('"root":"')
            seal.body = seal.body[:begin] + root + seal.body[begin + 64 :]
            seal.save()

    def put_back(self, entries: list[Entry], seals: list[Seal]) -> None:
        """Undo what was done to these rows."""
        names = [field.name for field in Entry._meta.concrete_fields if not field.primary_key]
        with without_triggers():
            Entry.objects.bulk_update(entries, names, batch_size=500)
            Seal.objects.bulk_update(seals, ["last", "body", "signature", "entries"])
