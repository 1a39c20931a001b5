"""Writing entries. Every writer takes columns and values from here, whether it runs one statement or COPY."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Max
from psycopg import sql
from structlog.contextvars import get_contextvars

from accounts.actor import Actor, ActorKind, system_actor
from audit.commitments import commit_to
from audit.models import Entry
from core.documents import Change, Document, recorded
from core.prepared import execute

# The kind of the entries that record an erasure is this and the kind of what was erased.
ERASURE = "erasure:"
# The path in them of the last sequence whose values may be gone.
ERASED_UNTIL = "erasedUntil"

# The columns that a writer sends; the database fills in the others. The ORM would name those too, with DEFAULT.
WRITTEN_COLUMNS = (
    "kind",
    "subject_id",
    "sequence",
    "initiator_member_id",
    "initiator_contact_id",
    "initiator_application_id",
    "initiator_system",
    "comment",
    "changes",
    "paths",
    "change_request_id",
    "correlation_id",
    "salt",
    "commitments",
)


def initiator_columns(actor: Actor) -> dict[str, Any]:
    """Return what an entry stores of the actor."""
    return {
        "initiator_member_id": actor.member_id,
        "initiator_contact_id": actor.contact_id,
        "initiator_application_id": actor.application_id,
        "initiator_system": actor.name if actor.kind is ActorKind.SYSTEM else "",
    }


def recorded_correlation_id() -> str | None:
    """Return the id on the log's lines of this request or task; None outside of both. It is never a caller's text."""
    found: str | None = get_contextvars().get("correlation_id")
    return found


def written_values(
    *,
    kind: str,
    subject_id: int,
    sequence: int,
    actor: Actor,
    changes: Sequence[Change],
    comment: str | None = None,
    initiator: Mapping[str, Any] | None = None,
    change_request_id: int | None = None,
    document: Document | None = None,
) -> list[Any]:
    """Return the values of WRITTEN_COLUMNS in their order.

    An approved change names its request, and the request's initiator (in the columns of `initiator_columns`) instead of
    the actor. `document` is the subject's after the changes, of kinds in `audit.documents`.
    """
    found = recorded(changes)
    committed = commit_to(found["changes"], comment, document)
    written = {
        "kind": kind,
        "subject_id": subject_id,
        "sequence": sequence,
        "comment": comment,
        "change_request_id": change_request_id,
        "correlation_id": recorded_correlation_id(),
        "salt": committed.salt,
        "commitments": committed.hashes,
        **(initiator or initiator_columns(actor)),
        "changes": orjson.dumps(found["changes"]).decode(),
        "paths": found["paths"],
    }
    return [written[name] for name in WRITTEN_COLUMNS]


def insert_statement(*, for_each_of: str | None = None) -> sql.Composed:
    """Return the SQL that inserts an entry with `written_values`, and returns its id: one, or one for each row."""
    return sql.SQL("INSERT INTO {ledger} ({columns}) SELECT {values}{source} RETURNING id").format(
        ledger=sql.Identifier(Entry._meta.db_table),
        columns=sql.SQL(", ").join(map(sql.Identifier, WRITTEN_COLUMNS)),
        values=sql.SQL(", ").join(sql.SQL("%s") for _column in WRITTEN_COLUMNS),
        source=sql.SQL(" FROM {}").format(sql.Identifier(for_each_of)) if for_each_of else sql.SQL(""),
    )


_INSERT = insert_statement().as_string()
# A subject that is erased again has new values since then.
_MAY_ERASE = "INSERT INTO audit_erasure (kind, subject_id) SELECT %s, unnest(%s::integer[]) ON CONFLICT DO NOTHING"
_ERASE = """
UPDATE audit_entry SET changes = contacts_without_values(changes), comment = NULL
 WHERE kind = %s AND subject_id = ANY(%s)
   AND (comment IS NOT NULL OR changes IS DISTINCT FROM contacts_without_values(changes))
RETURNING subject_id, sequence
"""


def record(
    *,
    kind: str,
    subject_id: int,
    sequence: int,
    actor: Actor,
    changes: Sequence[Change],
    comment: str | None = None,
    initiator: Mapping[str, Any] | None = None,
    change_request_id: int | None = None,
    document: Document | None = None,
) -> int:
    """Insert an entry and return its id. Raises IntegrityError if it does not follow the subject's entries.

    The arguments are those of `written_values`.
    """
    values = written_values(
        kind=kind,
        subject_id=subject_id,
        sequence=sequence,
        actor=actor,
        changes=changes,
        comment=comment,
        initiator=initiator,
        change_request_id=change_request_id,
        document=document,
    )
    ((entry_id,),) = execute(_INSERT, values)
    return int(entry_id)


def append(*, kind: str, subject_id: int, actor: Actor, changes: Sequence[Change], **approval: Any) -> int:
    """Insert the next entry of a subject that has no version of its own, and return its id.

    The subject must be locked. `approval` may have the comment, initiator and request of `written_values`.
    """
    last = Entry.objects.of(kind, subject_id).order_by("-sequence").values_list("sequence", flat=True).first()
    return record(kind=kind, subject_id=subject_id, sequence=(last or 0) + 1, actor=actor, changes=changes, **approval)


def append_all(*, kind: str, actor: Actor, changes: Mapping[int, Sequence[Change]]) -> None:
    """Insert the next entry of each of these subjects, like `append`. Runs two statements."""
    if not changes:
        return
    counted = Entry.objects.filter(kind=kind, subject_id__in=list(changes)).order_by().values("subject_id")
    last = dict(counted.annotate(last=Max("sequence")).values_list("subject_id", "last"))
    rows = [
        written_values(
            kind=kind, subject_id=subject_id, sequence=last.get(subject_id, 0) + 1, actor=actor, changes=found
        )
        for subject_id, found in changes.items()
    ]
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, rows)


@transaction.atomic
def erase(*, kind: str, subject_ids: Collection[int]) -> None:
    """Erase values, comments and their salts from the subjects' entries for good; paths, times and people stay.

    Each subject that had any gets an entry of its own that says so. An entry without values keeps its salt, by which
    the document that it left can be verified. The subjects must be locked.
    """
    record_erasure(kind=kind, subject_ids=subject_ids)
    with connection.cursor() as cursor:
        cursor.execute(_ERASE, [kind, list(subject_ids)])
        erased = cursor.fetchall()
    until: dict[int, int] = {}
    for subject_id, sequence in erased:
        until[subject_id] = max(sequence, until.get(subject_id, 0))
    append_all(
        kind=ERASURE + kind,
        actor=system_actor("anonymization"),
        changes={subject_id: [Change(ERASED_UNTIL, None, last)] for subject_id, last in until.items()},
    )


def record_erasure(*, kind: str, subject_ids: Collection[int]) -> None:
    """Record that values of these subjects are erased; their entries may have nothing to erase, but their requests."""
    with connection.cursor() as cursor:
        cursor.execute(_MAY_ERASE, [kind, list(subject_ids)])
