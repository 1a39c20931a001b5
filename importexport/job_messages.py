"""Why jobs ended as they did. A worker stores the text in the language of who asked; a reader gets it in its own."""

from collections.abc import Callable

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.errors import ApiError
from core.jobs import MAX_ATTEMPTS
from importexport.models import ExportJob, ImportJob, ImportStatus


def import_gave_up() -> str:
    return _("The import was tried %(times)s times and made no progress.") % {"times": MAX_ATTEMPTS}


def import_needs_room() -> str:
    return _("The database has no space left. Sync again when it has.")


def import_failed() -> str:
    return _("Something went wrong on our side. What is done stays done.")


def requester_left() -> str:
    return _("The login of the initiator was deactivated.")


def export_gave_up() -> str:
    return _("The export was started %(times)s times, and each time its worker was lost.") % {"times": MAX_ATTEMPTS}


def export_needs_room() -> str:
    return _("There is no space left for the file. Free some space and request the export again.")


def export_storage_failed() -> str:
    return _("The storage could not be reached, or refused the file. Request the export again.")


def export_database_failed() -> str:
    return _("The database stopped responding. Request the export again.")


def export_failed() -> str:
    return str(ApiError.default_message)


def export_is_of_anonymized() -> str:
    return _("A contact was anonymized in the meantime. Request the export again.")


# Not here: texts that name a file, a place in a query or a permission.
TEXTS: tuple[Callable[[], str], ...] = (
    *(import_gave_up, import_needs_room, import_failed, requester_left),
    *(export_gave_up, export_needs_room, export_storage_failed, export_database_failed, export_failed),
    export_is_of_anonymized,
)


def some_failed(job: ImportJob) -> str:
    message = ngettext(
        "%(failed)s of %(total)s entry failed. Version %(version)s of the schema applied.",
        "%(failed)s of %(total)s entries failed. Version %(version)s of the schema applied.",
        job.total or 0,
    )
    version = job.schema_version.number if job.schema_version else "?"
    return message % {"failed": job.failed, "total": job.total, "version": version}


def message_of(job: ImportJob | ExportJob) -> str:
    """Return why the job ended as it did, in the active language where there is such a text; empty if all is well."""
    if isinstance(job, ImportJob) and job.status == ImportStatus.COMPLETED_WITH_ERRORS:
        return some_failed(job)
    return _translated(job.error_message) if job.error_message else ""


def _translated(stored: str) -> str:
    # In whatever language: an anonymization ends jobs in that of who anonymizes.
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            found = next((text for text in TEXTS if text() == stored), None)
        if found is not None:
            return found()
    return stored
