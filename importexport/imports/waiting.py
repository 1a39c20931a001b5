"""Entries that must be approved: kept with their batch, and asked for by one request when the sync has ended.

So a killed worker neither loses nor repeats any, and nobody decides a request to which entries are still added.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

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

# The kinds of what waits: changes, and creations.
SUBJECTS = {
    (ImportKind.CONTACTS, False): CONTACT_DETAILS,
    (ImportKind.CONTACTS, True): CONTACT_CREATION,
    (ImportKind.LEGAL_ENTITIES, False): LEGAL_ENTITY_DETAILS,
    (ImportKind.LEGAL_ENTITIES, True): LEGAL_ENTITY_CREATION,
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
    """Keep the entries of a batch that must be approved, in the transaction that writes the others."""
    waiting = [(entry, entry.waiting) for entry in entries if entry.waiting is not None]
    if not waiting:
        return
    with connection.cursor() as cursor:
        copy_into(
            cursor,
            WaitingEntry,
            ["job", "file", "position", "external_id", "subject_id", "is_creation", "changes", "stages", "is_erased"],
            (
                row(
                    str(job.pk).encode(),
                    number(file.pk),
                    number(entry.position),
                    text(entry.external_id),
                    number(asked.subject_id),
                    b"t" if asked.is_creation else b"f",
                    json_text(orjson.dumps(proposal_json(asked.changes, required_paths=asked.requirement.paths))),
                    json_text(orjson.dumps(asked.requirement.stages)),
                    b"f",
                )
                for entry, asked in waiting
            ),
        )


def open_waiting(job: ImportJob) -> None:
    """Open a request for what waits of a job, one for changes and one for creations, and count what fails by now.

    That is an entry whose contact was anonymized, or has an open request by now. Call it in the transaction that ends
    the job, with the job's row locked; saves the counts. Locks the waiting entries, against anonymization.
    """
    if job.is_dry_run or not job.awaiting_approval:
        return
    take_turn()
    entries = job.waiting_entries.all()
    if not list(entries.select_for_update().order_by("pk").values_list("pk", flat=True)):
        return
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                _fail_unaskable(job)
                for is_creation in (False, True):
                    _open(job, is_creation=is_creation)
            break
        except UnprocessableEntity:
            if not tries_left:
                raise
    entries.all().delete()


def _fail_unaskable(job: ImportJob) -> None:
    kind = SUBJECTS[ImportKind(job.kind), False]
    taken = RequestSubject.objects.filter(kind=kind, subject_id=OuterRef("subject_id"), is_open=True)
    entries = job.waiting_entries.annotate(open_request=taken.values("request")[:1])
    unaskable = list(entries.filter(is_erased=True) | entries.filter(Exists(taken)))
    ImportFailure.objects.bulk_create(
        (
            ImportFailure(
                job=job,
                file_id=entry.file_id,
                position=entry.position,
                external_id=entry.external_id,
                message=_reason(entry)[:MAX_MESSAGE],
            )
            for entry in unaskable
        ),
        batch_size=1_000,
    )
    job.waiting_entries.filter(pk__in=[entry.pk for entry in unaskable]).delete()
    job.awaiting_approval -= len(unaskable)
    job.failed += len(unaskable)
    job.save(update_fields=["awaiting_approval", "failed"])


def _reason(entry: Any) -> str:
    if entry.is_erased:
        return _("The contact was anonymized and cannot be changed any more.")
    return str(open_already(entry.open_request))


def _open(job: ImportJob, *, is_creation: bool) -> None:
    entries: QuerySet[WaitingEntry] = job.waiting_entries.filter(is_creation=is_creation).order_by("pk")
    stages = entries.order_by().values_list("stages", flat=True).distinct()
    needed = {Stage(**stage) for found in stages for stage in found}
    if not needed:
        return
    kind = SUBJECTS[ImportKind(job.kind), is_creation]
    request = open_request_of_many(
        kind=kind,
        source=Source.IMPORT,
        actor=requester_of(job),
        requirement=_union(kind, needed),
        proposed=entries,
    )
    job.change_requests.add(request)


def _union(kind: str, needed: set[Stage]) -> Requirement:
    """Return the stages in the order of the policy; those of an earlier version of it come last."""
    policy = current_policy(kind)
    known = [stage for stage in policy.stages if stage in needed]
    earlier = sorted(needed.difference(known), key=lambda stage: stage.name)
    return Requirement((*known, *earlier), policy_version=policy.version)
