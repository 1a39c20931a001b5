"""Reading what a request asks for now, and who has decided it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import ClientApplication, Member
from changerequests.digests import digest_of_rows
from changerequests.eligibility import Case, Person, Round
from changerequests.kinds import request_kind
from changerequests.models import (
    Absence,
    ChangeRequest,
    Decision,
    Proposal,
    RequestAttachment,
    RequestStage,
    Revision,
    RevisionReason,
    Status,
    Verdict,
)
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.policies import Requirement, Stage
from changerequests.queries.policies import groups_of_member

DIGESTED_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Current:
    """The current revision of a request, with its stages and decisions in order.

    `has_evidence`: a file is attached to the request, for whatever revision, and not erased.
    """

    revision: Revision
    stages: Sequence[RequestStage]
    decisions: Sequence[Decision]
    has_evidence: bool

    def case(self, request: ChangeRequest) -> Case:
        """Return what eligibility depends on."""
        people = {decision.member_id for decision in self.decisions}
        people |= {decision.on_behalf_of_id for decision in self.decisions if decision.on_behalf_of_id is not None}
        return Case(
            initiator_id=request.initiator_member_id,
            decided_by=frozenset(people),
            rounds=[
                Round(
                    group_id=stage.group_id,
                    needed=stage.approvals,
                    approved=self.approvals_in(stage),
                    escalated_group_id=request.escalated_to_id if stage.position == request.stage else None,
                )
                for stage in self.stages
            ],
            is_returned=request.status == Status.RETURNED,
            about_member_id=request.about_member_id,
            excluded_ids=frozenset(request.excluded_member_ids),
            about_group_id=request.subject_id if request_kind(request.kind).is_about_groups else None,
        )

    def requirement(self) -> Requirement:
        """Return what this revision waits for, as the requirement of another one."""
        stages = tuple(
            Stage(
                name=stage.name,
                group_id=stage.group_id,
                approvals=stage.approvals,
                hours=stage.hours,
                is_evidence_required=stage.is_evidence_required,
                escalates_to_id=stage.escalates_to_id,
            )
            for stage in self.stages
        )
        return Requirement(stages, policy_version=self.revision.policy_version)

    def lacks_evidence(self, stage: RequestStage) -> bool:
        """Return whether nobody can approve in this stage before a file is attached."""
        return stage.is_evidence_required and not self.has_evidence

    def approvals_in(self, stage: RequestStage) -> int:
        return sum(decision.stage_id == stage.pk and decision.verdict == Verdict.APPROVE for decision in self.decisions)


def current_revision(request: ChangeRequest) -> Current:
    """Return the request's current revision. Runs three queries."""
    return current_revisions([request])[request.pk]


def current_revisions(requests: Collection[ChangeRequest]) -> Mapping[int, Current]:
    """Return the current revision of each request by its id. Runs three queries."""
    found: Any = Revision.objects.filter(request__in=[request.pk for request in requests])
    files = RequestAttachment.objects.filter(request=OuterRef("request")).exclude(file="")
    current = (
        found.annotate(has_evidence=Exists(files))
        .filter(number=F("request__revision_number"))
        .prefetch_related(
            Prefetch("stages", RequestStage.objects.select_related("group", "escalates_to").order_by("position")),
            Prefetch("decisions", Decision.objects.select_related("member__user", "on_behalf_of__user").order_by("pk")),
        )
    )
    return {
        revision.request_id: Current(
            revision, list(revision.stages.all()), list(revision.decisions.all()), revision.has_evidence
        )
        for revision in current
    }


def current_proposals(request: ChangeRequest) -> QuerySet[Proposal]:
    """Return the proposals of the current revision with their subjects, in the order of submission."""
    proposals = Proposal.objects.filter(revision__request=request, revision__number=request.revision_number)
    return proposals.select_related("subject").order_by("pk")


def proposals_of(request: ChangeRequest) -> dict[int, list[dict[str, Any]]]:
    """Return the changes that the current revision proposes, by the id of the subject. Runs one query."""
    return dict(current_proposals(request).values_list("subject__subject_id", "changes"))


def open_proposals(kind: str) -> QuerySet[Proposal]:
    """Return the current proposals of all open requests of a kind."""
    proposals = Proposal.objects.filter(subject__kind=kind, subject__is_open=True)
    return proposals.filter(revision__number=F("revision__request__revision_number"))


@dataclass(frozen=True, slots=True)
class Wording:
    """A revision after the first, with the paths that its reviewer struck from the one before."""

    revision: Revision
    struck: Sequence[str]


def wordings_of(request: ChangeRequest) -> list[Wording]:
    """Return the revisions after the first, in order. Runs at most two queries.

    What was struck from a request about many subjects is said of these instead.
    """
    if request.revision_number == 1:
        return []
    revisions = request.revisions.filter(number__gt=1).select_related("author__user").order_by("number")
    asked: dict[int, list[str]] = {}
    if request.subject_id is not None:
        changes = Proposal.objects.filter(revision__request=request).values_list("revision__number", "changes")
        asked = {number: [change["path"] for change in found] for number, found in changes}
    return [Wording(revision, _struck(revision, asked)) for revision in revisions]


def _struck(revision: Revision, asked: Mapping[int, Sequence[str]]) -> Sequence[str]:
    if revision.reason != RevisionReason.STRUCK:
        return ()
    kept = asked.get(revision.number, ())
    return [path for path in asked.get(revision.number - 1, ()) if path not in kept]


def current_digest(request: ChangeRequest) -> str:
    """Return the digest of the request's current revision, without holding all of it in memory."""
    rows = current_proposals(request).order_by("subject__subject_id").values_list("subject__subject_id", "changes")
    if request.subject_id is not None:
        return digest_of_rows(request, rows)
    with transaction.atomic(savepoint=False):
        return digest_of_rows(request, rows.iterator(chunk_size=DIGESTED_AT_ONCE))


class Decider:
    """An actor as a decider of requests. Loads its groups and absences once, for any number of requests."""

    def __init__(self, actor: Actor) -> None:
        self.member_id = actor.member_id
        self._may_review = actor.is_member and actor.has_perm(REVIEW_PERMISSION)
        self._groups = frozenset[int]() if actor.member_id is None else groups_of_member(actor.member_id)
        self._holders = _holders_of_keys(actor.via_application_id)
        groups = Member.objects.filter(pk=OuterRef("member"), user__groups__isnull=False).values("user__groups")
        absences: Any = Absence.objects.filter(substitute=actor.member_id or 0)
        self._absences = list(absences.annotate(group_ids=ArraySubquery(groups)))

    def person(self, request: ChangeRequest) -> Person:
        """Return the decider of this request: it represents those whose substitute it was since the request began."""
        begin, today = request.created_at.astimezone(UTC).date(), utc_today()
        absences = [one for one in self._absences if one.ends_on >= begin and one.starts_on <= today]
        return Person(
            member_id=self.member_id or 0,
            group_ids=self._groups,
            represented=frozenset(absence.member_id for absence in absences) | self._holders,
            their_group_ids=frozenset(group_id for absence in absences for group_id in absence.group_ids),
            may_review=self._may_review,
        )


def utc_today() -> date:
    """Return the day by which absences count: that of UTC, as in the triggers, which know no other zone."""
    return timezone.now().astimezone(UTC).date()


def _holders_of_keys(application_id: int | None) -> frozenset[int]:
    """Return who may have sent what comes through an application with the token of a member."""
    if application_id is None:
        return frozenset()
    return ClientApplication.objects.get(pk=application_id).secret_holders


def current_substitutions(*member_ids: int) -> QuerySet[Absence]:
    """Return the absences of today in which these members are substitutes, with the absent members."""
    today = utc_today()
    absences = Absence.objects.filter(substitute__in=member_ids, starts_on__lte=today, ends_on__gte=today)
    return absences.select_related("member__user").order_by("pk")
