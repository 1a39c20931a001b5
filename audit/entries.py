"""Writing entries. Every writer takes its columns from here, whether it uses the ORM, one statement or COPY."""

from collections.abc import Collection, Sequence
from typing import Any

from accounts.actor import Actor, ActorKind
from audit.models import Entry, Erasure
from core.anonymization import without_values
from core.documents import Change, recorded

# The columns that a writer sends; the database fills in the others.
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
)


def columns(*, actor: Actor, changes: Sequence[Change]) -> dict[str, Any]:
    """Return what an entry stores of an actor and its changes."""
    return {
        "initiator_member_id": actor.member_id,
        "initiator_contact_id": actor.contact_id,
        "initiator_application_id": actor.application_id,
        "initiator_system": actor.name if actor.kind is ActorKind.SYSTEM else "",
        **recorded(changes),
    }


def record(*, kind: str, subject_id: int, sequence: int, actor: Actor, changes: Sequence[Change]) -> Entry:
    """Insert an entry. Raises IntegrityError if it does not follow the subject's entries."""
    written = columns(actor=actor, changes=changes)
    return Entry.objects.create(kind=kind, subject_id=subject_id, sequence=sequence, **written)


def erase(*, kind: str, subject_ids: Collection[int]) -> None:
    """Erase values and comments from the subjects' entries for good; paths, times and people stay."""
    Erasure.objects.bulk_create([Erasure(kind=kind, subject_id=pk) for pk in subject_ids])
    Entry.objects.filter(kind=kind, subject_id__in=subject_ids).update(changes=without_values(), comment=None)
