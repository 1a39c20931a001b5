"""Mails that tell the reviewers that somebody has broken the glass. They contain no values."""

from collections.abc import Iterable

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from administration.models import BreakGlass
from changerequests.models import RequestSubject
from changerequests.permissions import REVIEW_PERMISSION
from core.outbox import Outbox

BREAK_GLASS = "break-glass"
OUTBOX = Outbox(due="is_alarm_due", claimed_at="alarm_claimed_at", due_since="used_at")


def deliver_alarm(break_glass_id: int) -> None:
    """Mail all who may review; do nothing if no alarm is due. If sending fails, release the claim and raise."""
    with OUTBOX.claim(BreakGlass.objects.all(), break_glass_id) as claimed:
        used = None if claimed is None else claimed.first()
        if used is not None:
            _send(used)


def overdue_alarms() -> Iterable[int]:
    """Return the ids of uses whose alarm should have been sent by now, oldest first."""
    return OUTBOX.overdue(BreakGlass.objects.all()).values_list("pk", flat=True)


def _send(used: BreakGlass) -> None:
    people = User.objects.with_perm(REVIEW_PERMISSION, backend="django.contrib.auth.backends.ModelBackend")
    addresses = sorted(people.filter(member__isnull=False).exclude(email="").values_list("email", flat=True))
    if not addresses:
        return
    text = render_to_string("administration/break_glass_email.txt", {"used": used, "address": _address(used)})
    subject = _("Kontor: %(command)s broke the glass") % {"command": used.command}
    EmailMessage(subject, text.strip() + "\n", bcc=addresses).send()


def _address(used: BreakGlass) -> str:
    """Return the URL of the request for its review; empty if PUBLIC_URL is not set."""
    request_id = RequestSubject.objects.filter(kind=BREAK_GLASS, subject_id=used.pk).values_list("request", flat=True)
    if not settings.PUBLIC_URL:
        return ""
    path = reverse("admin:changerequests_changerequest_change", args=[request_id.get()])
    return f"{settings.PUBLIC_URL}{path}"
