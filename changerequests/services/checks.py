"""Conditions of a request that its services check."""

from collections.abc import Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from changerequests.kinds import RequestKind
from changerequests.models import ChangeRequest, Status
from core.documents import Change
from core.errors import UnprocessableEntity


def check_open(request: ChangeRequest, *, is_returned_allowed: bool = True) -> None:
    """Raise UnprocessableEntity `ChangeRequestNotPending`, which names who decided and when, unless it is open."""
    if request.is_pending or (is_returned_allowed and request.status == Status.RETURNED):
        return
    text = _("The change request is no longer pending: it is %(status)s.") % {"status": request.get_status_display()}
    if request.review_member is not None and request.reviewed_at is not None:
        decided = _("%(member)s decided it on %(moment)s.") % {
            "member": request.review_member.name,
            "moment": date_format(localtime(request.reviewed_at), "DATETIME_FORMAT"),
        }
        text = f"{text} {decided}"
    raise UnprocessableEntity(text, sub_code="ChangeRequestNotPending")


def check_not_outdated(kind: RequestKind, subject: Any, changes: Sequence[Change]) -> None:
    """Raise UnprocessableEntity `ChangeRequestOutdated` unless each path still has its original value.

    `subject` is the return value of `RequestKind.lock`.
    """
    outdated = kind.outdated_paths(kind.document_of(subject), changes)
    if outdated:
        raise UnprocessableEntity(
            _("The subject has changed since this was asked for. Have it asked for again, or reject it."),
            sub_code="ChangeRequestOutdated",
            properties={path: [_("The value is no longer the original one.")] for path in outdated},
        )
