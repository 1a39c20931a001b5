"""Exports the proof of one subject's history, for somebody who has nothing of Kontor. docs/proof.md has the form."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.db import connection, transaction
from psycopg import sql

from audit.documents import document_tables
from audit.entries import ERASURE
from audit.models import Entry
from core.errors import NotFound
from proof.merkle import path_of
from proof.models import Seal
from proof.sealing import leaves_of

FORM = "kontor-proof-1"


@transaction.atomic
def proof_of(subject: str, kinds: Sequence[str], subject_id: int) -> dict[str, Any]:
    """Return the entries of a subject's kinds, its present documents, and the seals that prove them.

    Raises NotFound if there are none.
    """
    all_kinds = [*kinds, *(ERASURE + kind for kind in kinds)]
    found = Entry.objects.filter(kind__in=all_kinds, subject_id=subject_id).select_related("event")
    entries = [_entry(entry) for entry in found.order_by("kind", "sequence")]
    if not entries:
        raise NotFound
    seals: dict[int, dict[str, Any]] = {}
    for entry in entries:
        _add_place(entry, seals)
    for seal in Seal.objects.filter(body__contains='"nextKey":"').defer("entries"):
        seals.setdefault(seal.number, _seal(seal))
    return {
        "form": FORM,
        "subject": {"kind": subject, "id": subject_id},
        "exported": _time(datetime.now(UTC)),
        "entries": entries,
        "documents": [found for kind in kinds for found in _documents(kind, subject_id)],
        "seals": [seals[number] for number in sorted(seals)],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    event = getattr(entry, "event", None)
    return {
        "kind": entry.kind,
        "subjectId": entry.subject_id,
        "sequence": entry.sequence,
        "recordedAt": _time(entry.recorded_at),
        "initiatorMember": entry.initiator_member_id,
        "initiatorContact": entry.initiator_contact_id,
        "initiatorApplication": entry.initiator_application_id,
        "initiatorSystem": entry.initiator_system,
        "changeRequest": entry.change_request_id,
        "correlationId": entry.correlation_id,
        "changes": entry.changes,
        "comment": entry.comment,
        "salt": None if entry.salt is None else bytes(entry.salt).hex(),
        "commitments": bytes(entry.commitments or b"").hex(),
        "hash": bytes(entry.entry_hash or b"").hex(),
        "position": None if event is None else event.position,
    }


def _add_place(entry: dict[str, Any], seals: dict[int, dict[str, Any]]) -> None:
    """Add the entry's seal, and the path from its leaf to the seal's root; null if it is not sealed yet."""
    position = entry["position"]
    seal = None if position is None else Seal.objects.filter(last__gte=position).order_by("number").first()
    if seal is None:
        entry |= {"seal": None, "path": []}
        return
    leaves = leaves_of(seal.entries)
    path = path_of(leaves, position - (seal.last - len(leaves)) - 1)
    entry |= {"seal": seal.number, "path": [node.hex() for node in path]}
    seals[seal.number] = _seal(seal)


def _seal(seal: Seal) -> dict[str, Any]:
    return {"body": seal.body, "signature": b64encode(bytes(seal.signature)).decode()}


def _documents(kind: str, subject_id: int) -> list[dict[str, Any]]:
    table = document_tables().get(kind)
    if table is None:
        return []
    statement = sql.SQL("SELECT version, details::text FROM public.{} WHERE id = %s").format(
        sql.Identifier(table.table)
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.as_string(), [subject_id])
        found = cursor.fetchall()
    return [{"kind": kind, "version": version, "document": orjson.loads(details)} for version, details in found]


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
