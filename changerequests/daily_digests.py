"""Mails to members, once each business day, about what waits for them: numbers and links, and no values."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.actor import member_actor
from accounts.models import Member
from accounts.queries import capped_text, with_hierarchy
from changerequests.addresses import public, work_addresses
from changerequests.models import DailyDigest
from changerequests.queries.holidays import calendar_from
from changerequests.queries.notifications import MOST_UNREAD, unread_count
from changerequests.queries.work import Work
from core.mails import send_text
from core.outbox import Outbox

OUTBOX = Outbox(due="is_due", claimed_at="claimed_at", due_since="due_since", refused_at="refused_at")
# What waited in the morning is no news in the evening.
GIVEN_UP_AFTER = timedelta(hours=12)
MOST_REQUESTS = 1_000


class Line(NamedTuple):
    """A number in the mail. Its address is empty if PUBLIC_URL is not set."""

    label: str
    number: str
    address: str


def due_digests(*, now: datetime) -> set[int]:
    """Make the digests of a business day due from DIGEST_HOUR on; return the members whose mail is to be sent now."""
    local = timezone.localtime(now)
    if local.hour >= settings.DIGEST_HOUR and calendar_from(local.date()).is_business_day(local.date()):
        earlier = DailyDigest.objects.filter(day__lt=local.date())
        earlier.update(day=local.date(), is_due=True, due_since=now)
    new = DailyDigest.objects.filter(is_due=True, due_since=now).values_list("pk", flat=True)
    recent = DailyDigest.objects.filter(due_since__gte=now - GIVEN_UP_AFTER)
    return {*new, *OUTBOX.overdue(recent).values_list("pk", flat=True)}


def deliver_digest(member_id: int) -> None:
    """Mail a member's digest; do nothing if none is due, or nothing waits.

    A conditional update claims the row, so that only one of two deliveries sends. If sending fails, releases the claim
    and re-raises. Sends nothing to members without an email address or with an inactive login.
    """
    with OUTBOX.claim(DailyDigest.objects.all(), member_id) as claimed:
        digest = None if claimed is None else claimed.select_related("member__user").first()
        if claimed is None or digest is None:
            return
        user, now = digest.member.user, timezone.now()
        if user.is_active and user.email:
            _send(digest, user.email, now)
        claimed.update(covers_from=now)


def _send(digest: DailyDigest, address: str, now: datetime) -> None:
    with translation.override(digest.language):
        lines = list(_lines(digest.member, since=digest.covers_from, now=now))
        if not lines:
            return
        context = {"lines": lines, "settings_address": public(reverse("notifications"))}
        text = render_to_string("changerequests/daily_digest_email.txt", context)
        send_text(_("Change requests: pending for you"), text.strip() + "\n", to=address)


def _lines(member: Member, *, since: datetime, now: datetime) -> Iterator[Line]:
    """Yield a line for each number that is not zero."""
    actor = with_hierarchy(member_actor(member))
    figures = Work(actor, now=now, rejected_since=since).figures(most=MOST_REQUESTS)
    addresses = work_addresses(member.pk, rejected_since=since)
    labels = {
        "to_decide": _("You can decide now"),
        "overdue": _("Of those, overdue"),
        "returned": _("Returned to you"),
        "rejected": _("Rejected since the last mail"),
    }
    for name, label in labels.items():
        if count := getattr(figures, name):
            yield Line(label, capped_text(count, MOST_REQUESTS), public(addresses[name]))
    if count := unread_count(member.pk):
        yield Line(_("Unread notifications"), capped_text(count, MOST_UNREAD), public(reverse("notifications")))
