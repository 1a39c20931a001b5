"""Asking again for what was rejected or cancelled."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest, Status
from changerequests.services.locks import locked_own_request
from changerequests.services.submitting import request_if_required
from changerequests.services.withdrawing import repeated_changes
from core.errors import UnprocessableEntity

REPEATABLE = frozenset({Status.REJECTED, Status.CANCELLED})


@transaction.atomic
def ask_again(*, actor: Actor, change_request_id: int) -> ChangeRequest:
    """Open a request for the same targets, over today's values, as a request that was rejected or cancelled.

    Locks the subject, then the earlier request. Raises NotFound; Forbidden `NotInitiator`; UnprocessableEntity
    `PendingChangeRequestExists`, `NothingRequested` if all values are there already, and those of a submission.
    """
    subject, earlier = locked_own_request(actor, change_request_id)
    if earlier.status not in REPEATABLE:
        raise UnprocessableEntity(_("Only what was rejected or cancelled can be requested again."))
    changes = repeated_changes(actor=actor, request=earlier, subject=subject)
    if not changes:
        text = _("Nothing would change: what you requested is already in effect.")
        raise UnprocessableEntity(text, sub_code="NothingRequested")
    subject_id: Any = earlier.subject_id
    asked = request_if_required(
        kind=earlier.kind,
        subject_id=subject_id,
        subject=subject,
        changes=changes,
        actor=actor,
        comment=earlier.initiator_comment,
    )
    if asked is None:
        raise UnprocessableEntity(_("This no longer needs approval. Make the change yourself."))
    return asked
