"""Anonymization in exports. Files have no index of persons, so all files with contacts are deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audit import entries
from audit.models import Erasure
from changerequests.services.erasure import erase_requests
from core.jobs import UNFINISHED
from core.stored_files import discard_file
from importexport.exports.anonymization_lock import hold_anonymization_lock
from importexport.job_messages import export_is_of_anonymized
from importexport.models import EXPORT, ExportApproval, ExportJob, ExportKind, ExportStatus


def erase_exports(contact_ids: Sequence[int]) -> None:
    """Delete the files of all exports of contacts, which then count as expired. Locks the rows of the exports.

    Unfinished exports restart without the person. Those with a query or a filter, which may name the person, fail and
    lose it; failed exports lose their error message. So do those that await approval, and the requests for such
    exports lose their values. Exports that start meanwhile wait for the end of this transaction.
    """
    hold_anonymization_lock()
    now = timezone.now()
    waiting = _erase_requests()
    ExportJob.objects.filter(pk__in=waiting).update(**_interrupted(now))
    jobs = ExportJob.objects.filter(kind=ExportKind.CONTACTS)
    touched = jobs.filter(Q(status__in=UNFINISHED) | ~Q(file_name="") | ~Q(error_message="")).order_by("pk")
    locked = jobs.filter(pk__in=[job.pk for job in touched.select_for_update()])
    for name in locked.exclude(file_name="").values_list("file_name", flat=True):
        discard_file(name)
    locked.filter(status=ExportStatus.FAILED).update(error_message="")
    locked.filter(status=ExportStatus.COMPLETED).update(file_name="", expires_at=now)
    unfinished = locked.filter(status__in=UNFINISHED)
    unfinished.exclude(query="", list_filter="").update(query="", list_filter="", file_name="", **_interrupted(now))
    # Beat sends the job again; its current worker notices that it has lost the lease.
    unfinished.update(status=ExportStatus.PENDING, file_name="")


def _interrupted(now: datetime) -> dict[str, Any]:
    return {
        "status": ExportStatus.FAILED,
        "finished_at": now,
        "error_code": "Interrupted",
        "error_message": export_is_of_anonymized(),
    }


def _erase_requests() -> list[UUID]:
    """Erase the requests whose filter may name a person, cancel the open ones, and return the exports that waited.

    Locks the approvals in the order of their ids, then the requests, then the exports.
    """
    erased = Erasure.objects.filter(kind=EXPORT).values("subject_id")
    approvals = (
        ExportApproval.objects.filter(may_name_people=True).exclude(pk__in=erased).select_for_update(of=("self",))
    )
    found = list(approvals.select_related("job").order_by("pk"))
    ids = [approval.pk for approval in found]
    entries.erase(kind=EXPORT, subject_ids=ids)
    erase_requests(EXPORT, ids)
    return [approval.job_id for approval in found if approval.job.is_awaiting_approval]
