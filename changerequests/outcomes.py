"""Mails that report the outcome of requests to their initiators. They contain the subject's id, but no values."""

from collections.abc import Iterable
from datetime import timedelta

from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from changerequests.addresses import page_address, public
from changerequests.display import shown_wordings, strikes_in_force
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Status
from changerequests.queries.subjects import attach_subjects
from core.mails import send_text
from core.outbox import Outbox
from core.visible_text import in_plain_text

OUTBOX = Outbox(
    due="is_outcome_due",
    claimed_at="outcome_claimed_at",
    due_since="reviewed_at",
    refused_at="outcome_refused_at",
)
# Stop retrying after this time; `is_outcome_due` stays set, which shows that no mail was sent.
GIVEN_UP_AFTER = timedelta(days=3)


def deliver_outcome(change_request_id: int) -> None:
    """Mail the outcome of a decided request to its initiator; do nothing if none is due.

    A conditional update claims the row, so that only one of two deliveries sends. If sending fails, releases the claim
    and re-raises. Sends nothing to initiators without an email address or with an inactive login.
    """
    with OUTBOX.claim(ChangeRequest.objects.all(), change_request_id) as claimed:
        if claimed is None:
            return
        request = claimed.select_related("initiator_member__user", "review_member__user").first()
        if request is None or request.initiator_member is None:
            return
        user = request.initiator_member.user
        if user.is_active and user.email:
            _send(request, user.email)


def overdue_outcomes() -> Iterable[int]:
    """Return the ids of requests whose outcome should have been sent by now, oldest first."""
    recent = ChangeRequest.objects.filter(reviewed_at__gte=timezone.now() - GIVEN_UP_AFTER)
    return OUTBOX.overdue(recent).values_list("pk", flat=True)


def _send(request: ChangeRequest, address: str) -> None:
    with translation.override(request.language):
        subject = {
            Status.APPROVED: _("Change request #%(id)s was approved"),
            Status.REJECTED: _("Change request #%(id)s was rejected"),
            Status.RETURNED: _("Change request #%(id)s was returned to you"),
        }[Status(request.status)]
        kind = request_kind(request.kind)
        presenter = kind.presenter()
        attach_subjects([request])
        context = {
            "request": request,
            "outcome": Status(request.status).name,
            "about": f"{kind.subject_label} #{request.subject_id}"
            if request.subject_id
            else f"{request.kind_label}: {in_plain_text(str(request.subject))}",
            "reviewer": in_plain_text(request.review_member.name) if request.review_member else "",
            "comment": in_plain_text(request.review_comment or ""),
            "fields": presenter.field_labels(request.paths),
            "strikes": [
                {
                    "reviewer": in_plain_text(wording.revision.author.name) if wording.revision.author else "",
                    "fields": wording.struck,
                    "comment": in_plain_text(wording.revision.comment or ""),
                }
                for wording in strikes_in_force(shown_wordings(request, presenter))
            ],
            "address": public(page_address(request.pk)),
        }
        text = render_to_string("changerequests/outcome_email.txt", context)
        send_text(subject % {"id": request.pk}, text.strip() + "\n", to=address)
