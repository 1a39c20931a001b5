"""Base class of the import commands."""

from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import CommandError
from django.db import DatabaseError
from django.db.models import QuerySet

from administration.commands import FourEyesCommand
from changerequests.kinds import request_kind
from core.errors import ApiError
from importexport.imports.failurefile import write_failures
from importexport.imports.queries import each_failure, failure_as_json, failures_of, notices_of
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.uploads import store_uploads
from importexport.models import DuplicateMode, ImportFailure, ImportJob, ImportKind, ImportStatus
from importexport.progress import ShownProgress


class ImportCommand(FourEyesCommand):
    """Uploads files and syncs them in this process as a system actor; needs no worker.

    Once there are people, what is sensitive waits as in a member's import. If it is killed, a worker resumes the sync.
    """

    kind: ClassVar[ImportKind]

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON array or one entry a line; gzip.")
        parser.add_argument("--dry-run", action="store_true", help="Do everything, and keep nothing.")
        parser.add_argument("--failures", type=Path, metavar="FILE.csv", help="Write what was wrong with entries here.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"] and options["break_glass"]:
            raise CommandError("A dry run keeps nothing: it breaks no glass.")
        job = self._run(options)
        if options["failures"]:
            try:
                with options["failures"].open("w", newline="", encoding="utf-8") as output:
                    for _line in write_failures(output, each_failure(job)):
                        pass
            except OSError as error:
                raise CommandError(f"{options['failures']} cannot be written: {error.strerror}.") from error
        elif job.failed:
            self._show(failures_of(job), job.failed, "... --failures FILE.csv writes all of them.")
        notices = notices_of(job)
        self._show(notices, notices.count(), "... and others.")
        waiting = f"{job.awaiting_approval} waiting for approval, " if job.awaiting_approval else ""
        version = "" if job.schema_version is None else f" Version {job.schema_version.number} of the schema applied."
        self.stdout.write(
            f"{job.created} created, {job.updated} updated, {job.unchanged} unchanged, {waiting}{job.failed} failed, "
            f"of {job.total} entries.{version}" + (" Nothing was kept: a dry run." if job.is_dry_run else "")
        )
        for request in job.change_requests.order_by("pk"):
            self.stdout.write(f"{request_kind(request.kind).label}: change request {request.pk} is pending review.")
        if job.status == ImportStatus.FAILED:
            raise CommandError(f"{job.error_message} What is done stays done; run it again.")
        if job.failed:
            raise SystemExit(1)

    def _run(self, options: dict[str, Any]) -> ImportJob:
        try:
            with ExitStack() as stack:
                uploads = [stack.enter_context(path.open("rb")) for path in options["files"]]
                actor = self.actor(options)
                files = store_uploads(actor=actor, kind=self.kind, uploads=uploads)
            names = [file.name for file in files]
            job = start_sync(
                actor=actor,
                kind=self.kind,
                names=names,
                is_dry_run=options["dry_run"],
                is_sent=False,
                duplicates=options.get("duplicates", DuplicateMode.IGNORE),
            )
            with ShownProgress("entries") as progress:
                progress.expect(job.total or 0)
                run_job(job.pk, report=progress.report)
        except ApiError as error:
            faults = [f"{file}: {text}" for file, texts in (error.properties or {}).items() for text in texts]
            raise CommandError("\n".join(faults) or str(error)) from error
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}.") from error
        except DatabaseError as error:
            raise CommandError(f"The database did not answer to the end: {error}") from error
        return ImportJob.objects.select_related("schema_version").get(pk=job.pk)

    def _show(self, failures: QuerySet[ImportFailure], total: int, rest: str, most: int = 20) -> None:
        for failure in failures[:most]:
            shown = failure_as_json(failure)
            where = f"{failure.file}: {shown['externalId'] or '-'}\t{shown['path'] or '-'}"
            self.stderr.write(f"{where}\t{shown['message']}")
        if total > most:
            self.stderr.write(rest)
