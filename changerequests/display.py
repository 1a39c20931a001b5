"""What an actor may do with a change request, and the reasons for what it may not."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.presentation import ReviewedChange


@dataclass(frozen=True, slots=True)
class Choices:
    """What the actor may do with a request now. `reasons` explain what is not offered."""

    may_approve: bool = False
    may_reject: bool = False
    may_cancel: bool = False
    reasons: tuple[str, ...] = ()


def choices(*, actor: Actor, request: ChangeRequest, changes: Iterable[ReviewedChange]) -> Choices:
    """Return what to offer the actor. Only for the page: the services check again."""
    if not request.is_pending:
        return Choices()
    if request.initiator_member_id == actor.member_id:
        return Choices(
            may_cancel=True,
            reasons=(_("You asked for this change yourself, so somebody else has to decide it. You may cancel it."),),
        )
    if not actor.has_perm(REVIEW_PERMISSION):
        return Choices(
            reasons=(_("You may look at this request, but your account lacks the permission to review it."),)
        )
    outdated = [change.label for change in changes if change.is_outdated]
    if outdated:
        reason = _(
            "It cannot be approved any more, because the contact has changed since it was asked for: %(fields)s. "
            "Reject it, and have the change asked for again."
        ) % {"fields": ", ".join(outdated)}
        return Choices(may_reject=True, reasons=(reason,))
    return Choices(may_approve=True, may_reject=True)
