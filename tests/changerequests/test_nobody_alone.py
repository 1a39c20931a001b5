"""Nobody alone: whatever people do, nothing is approved that a reference model of the rules would not approve."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.actor import member_actor
from changerequests.digests import digest_of
from changerequests.models import OPEN, Status, Verdict
from changerequests.queries.revisions import proposals_of
from changerequests.services.deciding import Parts, decide
from changerequests.services.withdrawing import amend_change_request, cancel_change_request
from contacts.services.changes import patch_details
from core.documents import value_at
from core.errors import ApiError
from tests.changerequests.policies import absent, policy, rule, set_policy, stage
from tests.examples import examples

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# Number 0 asks; the last one sees the contact only as the substitute of somebody.
PEOPLE, INITIATOR, BLIND, GROUPS, STAGES = 5, 0, 4, 3, 3
# Who does not see the request gets a 404 and who has seen another revision a 412, which have no sub-code.
REFUSALS = {
    *("OwnChangeRequest", "AlreadyDecided", "NotAReviewer", "NotInitiator", "ChangeRequestNotPending", "NothingKept"),
    "NA",
}
counter = count(1)
PATHS = ["personalInformation.firstName", "personalInformation.lastName", "relationship.notes", "occupation.employer"]
SECTIONS = ["personalInformation", "relationship"]
# Those that require approval by the schema.
FLAGGED = set(PATHS[:2])
# What a decision says that it has seen: the revision that it is about, the first one, or nothing.
NOW, FIRST, NOTHING = "now", "first", "nothing"

numbers = st.integers(0, PEOPLE - 1)
# Mostly people who could decide: a run of refusals shows little.
deciders = st.sampled_from([1, 2, 3, 1, 2, 3, BLIND, INITIATOR])
subsets = st.sets(st.sampled_from(PATHS), min_size=1)
stages = st.lists(
    st.tuples(st.sampled_from([None, None, *range(GROUPS)]), st.integers(1, 2)), min_size=STAGES, max_size=STAGES
)
rules = st.lists(
    st.tuples(
        st.none() | st.lists(st.sampled_from([*PATHS, *SECTIONS]), min_size=1, max_size=2, unique=True),
        st.lists(st.integers(0, STAGES - 1), max_size=2, unique=True),
        st.booleans(),
    ),
    max_size=4,
)
# What no other rule names waits as well, or many runs would end before anybody could decide.
needed = st.lists(st.integers(0, STAGES - 1), min_size=1, max_size=2, unique=True)
rules = st.builds(lambda named, last: [*named, (None, last, False)], rules, needed)
memberships = st.lists(st.sets(st.integers(0, GROUPS - 1)), min_size=PEOPLE, max_size=PEOPLE)
# Who, for whom, and days from today.
absences = st.lists(st.tuples(numbers, numbers, st.integers(-2, 1), st.integers(0, 2)), max_size=2)
seen = st.sampled_from([NOW, NOW, NOW, FIRST, NOTHING])
steps = st.lists(
    st.one_of(
        *[st.tuples(st.just("approve"), deciders, st.just(NOW))] * 4,
        st.tuples(st.just("approve"), deciders, seen),
        st.tuples(st.just("reject"), deciders, seen),
        st.tuples(st.just("cancel"), deciders),
        st.tuples(st.just("strike"), deciders, subsets),
        st.tuples(st.just("amend"), subsets),
        st.tuples(st.just("return"), deciders),
        st.tuples(st.just("absence"), numbers, numbers),
        st.tuples(st.just("policy"), rules, st.booleans()),
    ),
    min_size=3,
    max_size=14,
)


def is_below(path: str, paths: list[str]) -> bool:
    return any(f"{path}.".startswith(f"{one}.") for one in paths)


@dataclass
class Model:
    """Who may approve what, said once more and as plainly as possible. People, groups and stages are numbers."""

    stages: list[tuple[int | None, int]]
    rules: list[tuple[list[str] | None, list[int], bool]]
    groups: list[set[int]]
    is_digest_required: bool = False
    revision: int = 0
    paths: set[str] = field(default_factory=set)
    needed: list[int] = field(default_factory=list)
    # Of each person: those whose substitute it is, in the order of the absences.
    stands_in: dict[int, list[int]] = field(default_factory=dict)
    # Stage and people of each approval of this revision.
    approvals: list[tuple[int, set[int]]] = field(default_factory=list)
    # Those who returned this revision.
    returned_by: set[int] = field(default_factory=set)
    status: Status = Status.PENDING

    def revise(self, paths: set[str]) -> None:
        """Each path needs the stages of its first rule, the request those of all; nobody has approved it yet."""
        found: set[int] = set()
        for path in paths:
            concerned = (rule for rule in self.rules if path in FLAGGED or not rule[2])
            first = (named for own, named, _flagged in concerned if own is None or is_below(path, own))
            found |= set(next(first, []))
        self.paths, self.needed = set(paths), sorted(found) or self.needed
        self.approvals, self.returned_by, self.status = [], set(), Status.PENDING
        self.revision += 1

    @property
    def current(self) -> int | None:
        """The first stage that misses approvals."""
        counted = [stage for stage, _people in self.approvals]
        return next((stage for stage in self.needed if counted.count(stage) < self.stages[stage][1]), None)

    def sight(self, who: int) -> int | None:
        """Whose sight somebody uses: its own, or that of the first person whose substitute it is and who has some."""
        return next((one for one in [who, *self.stands_in.get(who, [])] if one != BLIND), None)

    def is_in_stage(self, who: int, stage: int | None) -> bool:
        group = None if stage is None else self.stages[stage][0]
        return group is None or group in self.groups[who]

    def is_free(self, who: int) -> bool:
        """It sees the request, and neither it nor anybody whom it represents asked for or decided this revision."""
        people = {who, *self.stands_in.get(who, [])}
        decided = self.returned_by.union(*(said for _stage, said in self.approvals))
        return self.sight(who) is not None and not people & {INITIATOR, *decided}

    def may_decide(self, who: int) -> bool:
        return self.status is Status.PENDING and self.is_free(who) and self.is_in_stage(who, self.current)

    def may_reject(self, who: int) -> bool:
        """What is back with its initiator can be rejected in any of its stages."""
        if self.status is Status.RETURNED:
            return self.is_free(who) and any(self.is_in_stage(who, stage) for stage in self.needed)
        return self.may_decide(who)

    def has_seen(self, seen: str) -> bool:
        """Whether this is enough to have seen: the present revision, or nothing where no digest is asked for."""
        if seen == NOTHING:
            return self.revision == 1 and not self.is_digest_required
        return seen == NOW or self.revision == 1

    def people_of(self, who: int) -> set[int]:
        """Those who have decided once this person has: itself and the one whose sight it used."""
        sight = self.sight(who)
        return {who} if sight is None else {who, sight}

    def approve(self, who: int) -> None:
        assert self.current is not None
        self.approvals.append((self.current, self.people_of(who)))
        if self.current is None:
            self.status = Status.APPROVED


class Run:
    """Drives the services and the model side by side, and compares them after each step."""

    def __init__(self, people: list[Any], groups: list[Any], contact: Any, model: Model) -> None:
        self.people, self.groups, self.contact, self.model = people, groups, contact, model
        self.values: dict[str, str] = {}
        self.request: Any = None

    def prepare(self, absences: list[tuple[int, int, int, int]]) -> None:
        self.set_rules()
        for member, own in zip(self.people, self.model.groups, strict=True):
            member.user.groups.set([self.groups[number] for number in own])
        for who, absentee, begins, days in absences:
            if who != absentee:
                absent(self.people[absentee], self.people[who], begins=begins, ends=begins + days)
                if begins <= 0 <= begins + days:
                    self.model.stands_in.setdefault(who, []).append(absentee)

    def set_rules(self) -> None:
        set_policy(
            policy(
                [
                    stage(f"{number}", group=None if group is None else self.groups[group], approvals=approvals)
                    for number, (group, approvals) in enumerate(self.model.stages)
                ],
                [
                    rule(*map(str, named), paths=paths, flaggedOnly=is_flagged_only)
                    for paths, named, is_flagged_only in self.model.rules
                ],
                is_digest_required=self.model.is_digest_required,
            )
        )

    def document(self, paths: set[str]) -> dict[str, Any]:
        """Return a patch of the paths with values that were never asked for."""
        patch: dict[str, Any] = {}
        for path in sorted(paths):
            section, _dot, key = path.partition(".")
            self.values[path] = f"V{next(counter)}"
            patch.setdefault(section, {})[key] = self.values[path]
        return patch

    def stored(self) -> dict[str, Any]:
        self.contact.refresh_from_db()
        return {path: value_at(self.contact.details, path) for path in PATHS}

    def ask(self, paths: set[str]) -> bool:
        """Submit a change; return whether it waits."""
        self.model.revise(paths)
        made = patch_details(
            actor=member_actor(self.people[INITIATOR]), contact_id=self.contact.pk, patch=self.document(paths)
        )
        self.request = made.change_request
        assert (self.request is not None) == bool(self.model.needed)
        self.before = self.stored()
        if self.request is not None:
            self.first_digest = self.digest()
        return self.request is not None

    def digest(self) -> str:
        return digest_of(self.request, proposals_of(self.request))

    def decide(self, who: int, verdict: Verdict, paths: set[str] | None = None, *, seen: str = NOW) -> bool:
        """Decide as a person who has seen this; return whether it was taken."""
        self.request.refresh_from_db()
        digests = {NOW: self.digest(), FIRST: self.first_digest, NOTHING: None}
        return is_taken(
            lambda: decide(
                actor=member_actor(self.people[who]),
                change_request_id=self.request.pk,
                verdict=verdict,
                digest=digests[seen],
                parts=None if paths is None else Parts(paths=paths),
            )
        )

    def do_approve(self, who: int, seen: str) -> None:
        allowed = self.model.may_decide(who) and self.model.has_seen(seen)
        assert self.decide(who, Verdict.APPROVE, seen=seen) == allowed
        if allowed:
            self.model.approve(who)

    def do_reject(self, who: int, seen: str) -> None:
        allowed = self.model.may_reject(who) and self.model.has_seen(seen)
        assert self.decide(who, Verdict.REJECT, seen=seen) == allowed
        if allowed:
            self.model.status = Status.REJECTED

    def do_cancel(self, who: int) -> None:
        allowed = who == INITIATOR and self.model.status in OPEN
        actor = member_actor(self.people[who])
        assert is_taken(lambda: cancel_change_request(actor=actor, change_request_id=self.request.pk)) == allowed
        if allowed:
            self.model.status = Status.CANCELLED

    def do_strike(self, who: int, paths: set[str]) -> None:
        kept, allowed = paths & self.model.paths, self.model.may_decide(who)
        struck = deepcopy(self.model)
        if kept and kept != self.model.paths:
            struck.revise(kept)
        allowed = allowed and bool(kept)
        assert self.decide(who, Verdict.APPROVE, kept) == allowed
        if allowed:
            self.model = struck
            if struck.is_in_stage(who, struck.current):
                self.model.approve(who)

    def do_return(self, who: int) -> None:
        allowed = self.model.may_decide(who)
        assert self.decide(who, Verdict.RETURN) == allowed
        if allowed:
            self.model.status = Status.RETURNED
            self.model.returned_by = self.model.people_of(who)

    def do_amend(self, paths: set[str]) -> None:
        allowed, values = self.model.status in OPEN, dict(self.values)
        actor, document = member_actor(self.people[INITIATOR]), self.document(paths)
        pk = self.request.pk
        assert is_taken(lambda: amend_change_request(actor=actor, change_request_id=pk, document=document)) == allowed
        if allowed:
            self.model.revise(paths)
        else:
            self.values = values

    def do_absence(self, who: int, absentee: int) -> None:
        if who != absentee:
            absent(self.people[absentee], self.people[who])
            self.model.stands_in.setdefault(who, []).append(absentee)

    def do_policy(self, rules: Any, is_digest_required: bool) -> None:
        self.model.rules, self.model.is_digest_required = rules, is_digest_required
        self.set_rules()

    def check(self) -> None:
        """Compare what is stored with the model. What is closed stays so, whatever comes after it."""
        self.request.refresh_from_db()
        assert self.request.status == self.model.status
        is_approved = self.model.status is Status.APPROVED
        changed = {path: self.values[path] for path in self.model.paths} if is_approved else {}
        assert self.stored() == {**self.before, **changed}


def is_taken(act: Callable[[], object]) -> bool:
    """Return whether a service does it; False if it is refused by one of the rules that the model knows."""
    try:
        act()
    except ApiError as refusal:
        if refusal.sub_code not in REFUSALS:
            raise
        return False
    return True


@pytest.fixture
def people(make_member: Any) -> list[Any]:
    return [make_member(reviews=True, sees_all_contacts=number != BLIND) for number in range(PEOPLE)]


def plain(
    *, needed: list[int], steps: Any, asked: str = PATHS[0], absences: Any = (), is_digest_required: bool = False
) -> Any:
    """Return an example for a mistake that chance may not meet.

    Stage 0 takes two approvals, stage 1 one, and stage 2 one of a group that only person 1 is in.
    """
    return example(
        stages=[(None, 2), (None, 1), (0, 1)],
        rules=[([PATHS[2]], [1], True), ([PATHS[0]], needed, False), (None, [0, 1], False)],
        is_digest_required=is_digest_required,
        memberships=[set(), {0}, set(), set(), set()],
        absences=list(absences),
        asked={asked},
        steps=steps,
    )


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stages=stages,
    rules=rules,
    is_digest_required=st.booleans(),
    memberships=memberships,
    absences=absences,
    asked=subsets,
    steps=steps,
)
@plain(needed=[0], steps=[("approve", INITIATOR, NOW)])
@plain(needed=[0], steps=[("approve", 1, NOW), ("approve", 1, NOW), ("approve", 2, NOW)])
@plain(needed=[1, 2], steps=[("approve", 1, NOW), ("approve", 2, NOW)])
@plain(needed=[0], steps=[("approve", 1, NOW), ("amend", {PATHS[0]}), ("approve", 2, NOW), ("approve", 1, NOW)])
@plain(needed=[0], steps=[("return", 1), ("approve", 2, NOW), ("reject", 1, NOW), ("reject", 2, NOW)])
@plain(needed=[1], absences=[(1, INITIATOR, 0, 0)], steps=[("approve", 1, NOW), ("reject", 1, NOW)])
@plain(needed=[1], steps=[("amend", {PATHS[0]}), ("approve", 1, FIRST), ("approve", 1, NOTHING), ("approve", 1, NOW)])
@plain(needed=[1], is_digest_required=True, steps=[("approve", 1, NOTHING), ("reject", 1, NOTHING)])
@plain(needed=[2], asked=PATHS[2], steps=[("approve", 1, NOW), ("approve", 2, NOW), ("approve", 3, NOW)])
@plain(needed=[2], steps=[("reject", 2, NOW), ("cancel", 1), ("reject", 1, NOW), ("amend", {PATHS[0]})])
def test_nothing_is_approved_that_the_rules_would_not_approve(
    people: list[Any],
    make_contact: Any,
    stages: Any,
    rules: Any,
    is_digest_required: bool,
    memberships: Any,
    absences: Any,
    asked: set[str],
    steps: Any,
) -> None:
    with transaction.atomic():
        groups = [Group.objects.create(name=f"Group {number}") for number in range(GROUPS)]
        run = Run(people, groups, make_contact(), Model(stages, rules, memberships, is_digest_required))
        run.prepare(absences)
        if run.ask(asked):
            for operation, *values in steps:
                getattr(run, f"do_{operation}")(*values)
                run.check()
        transaction.set_rollback(True)
