"""Downloads of export files."""

from typing import Any

import structlog
from django.core.files.storage import default_storage
from django.http import FileResponse
from django.utils.translation import gettext as _

from core.errors import NotFound, ServiceUnavailable
from importexport.models import ExportJob

log = structlog.get_logger("kontor.exports")

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"


def download(job: ExportJob) -> FileResponse:
    """Return the file of a completed job as a stream. Raise NotFound; ServiceUnavailable."""
    try:
        file: Any = default_storage.open(job.file_name, "rb")
        size = file.size
        content = _streamed(file)
    except FileNotFoundError:
        raise NotFound(_("There is no such export of yours, or its file has expired.")) from None
    except Exception as error:
        log.exception("export_unreadable", job=str(job.pk), exc_info=error)
        raise ServiceUnavailable(_("The storage cannot be reached right now; try again.")) from error
    moment = f"{job.finished_at:%Y%m%dT%H%M%SZ}" if job.finished_at else str(job.pk)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Length": str(size),
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(
        content, as_attachment=True, filename=f"{job.kind}-{moment}.csv", content_type=CONTENT_TYPE, headers=headers
    )


def _streamed(file: Any) -> Any:
    """Return a streaming file object, since django-storages' S3 file would first download all content."""
    remote = getattr(file, "obj", None)
    return file if remote is None else remote.get()["Body"]
