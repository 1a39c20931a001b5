"""Assigning a request to a member. Advice that bars nobody from deciding."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor, member_actor
from accounts.models import Member
from changerequests.eligibility import objection
from changerequests.models import ChangeRequest, Notification, RequestAssignment
from changerequests.queries.deciders import who_see
from changerequests.queries.revisions import Current, Decider
from changerequests.services.checks import request_to_decide
from changerequests.services.locks import locked_request
from changerequests.services.notifications import notify
from core.errors import UnprocessableEntity


@transaction.atomic
def assign_request(*, actor: Actor, change_request_id: int, member_id: int | None) -> RequestAssignment | None:
    """Assign a pending request to a member who could decide it now, or with None take the assignment away.

    Notifies the member, unless it assigns the request to itself. Locks the request, as those who decide do, then the
    assignment. Raises NotFound; HeldByOthers; Forbidden if the actor could not decide the request now, as `decide`
    does; UnprocessableEntity `ChangeRequestNotPending`, and `CannotDecide`, which says why the member could not.
    """
    locked_request(change_request_id)
    request, current = request_to_decide(actor=actor, change_request_id=change_request_id)
    if member_id is None:
        RequestAssignment.objects.filter(pk=request.pk).delete()
        return None
    member = Member.objects.select_related("user").filter(pk=member_id).first()
    reason = _("There is no such member.") if member is None else _why_not(member, request, current)
    if reason is not None:
        raise UnprocessableEntity(reason, sub_code="CannotDecide")
    said = {"member": member, "assigned_by_id": actor.member_id, "assigned_at": timezone.now()}
    assignment, _is_new = RequestAssignment.objects.update_or_create(request=request, defaults=said)
    if member_id != actor.member_id:
        notify(members=[member_id], request=request, event=Notification.Event.ASSIGNED)
    return assignment


def _why_not(member: Member, request: ChangeRequest, current: Current) -> str | None:
    """Return why the member could not decide the request now; None if it could."""
    actor, named = member_actor(member), {"name": member.name}
    person = Decider(actor).person(request)
    if not person.may_review:
        return _("%(name)s may not review change requests.") % named
    refusal = objection(person, current.case(request))
    if refusal is not None:
        return {
            "OwnChangeRequest": _("%(name)s requested this change, or acted for the person who did."),
            "AboutYourself": _("This concerns %(name)s, or somebody for whom %(name)s acted."),
            "AlreadyDecided": _("This was already decided by %(name)s, or by somebody for whom %(name)s acted."),
            "NotAReviewer": _("It is pending for reviewers of a group that %(name)s is not in."),
        }[refusal.sub_code] % named
    if member.pk not in who_see(request, [member]):
        return _("%(name)s does not see what this is about.") % named
    return None
