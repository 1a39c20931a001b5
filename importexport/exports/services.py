"""Services for exports."""

from django.db import transaction
from django.utils import translation

from accounts.actor import Actor
from core.jobs import send_on_commit
from importexport.exports.selection import Selection, selected_rows
from importexport.exports.tasks import run_export
from importexport.job_ownership import check_unfinished, requester_columns
from importexport.models import ExportJob


@transaction.atomic
def request_export(*, actor: Actor, selection: Selection) -> ExportJob:
    """Create an export job, send it to a worker and return it.

    Raise BadRequest for an invalid selection; TooManyRequests `TooManyJobs`.
    """
    selected_rows(selection, actor)
    check_unfinished(ExportJob.objects.all(), actor)
    job = ExportJob.objects.create(
        kind=selection.kind,
        query=selection.query,
        list_filter=selection.list_filter,
        language=translation.get_language() or "en",
        **requester_columns(actor),
    )
    send_on_commit(run_export, str(job.pk))
    return job
