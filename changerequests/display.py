"""What an actor may do with a change request, and the reasons for what it may not."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from django.utils.translation import gettext as _

from changerequests.eligibility import objection
from changerequests.kinds import Presenter, request_kind
from changerequests.models import ChangeRequest, Decision, RequestStage, Revision, RevisionReason, Status
from changerequests.presentation import ReviewedChange
from changerequests.queries.revisions import Current, Decider, wordings_of
from changerequests.services.checks import missing_evidence
from changerequests.services.repeating import REPEATABLE


@dataclass(frozen=True, slots=True)
class Choices:
    """What the actor may do with a request now. `reasons` explain what is not offered."""

    may_approve: bool = False
    may_reject: bool = False
    may_return: bool = False
    may_cancel: bool = False
    may_rebase: bool = False
    may_ask_again: bool = False
    may_resubmit: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownStage:
    """A stage for display: who decides in it, what was decided, and how many approvals are missing."""

    name: str
    reviewers: str
    needed: int
    missing: int
    is_current: bool
    due_at: datetime | None
    decisions: Sequence[Decision]
    is_evidence_required: bool
    lacks_evidence: bool
    escalated_to: str | None


def shown_stages(current: Current, request: ChangeRequest) -> list[ShownStage]:
    """Return the stages of a request's current revision, in order."""
    return [
        ShownStage(
            name=stage.name,
            reviewers=stage.group.name if stage.group else _("Everybody who may review"),
            needed=stage.approvals,
            missing=max(stage.approvals - current.approvals_in(stage), 0),
            is_current=request.is_open and stage.position == request.stage,
            due_at=request.due_at if stage.position == request.stage else None,
            decisions=[decision for decision in current.decisions if decision.stage_id == stage.pk],
            is_evidence_required=stage.is_evidence_required,
            lacks_evidence=current.lacks_evidence(stage),
            escalated_to=_escalated_to(stage, request),
        )
        for stage in current.stages
    ]


def _escalated_to(stage: RequestStage, request: ChangeRequest) -> str | None:
    """Return the name of the group that decides in the stage, too, because it is overdue; None if none does."""
    is_escalated = stage.position == request.stage and stage.escalates_to_id == request.escalated_to_id
    return stage.escalates_to.name if is_escalated and stage.escalates_to else None


@dataclass(frozen=True, slots=True)
class ShownWording:
    """A later wording of a request for display, with the labels of what was struck from the one before."""

    revision: Revision
    struck: Sequence[str]


def shown_wordings(request: ChangeRequest, presenter: Presenter) -> list[ShownWording]:
    """Return the wordings of a request after the first, in order. Runs at most two queries."""
    return [
        ShownWording(wording.revision, presenter.field_labels(wording.struck) if wording.struck else ())
        for wording in wordings_of(request)
    ]


def strikes_in_force(wordings: Sequence[ShownWording]) -> list[ShownWording]:
    """Return those by which reviewers struck what the initiator does not ask for again since."""
    latest = takewhile(lambda wording: wording.revision.reason == RevisionReason.STRUCK, reversed(wordings))
    return list(latest)[::-1]


def choices(
    *, decider: Decider, request: ChangeRequest, current: Current, changes: Iterable[ReviewedChange]
) -> Choices:
    """Return what to offer the decider. Only for the page: the services check again."""
    is_own = request.initiator_member_id is not None and request.initiator_member_id == decider.member_id
    is_repeatable = is_own and request.subject_id is not None and request_kind(request.kind).is_repeatable
    if not request.is_open:
        return Choices(may_ask_again=is_repeatable and request.status in REPEATABLE)
    outdated = [change.label for change in changes if change.is_outdated]
    if is_own:
        is_returned = request.status == Status.RETURNED and request.subject_id is not None
        return Choices(
            may_cancel=True,
            may_rebase=is_repeatable and bool(outdated),
            may_resubmit=is_returned and not outdated,
            reasons=(_own(request, outdated),),
        )
    person = decider.person(request)
    if not person.may_review:
        return Choices(
            reasons=(_("You may look at this request, but your account lacks the permission to review it."),)
        )
    refusal = objection(person, current.case(request))
    if refusal is not None:
        return Choices(reasons=(str(refusal),))
    if request.status == Status.RETURNED:
        return Choices(may_reject=True, reasons=(_("It was returned to its initiator, who may amend it."),))
    if outdated:
        reason = _(
            "It can no longer be approved, because values have changed since it was requested: %(fields)s. Return "
            "or reject it, and have the change requested again."
        ) % {"fields": ", ".join(outdated)}
        return Choices(may_reject=True, may_return=True, reasons=(reason,))
    if current.lacks_evidence(current.stages[request.stage]):
        return Choices(may_reject=True, may_return=True, reasons=(str(missing_evidence()),))
    return Choices(may_approve=True, may_reject=True, may_return=True)


def _own(request: ChangeRequest, outdated: Collection[str]) -> str:
    """Return what the initiator can do with an open request."""
    if outdated:
        return _("The values have changed since your request: %(fields)s. Request the same on the current values.") % {
            "fields": ", ".join(outdated)
        }
    if request.status == Status.RETURNED:
        return _("It was returned to you: amend and resubmit it, or cancel it.")
    return _("You requested this change yourself, so somebody else has to decide it. You may cancel it.")
