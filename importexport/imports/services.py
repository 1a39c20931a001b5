"""Starting of syncs by the API, the admin and the commands."""

from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import UnprocessableEntity
from core.jobs import send_on_commit
from importexport.imports.owners import owned_by
from importexport.imports.tasks import run_import
from importexport.job_ownership import check_unfinished, requested_by, requester_columns
from importexport.models import DuplicateMode, ImportFile, ImportJob, ImportKind, ImportStatus


@transaction.atomic
def start_sync(
    *,
    actor: Actor,
    kind: ImportKind,
    names: Sequence[str] | None = None,
    is_dry_run: bool = False,
    is_sent: bool = True,
    duplicates: str = DuplicateMode.IGNORE,
) -> ImportJob:
    """Start a sync of the named files, or of all files that the actor has uploaded and not synced. Locks their rows.

    Files of a failed sync count as not synced; if exactly the files of one failed sync are chosen, that sync resumes
    where it stopped. Unless `is_sent`, no task is sent and the caller runs the job. `duplicates` is a DuplicateMode.
    Raise UnprocessableEntity: NothingToSync, UnknownImportFiles, AlreadySynced; TooManyRequests: TooManyJobs.
    """
    check_unfinished(ImportJob.objects.all(), actor)
    files = _chosen_files(actor, kind, names)
    if not files:
        raise UnprocessableEntity(_("There is nothing to sync. Upload a file first."), sub_code="NothingToSync")
    job = None if is_dry_run else _failed_job_of(actor, files)
    if job is None:
        job = ImportJob.objects.create(
            kind=kind,
            is_dry_run=is_dry_run,
            file_ids=[file.pk for file in files],
            total=sum(file.entries for file in files),
            language=get_language() or settings.LANGUAGE_CODE,
            is_of_operator=actor.is_operator,
            duplicates=duplicates,
            **requester_columns(actor),
        )
        if not is_dry_run:
            ImportFile.objects.filter(pk__in=job.file_ids).update(job=job)
    else:
        job.status, job.stalls, job.duplicates = ImportStatus.PENDING, 0, duplicates
        job.error_code, job.error_message, job.finished_at = "", "", None
        job.save(update_fields=["status", "stalls", "duplicates", "error_code", "error_message", "finished_at"])
    if is_sent:
        send_on_commit(run_import, str(job.pk))
    return job


def unsynced_files(actor: Actor, kind: ImportKind) -> QuerySet[ImportFile]:
    """Return the actor's stored files that have no sync or only a failed one, in upload order."""
    free = Q(job=None) | Q(job__status=ImportStatus.FAILED)
    return owned_by(actor).filter(free, kind=kind, is_stored=True).order_by("pk")


def _chosen_files(actor: Actor, kind: ImportKind, names: Sequence[str] | None) -> list[ImportFile]:
    if names is None:
        return list(unsynced_files(actor, kind).select_for_update(of=("self",)))
    own = owned_by(actor).filter(kind=kind, name__in=names)
    # Ordered by primary key, so that concurrent requests lock in the same order.
    found = {file.name: file for file in own.select_for_update().order_by("pk")}
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in found]
    if unknown:
        raise UnprocessableEntity(
            _("Some files do not exist. Nothing was started."),
            sub_code="UnknownImportFiles",
            properties={"files": [_("You have uploaded no file “%(name)s”.") % {"name": n[:120]} for n in unknown]},
        )
    free = set(unsynced_files(actor, kind).filter(name__in=wanted).values_list("name", flat=True))
    taken = [name for name in wanted if name not in free]
    if taken:
        raise UnprocessableEntity(
            _("Some files are synced already. Nothing was started."),
            sub_code="AlreadySynced",
            properties={"files": [_("“%(name)s” is synced already.") % {"name": name} for name in taken]},
        )
    return [found[name] for name in wanted]


def _failed_job_of(actor: Actor, files: Sequence[ImportFile]) -> ImportJob | None:
    """Return the failed sync of exactly these files, if any. Locks its row."""
    job_id = files[0].job_id
    if job_id is None:
        return None
    own = requested_by(ImportJob.objects.select_for_update(), actor)
    job = own.filter(pk=job_id, status=ImportStatus.FAILED).first()
    return job if job is not None and set(job.file_ids) == {file.pk for file in files} else None
