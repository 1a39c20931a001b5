"""Notices to users: what was taken away, and links to set a password. They are mailed once the transaction commits."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.addresses import link_address, login_for_link
from accounts.logins import may_log_in_locally
from accounts.models import Notice, User
from accounts.permissions import check_member_permission
from accounts.queries import holders_of
from administration.applications import APPLICATION
from administration.models import BreakGlass
from administration.rights import RIGHTS
from administration.tasks import send_notice
from changerequests.permissions import REVIEW_PERMISSION
from core.errors import NotFound, UnprocessableEntity
from core.jobs import send_on_commit

LOOKS_AFTER_RIGHTS = "accounts.change_user"
# How many findings a mail names.
MAX_NAMED_FINDINGS = 20
# The id that no notice has.
NO_NOTICE = 0


def tell_of_taking(*, actor: Actor, kind: str, subject_id: int, paths: Sequence[str], concerned: Iterable[int]) -> None:
    """Mail to these users, and to all who look after rights, that this was taken away; the actor knows already."""
    _tell_of_rights(Notice.Kind.RIGHTS_TAKEN, actor, kind, subject_id, paths, concerned)


def tell_of_giving(*, actor: Actor, kind: str, subject_id: int, paths: Sequence[str], concerned: Iterable[int]) -> None:
    """Like `tell_of_taking`, of what an identity provider has given at a login."""
    _tell_of_rights(Notice.Kind.RIGHTS_GIVEN, actor, kind, subject_id, paths, concerned)


def tell_of_unlocking(*, actor: Actor, user_id: int, path: str) -> None:
    """Like `tell_of_taking`, of the lock of a login."""
    _tell_of_rights(Notice.Kind.UNLOCKED, actor, RIGHTS, user_id, [path], [user_id])


def _tell_of_rights(
    notice_kind: str, actor: Actor, kind: str, subject_id: int, paths: Sequence[str], concerned: Iterable[int]
) -> None:
    holders = holders_of(LOOKS_AFTER_RIGHTS).order_by().values("pk")
    told = User.objects.filter(Q(pk__in=list(concerned)) | Q(pk__in=holders))
    for user_id in told.exclude(email="").exclude(pk=actor.user_id or 0).order_by("pk").values_list("pk", flat=True):
        _add(
            Notice(
                kind=notice_kind,
                recipient_id=user_id,
                subject_kind=kind,
                subject_id=subject_id,
                paths=list(paths),
                author_id=actor.member_id,
            )
        )


def send_password_link(user: User) -> bool:
    """Mail the user a single-use link to set its password; return whether it has an address and pages have one."""
    if not (link_address(user) and settings.PUBLIC_URL):
        return False
    _add(Notice(kind=Notice.Kind.PASSWORD_LINK, recipient=user))
    return True


@transaction.atomic
def ask_for_password_link(*, typed: str) -> None:
    """Mail a link to the owner of the login that a name leads to, as somebody typed it who forgot the password.

    Tells nothing: not whether there is such a login, whether it has an address, or whether it has had its links for
    this hour.
    """
    user = login_for_link(typed)
    if user is None or not _gets_link(user) or not send_password_link(user):
        # As long as with a notice, as far as others can measure.
        send_on_commit(send_notice, NO_NOTICE)


def _gets_link(user: User) -> bool:
    """Return whether a password is of use to the user, and it has not had its links for this hour."""
    recent = timezone.now() - timedelta(hours=1)
    links = Notice.objects.filter(kind=Notice.Kind.PASSWORD_LINK, recipient=user, created_at__gt=recent)
    return user.is_active and may_log_in_locally(user) and links.count() < settings.PASSWORD_LINKS_AN_HOUR


def tell_of_secret(*, owner: int, application_id: int) -> None:
    """Mail to the user who owns an application that its secret waits to be collected."""
    _add(Notice(kind=Notice.Kind.SECRET_DUE, recipient_id=owner, subject_kind=APPLICATION, subject_id=application_id))


def tell_of_break_glass(used: BreakGlass) -> None:
    """Mail to all who may review that a command has broken the glass."""
    reviewers = holders_of(REVIEW_PERMISSION)
    for user_id in reviewers.filter(member__isnull=False).exclude(email="").order_by("pk").values_list("pk", flat=True):
        _add(Notice(kind=Notice.Kind.GLASS_BROKEN, recipient_id=user_id, subject_id=used.pk))


def tell_of_changed_ledger(findings: Sequence[str]) -> None:
    """Mail to all who may review that verification found places where the ledger was changed."""
    reviewers = holders_of(REVIEW_PERMISSION)
    for user_id in reviewers.filter(member__isnull=False).exclude(email="").order_by("pk").values_list("pk", flat=True):
        _add(
            Notice(
                kind=Notice.Kind.LEDGER_CHANGED,
                recipient_id=user_id,
                subject_id=len(findings),
                paths=list(findings[:MAX_NAMED_FINDINGS]),
            )
        )


@transaction.atomic
def mail_password_link(*, actor: Actor, user_id: int) -> None:
    """Have a single-use link to set its password mailed to a login's own address.

    The actor needs the permission to change logins. Raises NotFound; Forbidden; UnprocessableEntity: `LoginInactive`,
    `NoAddress`.
    """
    if actor.is_member:
        check_member_permission(actor, LOOKS_AFTER_RIGHTS)
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFound(_("There is no login with this id that you can see."))
    if not user.is_active:
        raise UnprocessableEntity(_("This login is not active."), sub_code="LoginInactive")
    if not send_password_link(user):
        text = _("No link can be sent: the login has no address, or the setting PUBLIC_URL is missing.")
        raise UnprocessableEntity(text, sub_code="NoAddress")


def _add(notice: Notice) -> None:
    notice.language = get_language() or settings.LANGUAGE_CODE
    notice.save(force_insert=True)
    send_on_commit(send_notice, notice.pk)
