"""What happens as time passes: those who could decide are reminded of what is due soon, and what is overdue escalates.

Beat asks for it each minute. Each request is claimed by one conditional update, in the transaction that writes the
mails, so that of two workers one does it, and one that is killed has done nothing.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import Member
from changerequests.models import ChangeRequest, ChangeRequestQuerySet, DeadlineMail, Notification, RequestStage, Status
from changerequests.queries.deciders import who_could_decide
from changerequests.queries.revisions import current_revisions
from changerequests.services.notifications import notify

# How many requests one run looks at; the next one goes on.
AT_ONCE = 500
# Mails that old are not needed any more.
KEPT_FOR = timedelta(days=90)


def remind() -> None:
    """Have everybody who could decide it mailed of each request of whose time three quarters have passed."""
    requests = list(_waiting().filter(remind_at__lte=Now()).order_by("remind_at")[:AT_ONCE])
    currents = current_revisions(requests)
    for request in requests:
        deciders = [member.pk for member in who_could_decide(request, currents[request.pk])]
        with transaction.atomic():
            if _claimed(request, remind_at=None):
                notify(members=deciders, request=request, event=Notification.Event.DUE_SOON)
                _have_mailed(request, deciders, DeadlineMail.Reason.DUE_SOON)


def escalate() -> None:
    """Let the group that its stage names decide each request that is overdue, too, and notify its members."""
    overdue = _waiting().filter(due_at__lte=Now(), escalated_to=None, escalates_to__isnull=False)
    for request in overdue.order_by("due_at")[:AT_ONCE]:
        members = Member.objects.filter(user__is_active=True, user__groups=request.escalates_to)
        with transaction.atomic():
            if _claimed(request, escalated_to_id=request.escalates_to):
                member_ids = list(members.order_by("pk").values_list("pk", flat=True))
                notify(members=member_ids, request=request, event=Notification.Event.ESCALATED)
                _have_mailed(request, member_ids, DeadlineMail.Reason.ESCALATED)


def _waiting() -> Any:
    """Return the requests that wait for review, with their stage's id and the group that it escalates to."""
    stages = RequestStage.objects.filter(
        revision__request=OuterRef("pk"), revision__number=OuterRef("revision_number"), position=OuterRef("stage")
    )
    waiting: ChangeRequestQuerySet = ChangeRequest.objects.filter(status=Status.PENDING)
    return waiting.annotate(
        stage_id=Subquery(stages.values("pk")), escalates_to=Subquery(stages.values("escalates_to"))
    )


def _claimed(request: ChangeRequest, **columns: Any) -> bool:
    """Write the columns if the request still waits as it was read; return whether it does."""
    same = {name: getattr(request, name) for name in ("status", "revision_number", "stage", "due_at", *columns)}
    return ChangeRequest.objects.filter(pk=request.pk, **same).update(**columns) == 1


def _have_mailed(request: Any, member_ids: Iterable[int], reason: DeadlineMail.Reason) -> None:
    DeadlineMail.objects.bulk_create(
        [DeadlineMail(request=request, stage_id=request.stage_id, member_id=pk, reason=reason) for pk in member_ids],
        ignore_conflicts=True,
    )


def delete_old_mails() -> None:
    """Delete what says of mails of long ago that they were sent, or given up."""
    DeadlineMail.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
