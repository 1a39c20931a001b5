"""Policies as data: which changes of a kind wait, and for whom. Pure: nothing here reads or writes.

A policy document maps the key of each kind to its policy:

    {"contact-details": {
        "stages": [{"name": "Review", "group": null, "approvals": 1, "hours": null}],
        "rules": [{"stages": ["Review"], "paths": null, "flaggedOnly": true, "contactTypes": null,
                   "participants": null, "initiatorGroups": null, "applications": null}],
        "isDigestRequired": false}}

A stage without a group is open to everybody with the review permission. It may have `isEvidenceRequired`, and with
hours `escalatesTo`, another group. A rule
matches a path if all its conditions do; a condition that is null always does. Each path takes its first matching rule,
and a request needs the stages of all its paths, in the order in which the policy lists them. Rules of kinds that count
rows may have `minRows`, from which number on they match.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Ids = frozenset[int]


@dataclass(frozen=True, slots=True)
class Stage:
    """One round of approval: who decides, how many must approve, and how soon.

    `group_id` is a group of users; None means everybody with the review permission. `hours` is the time until the stage
    is due; after it, the members of the group `escalates_to_id` decide, too. Where evidence is required, nobody
    approves before a file is attached to the request.
    """

    name: str
    group_id: int | None = None
    approvals: int = 1
    hours: int | None = None
    is_evidence_required: bool = False
    escalates_to_id: int | None = None


@dataclass(frozen=True, slots=True)
class Initiator:
    """Who submits: a member with its user's groups, or an application."""

    group_ids: Ids = frozenset()
    application_id: int | None = None


ANYBODY = Initiator()


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules can depend on besides paths: the subject's type and participants, who submits, and the number of rows.

    `rows` is None where they were not counted: then every number is reached. `has_login`: the subject is a client who
    logs in, so that some paths wait whatever the rules say.
    """

    contact_type: str | None = None
    participant_ids: Ids = frozenset()
    initiator: Initiator = ANYBODY
    rows: int | None = None
    has_login: bool = False


NO_FACTS = Facts()
# The name of the stage that policies ship with.
REVIEW = "Review"


@dataclass(frozen=True, slots=True)
class Rule:
    """Paths and conditions -> stages. Without `application_ids` a rule is about members only."""

    stages: tuple[Stage, ...]
    paths: tuple[str, ...] | None = None
    is_flagged_only: bool = False
    contact_types: frozenset[str] | None = None
    participant_ids: Ids | None = None
    initiator_group_ids: Ids | None = None
    application_ids: Ids | None = None
    min_rows: int | None = None

    def concerns(self, facts: Facts) -> bool:
        """Return whether the rule's conditions hold, whatever the path."""
        if self.application_ids is None:
            is_initiator = facts.initiator.application_id is None
        else:
            is_initiator = facts.initiator.application_id in self.application_ids
        return (
            is_initiator
            and self.is_about_type(facts.contact_type)
            and (self.participant_ids is None or not self.participant_ids.isdisjoint(facts.participant_ids))
            and (self.initiator_group_ids is None or not self.initiator_group_ids.isdisjoint(facts.initiator.group_ids))
            and (self.min_rows is None or facts.rows is None or facts.rows >= self.min_rows)
        )

    def is_about_type(self, contact_type: str | None) -> bool:
        return self.contact_types is None or contact_type in self.contact_types

    def matches(self, path: str, *, is_flagged: bool) -> bool:
        """Return whether the rule is about a changed path: one of its own, one below it, or one that contains it."""
        if self.is_flagged_only and not is_flagged:
            return False
        return self.paths is None or any(_overlap(own, path) for own in self.paths)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a submission must wait for: the stages, and the paths that require them. Falsy if it need not wait.

    `policy_version` is the version of the policies that says so.
    """

    stages: tuple[Stage, ...] = ()
    paths: frozenset[str] = frozenset()
    policy_version: int = 0

    def __bool__(self) -> bool:
        return bool(self.stages)


NOTHING_REQUIRED = Requirement()


@dataclass(frozen=True, slots=True)
class KindPolicy:
    """The policy of one kind, in the version of the policies that it comes from; 0 are the shipped ones."""

    version: int
    stages: tuple[Stage, ...] = ()
    rules: tuple[Rule, ...] = ()
    is_digest_required: bool = False

    @property
    def needs_subject_facts(self) -> bool:
        """Return whether a rule depends on the subject's type or participants, which have to be read then."""
        return any(rule.contact_types is not None or rule.participant_ids is not None for rule in self.rules)

    @property
    def needs_initiator_groups(self) -> bool:
        return any(rule.initiator_group_ids is not None for rule in self.rules)

    @property
    def most_rows(self) -> int:
        """The number of rows up to which they have to be counted to know which rules match."""
        return max((rule.min_rows or 0 for rule in self.rules), default=0)

    def concerns_application(self, application_id: int) -> bool:
        return any(application_id in (rule.application_ids or ()) for rule in self.rules)

    def requirement(
        self, paths: Iterable[str], *, flagged: Collection[str], facts: Facts, always: Collection[str] = ()
    ) -> Requirement:
        """Return the stages of all paths: each path takes its first matching rule, and none if no rule matches.

        Those in `always` count as flagged; where the rules have no stage for them, they take the first of the policy.
        """
        rules = [rule for rule in self.rules if rule.concerns(facts)]
        first = self.stages[:1] or (Stage(REVIEW),)
        needed: set[Stage] = set()
        waiting: set[str] = set()
        for path in paths:
            is_flagged = path in flagged or path in always
            rule = next((rule for rule in rules if rule.matches(path, is_flagged=is_flagged)), None)
            stages = () if rule is None else rule.stages
            if path in always:
                stages = stages or first
            if stages:
                needed.update(stages)
                waiting.add(path)
        return Requirement(self.in_order(needed), frozenset(waiting), self.version)

    def in_order(self, stages: Collection[Stage]) -> tuple[Stage, ...]:
        """Return stages in the order of the policy; those that it does not have come last."""
        known = tuple(stage for stage in self.stages if stage in stages)
        return (*known, *sorted(set(stages).difference(known), key=lambda stage: stage.name))


def kind_policy(document: Mapping[str, Any], *, version: int) -> KindPolicy:
    """Return the policy of a valid document (`changerequests.policy_documents` checks it)."""
    stages = {found["name"]: _stage(found) for found in document["stages"]}
    return KindPolicy(
        version=version,
        stages=tuple(stages.values()),
        rules=tuple(_rule(found, stages) for found in document["rules"]),
        is_digest_required=document["isDigestRequired"],
    )


def _stage(found: Mapping[str, Any]) -> Stage:
    return Stage(
        name=found["name"],
        group_id=found["group"],
        approvals=found["approvals"],
        hours=found["hours"],
        is_evidence_required=found.get("isEvidenceRequired", False),
        escalates_to_id=found.get("escalatesTo"),
    )


def _rule(found: Mapping[str, Any], stages: Mapping[str, Stage]) -> Rule:
    def ids(name: str) -> frozenset[Any] | None:
        return None if found[name] is None else frozenset(found[name])

    return Rule(
        stages=tuple(stages[name] for name in found["stages"]),
        paths=None if found["paths"] is None else tuple(found["paths"]),
        is_flagged_only=found["flaggedOnly"],
        contact_types=ids("contactTypes"),
        participant_ids=ids("participants"),
        initiator_group_ids=ids("initiatorGroups"),
        application_ids=ids("applications"),
        min_rows=found.get("minRows"),
    )


def policy_document(
    *,
    waits: bool,
    is_flagged_only: bool = False,
    is_digest_required: bool = False,
    hours: int | None = None,
    min_rows: int | None = None,
) -> dict[str, Any]:
    """Return a policy with one stage for everybody with the review permission, for all changes or for none."""
    rule: dict[str, Any] = {
        "stages": [REVIEW],
        "paths": None,
        "flaggedOnly": is_flagged_only,
        "contactTypes": None,
        "participants": None,
        "initiatorGroups": None,
        "applications": None,
        **({} if min_rows is None else {"minRows": min_rows}),
    }
    stage = {"name": REVIEW, "group": None, "approvals": 1, "hours": hours}
    return {
        "stages": [stage] if waits else [],
        "rules": [rule] if waits else [],
        "isDigestRequired": is_digest_required,
    }


def profiles(
    *, waits: bool, is_flagged_only: bool = False, hours: int | None = None, min_rows: int | None = None
) -> Mapping[str, dict[str, Any]]:
    """Return a kind's policy in both profiles: `standard`, and `strict`, in which every change waits."""
    return {
        "standard": policy_document(waits=waits, is_flagged_only=is_flagged_only, hours=hours, min_rows=min_rows),
        "strict": policy_document(waits=True, is_digest_required=True, hours=hours),
    }


def group_ids(documents: Iterable[Mapping[str, Any]]) -> set[int]:
    """Return the ids of the groups that policies of kinds name, as reviewers or as initiators."""
    documents = list(documents)
    stages = [stage for document in documents for stage in document["stages"]]
    reviewers = {stage["group"] for stage in stages} | {stage.get("escalatesTo") for stage in stages}
    return (reviewers - {None}) | initiator_group_ids(documents)


def initiator_group_ids(documents: Iterable[Mapping[str, Any]]) -> set[int]:
    """Return the ids of the groups whose members have rules of their own in these policies."""
    return {group for document in documents for rule in document["rules"] for group in rule["initiatorGroups"] or ()}


def stages_between_types(policies: Iterable[KindPolicy], before: str, after: str) -> set[Stage]:
    """Return who has to approve that a contact gets another type: nobody chooses the rules that bind it alone.

    These are the stages of all rules about contacts of either type, of those policies whose rules differ for the two.
    """
    needed: set[Stage] = set()
    for policy in policies:
        binding = [[rule for rule in policy.rules if rule.is_about_type(key)] for key in (before, after)]
        if binding[0] != binding[1]:
            needed.update(stage for rules in binding for rule in rules for stage in rule.stages)
    return needed
