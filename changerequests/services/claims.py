"""Claiming a request: the others see who has it open. Advice that bars nobody from deciding, like an assignment."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.formats import time_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest, RequestAssignment, RequestClaim
from changerequests.queries.sight import seen_request
from changerequests.services.checks import request_to_decide
from core.errors import UnprocessableEntity, map_lock_errors

LASTS = timedelta(minutes=10)

# The clock and not the start of the transaction: of two who wait for each other, the later one is late.
_HOLD = """
    INSERT INTO changerequests_requestclaim AS claim (request_id, member_id, claimed_at, until)
    SELECT %(request)s, %(member)s, moment, moment + %(lasts)s FROM clock_timestamp() AS moment
        ON CONFLICT (request_id) DO UPDATE
       SET member_id = EXCLUDED.member_id, until = EXCLUDED.until,
           claimed_at = CASE WHEN claim.member_id = EXCLUDED.member_id AND claim.until > EXCLUDED.claimed_at
                             THEN claim.claimed_at ELSE EXCLUDED.claimed_at END
     WHERE claim.member_id = EXCLUDED.member_id OR claim.until <= EXCLUDED.claimed_at OR %(take_over)s
    RETURNING request_id, member_id, claimed_at, until
"""


@transaction.atomic
def claim_request(*, actor: Actor, change_request_id: int, take_over: bool = False) -> RequestClaim:
    """Claim a pending request for ten minutes, or renew the claim; with `take_over`, also if another member has it.

    Locks the claim. Raises NotFound; Forbidden if the actor could not decide the request now, as `decide` does;
    UnprocessableEntity `ChangeRequestNotPending`, and `ClaimedByAnother`, which names who has it until when.
    """
    request, _current = request_to_decide(actor=actor, change_request_id=change_request_id)
    held = hold(request, member_id=actor.member_id or 0, take_over=take_over)
    if held is not None:
        return held
    present = RequestClaim.objects.select_related("member__user").get(pk=request.pk)
    raise UnprocessableEntity(
        _("%(name)s has had this open since %(since)s, until %(until)s. Take it over if you want to decide it now.")
        % {
            "name": present.member.name,
            "since": time_format(localtime(present.claimed_at)),
            "until": time_format(localtime(present.until)),
        },
        sub_code="ClaimedByAnother",
    )


def hold(request: ChangeRequest, *, member_id: int, take_over: bool = False) -> RequestClaim | None:
    """Claim a request that the member could decide, by one statement; None if another member has it.

    Locks the claim. Raises HeldByOthers while somebody is deciding the request.
    """
    values = {"request": request.pk, "member": member_id, "lasts": LASTS, "take_over": take_over}
    with map_lock_errors():
        return next(iter(RequestClaim.objects.raw(_HOLD, values)), None)


def release_request(*, actor: Actor, change_request_id: int) -> None:
    """Release the member's own claim, if it has one; that of another member stays. Locks the claim. Raises NotFound."""
    seen_request(actor=actor, change_request_id=change_request_id)
    RequestClaim.objects.filter(pk=change_request_id, member=actor.member_id).delete()


def put_down(request: ChangeRequest, *, of: int | None = None) -> None:
    """End claim and assignment of the request, or only those of one member. The request must be locked."""
    whose = Q() if of is None else Q(member=of)
    for holds in (RequestClaim.objects, RequestAssignment.objects):
        holds.filter(whose, pk=request.pk).delete()


def put_down_by_users(user_ids: Sequence[int]) -> None:
    """End claims and assignments of these users, whose logins are closed."""
    for holds in (RequestClaim.objects, RequestAssignment.objects):
        holds.filter(member__user__in=user_ids).delete()
