"""What must be approved of entries: kept with their batch, and asked for by a request when the sync has ended.

So a killed worker neither loses nor repeats any, and nobody decides a request to which entries are still added.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from changerequests.kinds import all_kinds, request_kind
from changerequests.models import RequestSubject, Source
from changerequests.models.revisions import proposal_json
from changerequests.policies import Requirement, Stage
from changerequests.queries.policies import current_policy
from changerequests.services.many import open_request_of_many
from changerequests.services.opening import open_already
from contacts.models import CONTACT_CREATION, CONTACT_DETAILS
from core.errors import UnprocessableEntity
from importexport.imports.copying import copy_into, json_text, number, row, text
from importexport.imports.entries import MAX_MESSAGE, Entry
from importexport.job_ownership import requester_of
from importexport.models import ImportFailure, ImportFile, ImportJob, ImportKind, WaitingEntry
from legalentities.models import LEGAL_ENTITY_CREATION, LEGAL_ENTITY_DETAILS

# The kinds of rows that the version before wrote: of changes and of creations.
_FORMER_KINDS = {
    ImportKind.CONTACTS: (CONTACT_DETAILS, CONTACT_CREATION),
    ImportKind.LEGAL_ENTITIES: (LEGAL_ENTITY_DETAILS, LEGAL_ENTITY_CREATION),
}
# Another request may be opened for a subject between check and write; a retry sees it.
TRIES = 5
# Advisory lock key.
WRITING = 0x4B4F4E54


def take_turn() -> None:
    """Wait until no other sync writes, until the transaction ends: so syncs cannot deadlock with each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [WRITING])


def stage_waiting(job: ImportJob, file: ImportFile, entries: Sequence[Entry]) -> None:
    """Keep what must be approved of a batch, in the transaction that writes the rest."""
    waiting = [(entry, kind, asked) for entry in entries for kind, asked in entry.waiting.items()]
    if not waiting:
        return
    columns = ["job", "file", "position", "external_id", "kind", "subject_id", "is_creation"]
    with connection.cursor() as cursor:
        copy_into(
            cursor,
            WaitingEntry,
            [*columns, "changes", "stages", "is_erased"],
            (
                row(
                    str(job.pk).encode(),
                    number(file.pk),
                    number(entry.position),
                    text(entry.external_id),
                    text(kind),
                    number(asked.subject_id),
                    b"t" if request_kind(kind).is_creation else b"f",
                    json_text(orjson.dumps(proposal_json(asked.changes, required_paths=asked.requirement.paths))),
                    json_text(orjson.dumps(asked.requirement.stages)),
                    b"f",
                )
                for entry, kind, asked in waiting
            ),
        )


def open_waiting(job: ImportJob) -> None:
    """Open a request of each kind for what waits of a job, and count what fails by now.

    That is an entry whose contact was anonymized, or has an open request of such a kind by now: nothing of it is asked
    for. Call it in the transaction that ends the job, with the job's row locked; saves the counts. Locks the waiting
    entries, against anonymization.
    """
    if job.is_dry_run or not job.awaiting_approval:
        return
    take_turn()
    entries = job.waiting_entries.all()
    if not list(entries.select_for_update().order_by("pk").values_list("pk", flat=True)):
        return
    for kind, is_creation in zip(_FORMER_KINDS[ImportKind(job.kind)], (False, True), strict=True):
        entries.filter(kind="", is_creation=is_creation).update(kind=kind)
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                _fail_unaskable(job)
                waiting = set(entries.order_by().values_list("kind", flat=True))
                for kind in (known.key for known in all_kinds() if known.key in waiting):
                    _open(job, kind)
            break
        except UnprocessableEntity:
            if not tries_left:
                raise
    entries.all().delete()


def _fail_unaskable(job: ImportJob) -> None:
    taken = RequestSubject.objects.filter(kind=OuterRef("kind"), subject_id=OuterRef("subject_id"), is_open=True)
    entries = job.waiting_entries.annotate(open_request=taken.values("request")[:1])
    unaskable = list(entries.filter(is_erased=True) | entries.filter(Exists(taken)))
    faults = dict.fromkeys((entry.file_id, entry.position, entry.external_id, _reason(entry)) for entry in unaskable)
    ImportFailure.objects.bulk_create(
        (
            ImportFailure(
                job=job, file_id=file_id, position=position, external_id=external_id, message=message[:MAX_MESSAGE]
            )
            for file_id, position, external_id, message in faults
        ),
        batch_size=1_000,
    )
    failed: dict[int, set[int]] = defaultdict(set)
    for entry in unaskable:
        failed[entry.file_id].add(entry.position)
    for file_id, positions in failed.items():
        job.waiting_entries.filter(file=file_id, position__in=positions).delete()
    count = sum(map(len, failed.values()))
    job.awaiting_approval -= count
    job.failed += count
    job.save(update_fields=["awaiting_approval", "failed"])


def _reason(entry: Any) -> str:
    if entry.is_erased:
        return _("The contact was anonymized and cannot be changed any more.")
    return str(open_already(entry.open_request))


def _open(job: ImportJob, kind: str) -> None:
    entries: QuerySet[WaitingEntry] = job.waiting_entries.filter(kind=kind).order_by("pk")
    stages = entries.order_by().values_list("stages", flat=True).distinct()
    needed = {Stage(**stage) for found in stages for stage in found}
    request = open_request_of_many(
        kind=kind,
        source=Source.IMPORT,
        actor=requester_of(job),
        requirement=_union(kind, needed),
        proposed=entries,
    )
    job.change_requests.add(request)


def _union(kind: str, needed: set[Stage]) -> Requirement:
    """Return the stages in the order of the policy; those of other policies, or of an earlier version, come last."""
    policy = current_policy(kind)
    return Requirement(policy.in_order(needed), policy_version=policy.version)
