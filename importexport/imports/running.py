"""Runs a sync in batches. Each batch is one transaction, including cursor, counts and failures of the job."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from psycopg import errors as postgres

from accounts.actor import Actor
from contacts.models import CONTACT_SCHEMA
from core.errors import Forbidden
from core.gc import relaxed_gc
from core.jobs import JobLease, JobLeaseLostError
from importexport.imports.contacts.importer import ContactImporter
from importexport.imports.copying import copy_into, number, row, text
from importexport.imports.entries import Importer, Outcome
from importexport.imports.jobs import begin, claim, complete, fail
from importexport.imports.legalentities.importer import LegalEntityImporter
from importexport.imports.reading import EntryFile, NotAnImportFileError, RawEntry, StorageUnavailableError
from importexport.imports.uploads import open_stored
from importexport.imports.waiting import stage_waiting, take_turn
from importexport.job_messages import import_failed, import_gave_up, import_needs_room
from importexport.job_ownership import actor_of_job
from importexport.models import (
    FILE_UNAVAILABLE,
    DuplicateMode,
    ImportFailure,
    ImportFile,
    ImportJob,
    ImportKind,
    SupersededEntry,
)
from importexport.permissions import MAY_IMPORT
from legalentities.models import LEGAL_ENTITY_SCHEMA
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema, schema_at

log = structlog.get_logger("kontor.import")

BATCH_BYTES = 4_000_000
# A concurrent transaction may take a username or external id between check and write; a retry sees it.
TRIES = 5
# With Python's default of 5 ms, waiting for the GIL after each SQL statement would take as long as writing the batch.
TURN_SECONDS = 0.0005

SCHEMAS = {ImportKind.CONTACTS: CONTACT_SCHEMA, ImportKind.LEGAL_ENTITIES: LEGAL_ENTITY_SCHEMA}


T = TypeVar("T")
Report = Callable[[int], object]


def _silently(processed: int) -> None:
    """Report nothing."""


def run_job(job_id: UUID | str, *, report: Report = _silently) -> None:
    """Claim the job and run it to its end. Does nothing if another worker holds it or it is finished.

    `report` is called with the number of processed entries after each batch. Raise OperationalError or InterfaceError
    if the database is unavailable: beat sends the job again once the lease expires. Any other error fails the job, with
    a message that gives the reason.
    """
    lease = claim(job_id)
    if lease is None:
        return
    with translation.override(lease.job.language), structlog.contextvars.bound_contextvars(import_job=str(job_id)):
        try:
            _run(lease, report)
        except JobLeaseLostError:
            log.warning("import_taken_over")
        except (NotAnImportFileError, StorageUnavailableError) as error:
            _fail(lease, FILE_UNAVAILABLE, str(error))
        except Forbidden as error:
            _fail(lease, "RequesterGone", str(error))
        except DatabaseError as error:
            if isinstance(error.__cause__, postgres.DiskFull):
                _fail(lease, "DatabaseFull", import_needs_room())
            elif isinstance(error, OperationalError | InterfaceError):
                raise
            else:
                _fail_unexpectedly(lease)
        except Exception:
            _fail_unexpectedly(lease)


def _fail(lease: JobLease[ImportJob], code: str, message: str) -> None:
    # The message is stored in the job but not logged: file names can be personal data.
    log.error("import_failed", code=code)
    fail(lease, code=code, message=message)


def _fail_unexpectedly(lease: JobLease[ImportJob]) -> None:
    log.exception("unexpected_error")
    fail(lease, code="General", message=import_failed())


def _run(lease: JobLease[ImportJob], report: Report) -> None:
    if lease.is_exhausted:
        _fail(lease, "GaveUp", import_gave_up())
        return
    schema = _schema_of(lease.job)
    job = begin(lease, schema_version_id=schema.version_id)
    actor = actor_of_job(job, scope="imports", permission=MAY_IMPORT)
    actor = replace(actor, is_operator=job.is_of_operator)
    importer = _importer(job, actor, schema)
    files = ImportFile.objects.in_bulk(job.file_ids)
    processed = job.processed
    with relaxed_gc(), _quick_turns():
        for index in range(job.file_index, len(job.file_ids)):
            done = job.entry_index if index == job.file_index else 0
            file = files[job.file_ids[index]]
            for written in _run_file(lease, importer, file=file, index=index, done=done):
                processed += written
                report(processed)
    complete(lease)


def _importer(job: ImportJob, actor: Actor, schema: CompiledSchema) -> Importer:
    if job.kind == ImportKind.LEGAL_ENTITIES:
        return LegalEntityImporter(actor=actor, schema=schema)
    return ContactImporter(actor=actor, schema=schema, duplicates=DuplicateMode(job.duplicates))


def _schema_of(job: ImportJob) -> CompiledSchema:
    """Return the schema version that the sync began with, even if a newer one has been published since."""
    if job.schema_version_id is not None:
        return schema_at(job.schema_version_id)
    return current_schema(SCHEMAS[ImportKind(job.kind)])


def _run_file(
    lease: JobLease[ImportJob], importer: Importer, *, file: ImportFile, index: int, done: int
) -> Iterator[int]:
    """Yield the size of each batch written. Raise NotAnImportFileError if the file differs from the upload."""
    read = done
    _check_still_there(file)
    with closing(open_stored(file)) as stream:
        entries = EntryFile(stream, max_bytes=1 << 62)
        for batch, prepared in ahead(_prepared(batches(islice(iter(entries), done, None)), importer)):
            _write(lease, importer, file=file, index=index, batch=batch, prepared=prepared)
            read += len(batch)
            yield len(batch)
    if read != file.entries:
        raise NotAnImportFileError(_("%(file)s has changed since it was uploaded.") % {"file": file.name})


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Shorten the thread switch interval, so that the writing thread gets the GIL soon after each SQL statement."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _prepared(found: Iterable[list[RawEntry]], importer: Importer) -> Iterator[tuple[list[RawEntry], list[Any]]]:
    for batch in found:
        yield batch, [importer.read(raw) for raw in batch]


def ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items, producing each in a thread while the caller works on the one before.

    The thread has the caller's active language. The iterator must not access the database.
    """
    language = translation.get_language()

    def following() -> tuple[T] | None:
        with translation.override(language):
            for item in items:
                return (item,)
        return None

    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(following)
        while found := made.result():
            made = pool.submit(following)
            yield found[0]


def batches(entries: Iterable[RawEntry]) -> Iterator[list[RawEntry]]:
    """Split the entries into batches bounded in number (IMPORT_BATCH_ENTRIES) and bytes. Deterministic."""
    batch: list[RawEntry] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += len(entry.content)
        if len(batch) == settings.IMPORT_BATCH_ENTRIES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _write(
    lease: JobLease[ImportJob],
    importer: Importer,
    *,
    file: ImportFile,
    index: int,
    batch: Sequence[RawEntry],
    prepared: Sequence[Any],
) -> None:
    """Write a batch, retrying after conflicts with other transactions. Raise JobLeaseLostError."""
    for tries_left in reversed(range(TRIES)):
        try:
            _write_once(lease, importer, file=file, index=index, entries=prepared)
            return
        except (IntegrityError, OperationalError) as error:
            passing = isinstance(error, IntegrityError) or isinstance(
                error.__cause__, postgres.DeadlockDetected | postgres.SerializationFailure
            )
            if not passing or not tries_left:
                raise
            log.warning("import_batch_again", reason=type(error.__cause__).__name__)
        importer.refresh()
        prepared = [importer.read(raw) for raw in batch]


@transaction.atomic
def _write_once(
    lease: JobLease[ImportJob], importer: Importer, *, file: ImportFile, index: int, entries: Sequence[Any]
) -> None:
    """Write a batch in one transaction.

    Locks the job's row first, then takes the advisory lock of all batches. Raise JobLeaseLostError.
    """
    job = lease.locked()
    _refuse_superseded(job, index, entries)
    take_turn()
    with transaction.atomic():
        importer.apply(entries)
        if job.is_dry_run:
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
    _check_still_there(file)
    _record_failures(job, file, entries)
    if not job.is_dry_run:
        stage_waiting(job, file, entries)
    counts = Counter(entry.outcome for entry in entries)
    for outcome in Outcome:
        setattr(job, outcome.value, getattr(job, outcome.value) + counts[outcome])
    job.processed += len(entries)
    job.file_index, job.entry_index = index, entries[-1].number + 1
    job.heartbeat_at, job.stalls = timezone.now(), 0
    job.save(
        update_fields=[
            *(outcome.value for outcome in Outcome),
            "processed",
            "file_index",
            "entry_index",
            "heartbeat_at",
            "stalls",
        ]
    )


def _check_still_there(file: ImportFile) -> None:
    """Raise NotAnImportFileError if the file was deleted, which happens when a person in it is anonymized.

    Checked after writing: an anonymization that starts later sees what the batch wrote, and erases it.
    """
    if not ImportFile.objects.filter(pk=file.pk, is_stored=True).exists():
        raise NotAnImportFileError(
            _(
                "%(file)s is no longer available: it was synced, or a person in it was anonymized. Upload it again "
                "without that person."
            )
            % {"file": file.nameless}
        )


def _refuse_superseded(job: ImportJob, index: int, entries: Sequence[Any]) -> None:
    superseded = SupersededEntry.objects.filter(
        job=job, file_index=index, number__range=(entries[0].number, entries[-1].number)
    )
    first = entries[0].number
    for place in superseded.values_list("number", flat=True):
        entry = entries[place - first]
        entry.faults.clear()
        entry.refuse("externalId", _("Superseded: a later entry of the import has the same external id."))


def _record_failures(job: ImportJob, file: ImportFile, entries: Sequence[Any]) -> None:
    told = [(entry, fault, False) for entry in entries for fault in entry.faults]
    told += [(entry, notice, True) for entry in entries if not entry.faults for notice in entry.notices]
    if not told:
        return
    with connection.cursor() as cursor:
        copy_into(
            cursor,
            ImportFailure,
            ["job", "file", "position", "external_id", "path", "message", "is_notice"],
            (
                row(
                    str(job.pk).encode(),
                    number(file.pk),
                    number(entry.position),
                    text(entry.external_id),
                    text(path),
                    text(message),
                    b"t" if is_notice else b"f",
                )
                for entry, (path, message), is_notice in told
            ),
        )
