"""Deciding a request: approve, reject or return it, in whole or in part.

Locks: the subject, then the request. Of a request about many subjects only the request is locked; a job applies it and
locks its subjects batch by batch (`changerequests.services.applying`).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.decisions import check_carries_decision
from accounts.permissions import check_member_permission
from changerequests.eligibility import Case, Person, place_of
from changerequests.kinds import RequestKind, request_kind
from changerequests.models import ChangeRequest, Decision, Notification, RevisionReason, Status, Verdict
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.policies import Initiator, Requirement
from changerequests.queries.policies import current_policy, groups_of_member
from changerequests.queries.revisions import (
    Current,
    Decider,
    current_digest,
    current_proposals,
    current_revision,
)
from changerequests.queries.sight import seen_request
from changerequests.services.checks import check_evidence, check_may_decide, check_not_outdated
from changerequests.services.claims import put_down
from changerequests.services.locks import locked_request
from changerequests.services.many import check_parts, nothing_kept, strike_of_many
from changerequests.services.notifications import notify_initiator
from changerequests.services.opening import WAITING_COLUMNS, revise, wait_in
from changerequests.tasks import apply_approved, send_outcome
from core.errors import PreconditionFailed
from core.jobs import send_on_commit

CLOSING = {Verdict.APPROVE: Status.APPROVED, Verdict.REJECT: Status.REJECTED, Verdict.RETURN: Status.RETURNED}
_EVENTS = {
    Verdict.APPROVE: Notification.Event.APPROVED,
    Verdict.REJECT: Notification.Event.REJECTED,
    Verdict.RETURN: Notification.Event.RETURNED,
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reviewer keeps of a request: these paths, without these subjects. None and empty keep everything."""

    paths: Collection[str] | None = None
    excluded_subject_ids: Collection[int] = ()


@transaction.atomic
def decide(
    *,
    actor: Actor,
    change_request_id: int,
    verdict: Verdict,
    comment: str | None = None,
    digest: str | None = None,
    parts: Parts | None = None,
) -> ChangeRequest:
    """Decide a request in the stage that it waits in; the last approval makes the changes.

    `digest` is that of the revision which the decider saw. `parts` strikes the rest: the request gets a new
    revision, for which this is the first approval if the decider is in its first stage. Locks the subject, then the
    request: of two reviewers, one wins.

    Raises NotFound; Forbidden without the review permission, by a token that carries no decision
    (`check_carries_decision`), and `OwnChangeRequest`, `AboutYourself`, `AlreadyDecided`, `NotAReviewer`;
    PreconditionFailed for another digest, or, unless the request is returned, without one where it is required;
    UnprocessableEntity `ChangeRequestNotPending`, `ChangeRequestOutdated` with the paths whose value is no longer the
    original one, `EvidenceRequired` if the stage requires a file and the request has none, `UnknownPaths`,
    `UnknownEntries` and `NothingKept` about the parts, and what `RequestKind.apply` raises. Any error leaves everything
    as it was.
    """
    check_member_permission(actor, REVIEW_PERMISSION)
    check_carries_decision(actor)
    seen, sight = seen_request(actor=actor, change_request_id=change_request_id)
    kind = request_kind(seen.kind)
    subject = None if seen.subject_id is None else kind.lock(actor=sight, subject_id=seen.subject_id)
    request = locked_request(change_request_id)
    current, stage = current_revision(request), request.stage
    person, case = Decider(actor).person(request), current.case(request)
    check_may_decide(request, person, case, is_returned_allowed=verdict is Verdict.REJECT)
    if verdict is not Verdict.RETURN or digest is not None:
        _check_digest(request, digest)
    deciding = _Deciding(actor, request, kind, subject, person, sight.member_id, digest)
    if verdict is Verdict.APPROVE and parts is not None:
        current = deciding.struck(current, parts, comment) or current
    deciding.record(current, verdict, comment, None if parts is None else parts.paths)
    is_passed_on = not request.is_pending or request.stage != stage
    put_down(request, of=None if is_passed_on else person.member_id)
    return request


def _check_digest(request: ChangeRequest, digest: str | None) -> None:
    if digest is None and request.revision_number == 1 and not current_policy(request.kind).is_digest_required:
        return
    if digest != current_digest(request):
        raise PreconditionFailed(
            _("The request has changed since you looked at it, or the digest is missing. Look at it again.")
        )


@dataclass(slots=True)
class _Deciding:
    """One decision in progress. The subject and the request are locked."""

    actor: Actor
    request: ChangeRequest
    kind: RequestKind
    subject: Any
    person: Person
    seen_by: int | None
    digest: str | None

    def struck(self, current: Current, parts: Parts, comment: str | None) -> Current | None:
        """Make a revision of what the reviewer keeps; None if that is everything. Raises like `decide`."""
        request, author_id = self.request, self.person.member_id
        if request.subject_id is None:
            # Nothing says what each of many subjects would need, so what is left needs what all of it did.
            is_struck = strike_of_many(
                request=request,
                paths=parts.paths,
                excluded_subject_ids=parts.excluded_subject_ids,
                author_id=author_id,
                requirement=current.requirement(),
                comment=comment,
            )
            return current_revision(request) if is_struck else None
        proposal = current_proposals(request).get()
        known = [change.path for change in proposal.proposed]
        check_parts(parts.paths or (), known, parts.excluded_subject_ids, [proposal.subject_id])
        is_excluded = proposal.subject_id in parts.excluded_subject_ids
        kept = [
            change
            for change in proposal.proposed
            if not is_excluded and (parts.paths is None or change.path in parts.paths)
        ]
        if not kept:
            raise nothing_kept()
        if len(kept) == len(known):
            return None
        self.kind.check_kept(known, [change.path for change in kept])
        revise(
            request=request,
            reason=RevisionReason.STRUCK,
            changes={request.subject_id: kept},
            author_id=author_id,
            requirement=self._requirement([change.path for change in kept], current),
            comment=comment,
        )
        return current_revision(request)

    def _requirement(self, paths: Collection[str], current: Current) -> Requirement:
        """Return what the kept changes must wait for: never less than the stage that the reviewer decides in."""
        request = self.request
        initiator = Initiator(
            group_ids=groups_of_member(request.initiator_member_id) if request.initiator_member_id else frozenset(),
            application_id=request.initiator_application_id,
        )
        required = self.kind.requirement(
            subject=self.subject, paths=paths, policy=current_policy(request.kind), initiator=initiator
        )
        return required or current.requirement()

    def record(self, current: Current, verdict: Verdict, comment: str | None, paths: Collection[str] | None) -> None:
        """Write the decision and what follows from it."""
        request, case = self.request, current.case(self.request)
        place = place_of(self.person, case)
        if place is None:
            # A reviewer of a later stage has struck something: its new wording waits in the first stage again.
            return
        if verdict is Verdict.APPROVE:
            check_evidence(current, current.stages[place])
        Decision.objects.create(
            revision=current.revision,
            stage=current.stages[place],
            member_id=self.person.member_id,
            on_behalf_of_id=None if self.seen_by == self.person.member_id else self.seen_by,
            verdict=verdict,
            comment=comment,
            digest=self.digest or "",
            paths=None if paths is None else sorted(paths),
        )
        if verdict is Verdict.APPROVE and not self._is_last_approval(current, case, place):
            return
        request.status = CLOSING[verdict]
        request.review_member_id, request.reviewed_at = self.person.member_id, timezone.now()
        request.review_comment, request.is_outcome_due = comment, True
        request.save(update_fields=["status", "review_member", "reviewed_at", "review_comment", "is_outcome_due"])
        if verdict is Verdict.APPROVE and self.subject is not None:
            # Approved by then, so that an anonymization cancels every open request but the one that asked for it.
            self._apply()
        self._close(verdict)
        notify_initiator(request=request, event=_EVENTS[verdict])
        send_on_commit(send_outcome, request.pk)

    def _is_last_approval(self, current: Current, case: Case, place: int) -> bool:
        """Count the approval; if others are missing, move the request to the stage that it waits in now."""
        request = self.request
        rounds = list(case.rounds)
        counted = rounds[place]
        rounds[place] = replace(counted, approved=counted.approved + 1)
        if all(stage.is_passed for stage in rounds):
            return True
        following = next(number for number, stage in enumerate(rounds) if not stage.is_passed)
        if following != request.stage:
            stage = current.stages[following]
            wait_in(request, following, group_id=stage.group_id, hours=stage.hours)
            request.save(update_fields=WAITING_COLUMNS)
        return False

    def _apply(self) -> None:
        proposal = current_proposals(self.request).get()
        check_not_outdated(self.kind, self.subject, proposal.proposed)
        self.kind.apply(actor=self.actor, subject=self.subject, changes=proposal.proposed, request=self.request)

    def _close(self, verdict: Verdict) -> None:
        """Free the subjects for other requests; those of an approved request about many stay until they are applied."""
        if verdict is Verdict.RETURN:
            return
        if verdict is Verdict.APPROVE and self.subject is None:
            send_on_commit(apply_approved, self.request.pk)
            self.request.subjects.exclude(outcome="").update(is_open=False)
            return
        self.request.subjects.update(is_open=False)
        if verdict is Verdict.REJECT and self.subject is not None:
            self.kind.abandoned(self.request)
