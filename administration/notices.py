"""Sends the notices to users that are due. A link to set a password is generated here and exists only in the mail."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.addresses import link_address
from accounts.models import Notice, User
from accounts.password_links import password_link
from accounts.usernames import name_to_log_in_with
from administration.models import BREAK_GLASS, BreakGlass
from changerequests.kinds import request_kind
from changerequests.models import RequestSubject
from core.mails import send_text
from core.outbox import Outbox
from events.models import Webhook

OUTBOX = Outbox(due="is_due", claimed_at="claimed_at", due_since="created_at", refused_at="refused_at")
# Stop retrying after this time; `is_due` stays set, which shows that no mail was sent.
GIVEN_UP_AFTER = timedelta(days=3)
RIGHTS_MAILS: Mapping[str, tuple[Any, str]] = {
    Notice.Kind.RIGHTS_TAKEN: (gettext_lazy("Rights were revoked"), "administration/rights_taken_email.txt"),
    Notice.Kind.RIGHTS_GIVEN: (gettext_lazy("Rights were given"), "administration/rights_given_email.txt"),
}


def deliver_notice(notice_id: int) -> None:
    """Send a notice if it is due. Of two deliveries one sends. If that fails, releases the claim and raises."""
    with OUTBOX.claim(Notice.objects.all(), notice_id) as claimed:
        notice = None if claimed is None else claimed.select_related("recipient", "author__user").first()
        if notice is None:
            return
        with translation.override(notice.recipient.language or notice.language):
            if notice.kind == Notice.Kind.PASSWORD_LINK:
                _send_link(notice.recipient)
            elif notice.recipient.email:
                _SENDERS[notice.kind](notice)


def overdue_notices() -> Iterable[int]:
    """Return the ids of notices that should have been sent by now, oldest first."""
    recent = Notice.objects.filter(created_at__gte=timezone.now() - GIVEN_UP_AFTER)
    return OUTBOX.overdue(recent).values_list("pk", flat=True)


def _send_of_rights(notice: Notice) -> None:
    subject, template = RIGHTS_MAILS[notice.kind]
    kind = request_kind(notice.subject_kind)
    context = {
        "about": f"{kind.subject_label} #{notice.subject_id}",
        "author": notice.author.name if notice.author else _("the system"),
        "fields": kind.presenter().field_labels(notice.paths),
    }
    text = render_to_string(template, context)
    send_text(str(subject), text.strip() + "\n", to=notice.recipient.email)


def _send_of_unlocking(notice: Notice) -> None:
    login = User.objects.get(pk=notice.subject_id or 0)
    context = {"username": login.username, "author": notice.author.name if notice.author else _("the system")}
    text = render_to_string("administration/unlocked_email.txt", context)
    send_text(_("A login was unlocked"), text.strip() + "\n", to=notice.recipient.email)


def _send_of_secret(notice: Notice) -> None:
    path = reverse("admin:accounts_clientapplication_change", args=[notice.subject_id])
    context = {"id": notice.subject_id, "address": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""}
    text = render_to_string("administration/secret_due_email.txt", context)
    send_text(_("A secret is ready for you"), text.strip() + "\n", to=notice.recipient.email)


def _send_of_break_glass(notice: Notice) -> None:
    used = BreakGlass.objects.get(pk=notice.subject_id or 0)
    subjects = RequestSubject.objects.filter(kind=BREAK_GLASS, subject_id=used.pk)
    path = reverse("admin:changerequests_changerequest_change", args=[subjects.values_list("request", flat=True).get()])
    context = {"used": used, "address": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""}
    text = render_to_string("administration/break_glass_email.txt", context)
    subject = _("Kontor: break glass by %(command)s") % {"command": used.command}
    send_text(subject, text.strip() + "\n", to=notice.recipient.email)


def _send_of_webhook(notice: Notice) -> None:
    webhook = Webhook.objects.select_related("application").get(pk=notice.subject_id or 0)
    # The owner may lack the right to open the webhook's own page.
    path = reverse("admin:accounts_clientapplication_change", args=[webhook.application_id])
    context = {"webhook": webhook, "address": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""}
    text = render_to_string("administration/webhook_given_up_email.txt", context)
    send_text(_("A webhook was stopped"), text.strip() + "\n", to=notice.recipient.email)


def _send_link(user: User) -> None:
    """Send a link that is good until the password is set, and for as long as settings say."""
    address = link_address(user)
    if not (user.is_active and address):
        return
    context = {
        "username": name_to_log_in_with(user),
        "address": f"{settings.PUBLIC_URL}{password_link(user)}",
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
    }
    text = render_to_string("administration/password_link_email.txt", context)
    send_text(_("Set your password"), text.strip() + "\n", to=address)


def _send_of_ledger(notice: Notice) -> None:
    text = render_to_string("administration/ledger_changed_email.txt", {"notice": notice})
    send_text(_("Kontor: the ledger was changed"), text.strip() + "\n", to=notice.recipient.email)


_SENDERS: Mapping[str, Callable[[Notice], None]] = {
    **dict.fromkeys(RIGHTS_MAILS, _send_of_rights),
    Notice.Kind.SECRET_DUE: _send_of_secret,
    Notice.Kind.GLASS_BROKEN: _send_of_break_glass,
    Notice.Kind.UNLOCKED: _send_of_unlocking,
    Notice.Kind.WEBHOOK_GIVEN_UP: _send_of_webhook,
    Notice.Kind.LEDGER_CHANGED: _send_of_ledger,
}
