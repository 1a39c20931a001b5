"""Which of many records, such as the entries of an import, are probably the same person as a contact or each other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from accounts.actor import Actor
from contacts.models import Contact
from matching.blocks import MOST_IN_BLOCK, is_worth_it, sharing
from matching.keys import stored_keys
from matching.models import Pair
from matching.people import Person
from matching.queries import current_reading
from matching.scoring import Verdict, compared


@dataclass(frozen=True, slots=True)
class Record:
    """Details as they will be, of a contact unless it is new; `before` are those that it has."""

    details: Mapping[str, Any]
    contact_id: int | None = None
    before: Mapping[str, Any] | None = None


@dataclass(slots=True)
class SamePerson:
    """Who is probably the same person as a record, best first: contacts that the actor sees, and earlier records."""

    contacts: list[int] = field(default_factory=list)
    records: list[int] = field(default_factory=list)


def same_people(*, actor: Actor, records: Mapping[int, Record]) -> dict[int, SamePerson]:
    """Return the records, by their keys in order, that are probably somebody who is there already.

    A changed contact is compared only if what is compared changes, and only others that are more alike then count.
    Runs three statements at most, however many records there are. Contacts whose keys are not made yet are not found.
    """
    reading = current_reading()
    people = {place: reading.person(record.details) for place, record in records.items()}
    former = {place: reading.person(one.before) for place, one in records.items() if one.before is not None}
    people = {place: person for place, person in people.items() if person != former.get(place)}
    keys = {place: stored_keys(person) for place, person in people.items()}
    found: dict[int, list[tuple[float, int]]] = defaultdict(list)
    shared = sharing(keys)
    wanted = {pk for ids in shared.values() for pk in ids}
    rows = Contact.objects.visible_to(actor).filter(pk__in=wanted, anonymized_at=None) if wanted else ()
    others = {row.pk: reading.person(row.details) for row in rows}
    distinct = _distinct(record.contact_id for record in records.values())
    for place, ids in shared.items():
        own = records[place].contact_id
        for pk in ids:
            if pk == own or pk not in others:
                continue
            score = _score(people[place], others[pk], former.get(place))
            if score is not None and score > distinct.get((own, pk), 0.0):
                found[place].append((-score, pk))
    same = {place: SamePerson(contacts=[pk for _score, pk in sorted(scored)]) for place, scored in found.items()}
    for place, earlier in _within(keys):
        if _score(people[place], people[earlier], None) is not None:
            same.setdefault(place, SamePerson()).records.append(earlier)
    return same


def _score(one: Person, other: Person, former: Person | None) -> float | None:
    """Return the score of a probable pair; None of another, and of one that was as much alike before."""
    match = compared(one, other)
    if match.verdict is not Verdict.PROBABLE:
        return None
    return None if former is not None and compared(former, other).score >= match.score else match.score


def _distinct(ids: Iterable[int | None]) -> dict[tuple[int | None, int], float]:
    """Return how alike contacts and others were that somebody has distinguished."""
    known = [pk for pk in ids if pk is not None]
    if not known:
        return {}
    pairs = Pair.objects.filter(Q(lower_id__in=known) | Q(higher_id__in=known), distinct_at__isnull=False)
    found: dict[tuple[int | None, int], float] = {}
    for lower, higher, score in pairs.values_list("lower_id", "higher_id", "distinct_score"):
        found[lower, higher] = found[higher, lower] = score or 0.0
    return found


def _within(keys: Mapping[int, Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of records that are worth comparing, each with the earlier one second."""
    blocks: dict[int, list[int]] = defaultdict(list)
    for place, own in keys.items():
        shared: dict[int, list[int]] = defaultdict(list)
        for key in own:
            for earlier in blocks[key][:MOST_IN_BLOCK]:
                shared[earlier].append(key)
            blocks[key].append(place)
        yield from ((place, earlier) for earlier, common in sorted(shared.items()) if is_worth_it(common))
