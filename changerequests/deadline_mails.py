"""Mails about requests that are due soon, or overdue and escalated.

They have the numbers, kinds and times of requests, but no values. One mail has all that is due to a member at the time,
so that many requests make no flood of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.timesince import timesince
from django.utils.translation import ngettext

from accounts.actor import member_actor
from accounts.models import Member
from changerequests.addresses import page_address, public
from changerequests.models import ChangeRequest, DeadlineMail, Status
from changerequests.queries.searching import requests_to_decide
from core.mails import send_text
from core.outbox import Outbox

OUTBOX = Outbox(due="is_due", claimed_at="claimed_at", due_since="created_at", refused_at="refused_at")
# Stop retrying after this time; `is_due` stays set, which shows that no mail was sent.
GIVEN_UP_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A request as a mail names it."""

    id: int
    kind: str
    age: str
    due_at: datetime | None
    address: str


def deliver_deadline_mails(member_id: int) -> None:
    """Send a member one mail with all that is due to it; do nothing if nothing is.

    Of two deliveries one sends. If that fails, releases the claim and raises. Leaves out what no longer waits, or what
    the member can no longer decide. Sends nothing to members without an address or with a closed login.
    """
    with OUTBOX.claim_all(DeadlineMail.objects.filter(member=member_id)) as claimed:
        if claimed is None:
            return
        member = Member.objects.select_related("user").get(pk=member_id)
        if member.user.is_active and member.user.email:
            _send(member, claimed)


def due_deadline_mails() -> Iterable[int]:
    """Return the ids of the members to whom mails are due."""
    recent = DeadlineMail.objects.filter(is_due=True, created_at__gte=timezone.now() - GIVEN_UP_AFTER)
    return recent.order_by("member").values_list("member", flat=True).distinct()


def _send(member: Member, mails: QuerySet[DeadlineMail]) -> None:
    with translation.override(member.user.language or settings.LANGUAGE_CODE):
        reasons, escalated_to = DeadlineMail.Reason, ChangeRequest.objects.filter(escalated_to__user=member.user)
        escalated = _lines(mails.filter(reason=reasons.ESCALATED), escalated_to)
        soon = _lines(mails.filter(reason=reasons.DUE_SOON), requests_to_decide(member_actor(member)))
        if escalated or soon:
            text = render_to_string("changerequests/deadline_email.txt", {"escalated": escalated, "soon": soon})
            send_text(_subject(len(escalated), len(soon)), text.strip() + "\n", to=member.user.email)


def _subject(escalated: int, soon: int) -> str:
    """Return the subject of a mail about so many requests: it says what is worse."""
    if escalated:
        text = ngettext(
            "An overdue change request was escalated to you",
            "%(count)s overdue change requests were escalated to you",
            escalated,
        )
    else:
        text = ngettext(
            "A change request that you could decide is due soon",
            "%(count)s change requests that you could decide are due soon",
            soon,
        )
    return text % {"count": escalated or soon}


def _lines(mails: QuerySet[DeadlineMail], requests: QuerySet[ChangeRequest]) -> Sequence[Line]:
    """Return these of the requests that still wait in the stage that the mails are about, the first due first."""
    same: Any = {"revision__number": F("request__revision_number"), "position": F("request__stage")}
    waiting = mails.filter(request__status=Status.PENDING, **{f"stage__{name}": value for name, value in same.items()})
    found = requests.filter(pk__in=waiting.values("request")).order_by("due_at", "pk")
    return [
        Line(
            request.pk,
            request.kind_label,
            timesince(request.created_at, depth=1),
            request.due_at,
            public(page_address(request.pk)),
        )
        for request in found
    ]
