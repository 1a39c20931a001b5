"""Where nobody could decide: stages that lack people, for what somebody asks. Pure, by the rule of `eligibility`."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product

from changerequests.eligibility import Case, Person, Round, objection


@dataclass(frozen=True, slots=True)
class Gap:
    """Who asks, about whom, and the position of the stage that nobody could decide then.

    `initiator_id` is None for everybody else, and for applications and commands; `about_member_id` for what is about
    nobody, or about anybody else. `application_id` is the application that asks, or that members ask to change.
    `about_group_id` is the group that it is about, None for any other.
    """

    initiator_id: int | None
    about_member_id: int | None
    place: int
    application_id: int | None = None
    about_group_id: int | None = None


def gaps(people: Sequence[Person], rounds: Sequence[Round], *, is_about_members: bool) -> list[Gap]:
    """Return the gaps in stages that a request needs, for those who may decide; only the widest ones.

    If everybody meets a gap, nobody in particular is named, and of somebody who meets one whomever it is about, no
    pairs are.
    """
    found: list[Gap] = []
    rare = _rare(people, rounds)
    everybody: list[int | None] = [None, *rare]
    for initiator_id, about_id in product(everybody, everybody if is_about_members else [None]):
        if any(_contains(gap, initiator_id, about_id) for gap in found):
            continue
        place = _short_stage(people, Case(initiator_id, frozenset(), rounds, about_member_id=about_id))
        if place is not None:
            found.append(Gap(initiator_id, about_id, place))
    return found


def gaps_of_applications(
    people: Sequence[Person],
    rounds: Sequence[Round],
    excluded: Mapping[int, frozenset[int]],
    *,
    by_members: bool,
) -> list[Gap]:
    """Return the gaps in stages of what applications ask for, or of what members ask for them.

    `excluded` has, by application, the members who decide neither. Names no member if everybody meets the gap.
    """
    found: list[Gap] = []
    initiators: list[int | None] = [None]
    if by_members:
        initiators += _rare(people, rounds, max(map(len, excluded.values()), default=0))
    for application_id, initiator_id in product(excluded, initiators):
        if any(gap.application_id == application_id and gap.initiator_id is None for gap in found):
            continue
        place = _short_stage(people, Case(initiator_id, frozenset(), rounds, excluded_ids=excluded[application_id]))
        if place is not None:
            found.append(Gap(initiator_id, None, place, application_id))
    return found


def gaps_about_groups(people: Sequence[Person], rounds: Sequence[Round]) -> list[Gap]:
    """Return the gaps of requests about groups whose users would have to decide, by any initiator."""
    case = Case(None, frozenset(), rounds)
    if _short_stage(people, case) is not None:
        return []
    found = []
    for group_id in sorted({pk for person in people for pk in person.barred_group_ids}):
        place = _short_stage([person for person in people if group_id not in person.barred_group_ids], case)
        if place is not None:
            found.append(Gap(None, None, place, about_group_id=group_id))
    return found


def _contains(gap: Gap, initiator_id: int | None, about_member_id: int | None) -> bool:
    return gap.initiator_id in (None, initiator_id) and gap.about_member_id in (None, about_member_id)


def _rare(people: Sequence[Person], rounds: Sequence[Round], excluded: int = 1) -> list[int]:
    """Return the members for whom, or about whom, a stage could lack people: none where there are plenty.

    `excluded` is the number of members besides the initiator who may not decide.
    """
    represented = Counter(chain.from_iterable({person.member_id, *person.represented} for person in people))
    # An initiator and the members whom it is about exclude themselves and their substitutes.
    plenty = sum(stage.needed for stage in rounds) + (1 + excluded) * max(represented.values(), default=0)
    candidates = [_candidates(people, Case(None, frozenset(), rounds), stage) for stage in rounds]
    scarce = set(chain.from_iterable(found for found in candidates if len(found) < plenty))
    return sorted(
        {pk for person in people if person.member_id in scarce for pk in (person.member_id, *person.represented)}
    )


def _short_stage(people: Sequence[Person], case: Case) -> int | None:
    """Return the first stage that lacks people together with those before it; None if no stage does.

    Each approval needs a person of its own, because nobody decides a revision twice.
    """
    seats = [place for place, stage in enumerate(case.rounds) for _seat in range(stage.needed)]
    candidates = {place: _candidates(people, case, stage) for place, stage in enumerate(case.rounds)}
    holders: dict[int, int] = {}
    for seat, place in enumerate(seats):
        if not _is_filled(seat, seats, candidates, holders, set()):
            return place
    return None


def _candidates(people: Sequence[Person], case: Case, stage: Round) -> list[int]:
    alone = replace(case, rounds=[stage])
    return [person.member_id for person in people if objection(person, alone) is None]


def _is_filled(
    seat: int,
    seats: Sequence[int],
    candidates: Mapping[int, Collection[int]],
    holders: dict[int, int],
    asked: set[int],
) -> bool:
    """Find somebody for a seat, moving others to other seats if needed (an augmenting path of the bipartite graph)."""
    for member_id in candidates[seats[seat]]:
        if member_id not in asked:
            asked.add(member_id)
            if member_id not in holders or _is_filled(holders[member_id], seats, candidates, holders, asked):
                holders[member_id] = seat
                return True
    return False
