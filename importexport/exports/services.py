"""Services for exports."""

from django.db import transaction
from django.utils import translation

from accounts.actor import Actor
from core.jobs import send_on_commit
from importexport.exports.approvals import ask_for_export, wanted_export
from importexport.exports.selection import Selection, selected_rows
from importexport.exports.tasks import run_export
from importexport.job_ownership import check_unfinished, requester_columns
from importexport.models import ExportJob, ExportStatus


@transaction.atomic
def request_export(*, actor: Actor, selection: Selection) -> ExportJob:
    """Create an export job and send it to a worker, unless it awaits approval first; return it.

    Raise BadRequest for an invalid selection; TooManyRequests `TooManyJobs`.
    """
    rows = selected_rows(selection, actor)
    check_unfinished(ExportJob.objects.all(), actor)
    wanted = wanted_export(actor=actor, selection=selection, rows=rows)
    job = ExportJob(kind=selection.kind, language=translation.get_language() or "en", **requester_columns(actor))
    if wanted.requirement:
        job.status = ExportStatus.AWAITING_APPROVAL
        job.save(force_insert=True)
        ask_for_export(actor=actor, job=job, selection=selection, wanted=wanted)
        return job
    job.query, job.list_filter = selection.query, selection.list_filter
    job.save(force_insert=True)
    send_on_commit(run_export, str(job.pk))
    return job
