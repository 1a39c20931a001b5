"""Erasing what requests say about a person."""

from collections.abc import Sequence

from changerequests.models import (
    ChangeRequest,
    Decision,
    Proposal,
    RequestAttachment,
    RequestComment,
    RequestSubject,
    Revision,
)
from changerequests.services.withdrawing import cancel_for_initiator
from core.anonymization import without_values
from core.stored_files import discard_file


def erase_requests(kind: str, subject_ids: Sequence[int], *, are_whole: bool = False) -> None:
    """Anonymize the requests about these subjects: erase values, comments, files and the salt of digests.

    Keeps paths, times and people, and cancels what is open; of a request about many subjects, these are left out as
    long as there are others. With `are_whole`, what a request says of other subjects goes too. The subjects must be
    locked.
    """
    subjects = RequestSubject.objects.filter(kind=kind, subject_id__in=subject_ids)
    requests = ChangeRequest.objects.filter(pk__in=subjects.values("request"))
    for request in requests.open().filter(subject_id__isnull=False).select_for_update().order_by("pk"):
        cancel_for_initiator(request)
    several = list(
        requests.open().filter(subjects__in=subjects.filter(is_open=True)).distinct().values_list("pk", flat=True)
    )
    of_many = subjects.filter(is_open=True, request__subject_id=None)
    of_many.update(outcome=RequestSubject.Outcome.EXCLUDED, is_open=False)
    for request in ChangeRequest.objects.filter(pk__in=several).select_for_update().order_by("pk"):
        if not request.subjects.filter(is_open=True).exists():
            cancel_for_initiator(request)
    subjects.update(message="")
    said_of = RequestSubject.objects.filter(request__in=requests) if are_whole else subjects
    Proposal.objects.filter(subject__in=said_of).update(changes=without_values())
    Decision.objects.filter(revision__request__in=requests).update(comment=None)
    Revision.objects.filter(request__in=requests).update(comment=None)
    requests.update(initiator_comment=None, review_comment=None, digest_salt="")
    # Last: the update above has waited for those who were adding to a request.
    RequestComment.objects.filter(request__in=requests).update(text="")
    attachments = RequestAttachment.objects.filter(request__in=requests).exclude(file="")
    for name in attachments.values_list("file", flat=True):
        discard_file(name)
    attachments.update(file="", name="")
