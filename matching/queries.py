"""Which contacts are like given details, among those that the actor sees."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Func, IntegerField, Q, QuerySet, Value

from accounts.actor import Actor
from contacts.models import CONTACT_SCHEMA, Contact
from contacts.queries.contacts import check_visible
from matching.keys import stored_keys
from matching.models import MatchingKeys, Pair
from matching.reading import Reading
from matching.scoring import Match, Verdict, compared
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema

MOST: Final = 20
# Of very many contacts that share a key, those are compared that share most keys.
MOST_COMPARED: Final = 200
# Changed a moment ago: their keys are not made yet.
MOST_RECENT: Final = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """A contact (id, uid and name are loaded), and how it compares."""

    contact: Contact
    match: Match


class _Shared(Func):
    """How many keys two arrays share."""

    template = "cardinality(ARRAY(SELECT unnest(%(expressions)s)))"
    arg_joiner = ") INTERSECT SELECT unnest("
    output_field = IntegerField()


def candidates(*, actor: Actor, details: Mapping[str, Any], contact_id: int | None = None) -> list[Candidate]:
    """Return the contacts that the actor sees and that are possibly the person of the details, best first.

    Leaves out `contact_id`, whose details they may be, or the contact that answers for it. At most MOST. Raises
    NotFound if the actor cannot see it.
    """
    if contact_id is not None:
        contact_id = check_visible(actor=actor, contact_id=contact_id)
    return alike(actor=actor, details=details, contact_id=contact_id)[:MOST]


def alike(
    *,
    actor: Actor,
    details: Mapping[str, Any],
    contact_id: int | None = None,
    before: Mapping[str, Any] | None = None,
) -> list[Candidate]:
    """Return the contacts that the actor sees and that are possibly the person of the details, best first.

    Leaves out `contact_id`, whose details they are or will be, and contacts of which somebody has said that they are
    another person, unless they are more alike now. With the details of `before`, returns only those that are more alike
    than they were then.
    """
    reading = current_reading()
    person = reading.person(details)
    keys = stored_keys(person)
    former = None if before is None else reading.person(before)
    if not keys or person == former:
        return []
    found = []
    for contact in _to_compare(actor, keys, but=contact_id):
        other = reading.person(contact.details)
        match = compared(person, other)
        if match.verdict is Verdict.UNLIKELY:
            continue
        if former is None or match.score > compared(former, other).score:
            found.append(Candidate(contact, match))
    found = _without_distinct(contact_id, found)
    found.sort(key=lambda candidate: (-candidate.match.score, candidate.contact.pk))
    return found


def _without_distinct(contact_id: int | None, found: list[Candidate]) -> list[Candidate]:
    if contact_id is None or not found:
        return found
    pairs = Pair.objects.of(contact_id, [candidate.contact.pk for candidate in found])
    rows = pairs.filter(distinct_at__isnull=False).values_list("lower_id", "higher_id", "distinct_score")
    most = {lower + higher - contact_id: score or 0.0 for lower, higher, score in rows}
    return [one for one in found if one.contact.pk not in most or one.match.score > most[one.contact.pk]]


def current_reading() -> Reading:
    """Return where the published schema of contacts has the values that are compared."""
    return _reading_of(current_schema(CONTACT_SCHEMA))


def outdated(version: int) -> Q:
    """Return the condition that keys are missing, or were made by other fields or rules."""
    return Q(made_by__isnull=True) | Q(made_by__lt=version) | Q(made_by__gt=version)


@lru_cache(maxsize=8)
def _reading_of(schema: CompiledSchema) -> Reading:
    return Reading.of(schema.fields)


def _to_compare(actor: Actor, keys: Collection[int], *, but: int | None) -> Iterable[Contact]:
    """Return visible contacts that share keys, those with most of them first, and those whose keys are not made yet."""
    visible: QuerySet[MatchingKeys] = Contact.objects.narrowed_to_visible(MatchingKeys.objects.order_by(), actor)
    if but is not None:
        visible = visible.exclude(contact_id=but)
    asked = Value(list(keys), output_field=ArrayField(BigIntegerField()))
    sharing = visible.filter(keys__overlap=asked).order_by(_Shared(F("keys"), asked).desc(), "contact_id")
    recent = visible.filter(made_by__isnull=True).order_by("-contact_id")
    ids = sharing.values("contact_id")[:MOST_COMPARED].union(recent.values("contact_id")[:MOST_RECENT])
    return Contact.objects.filter(pk__in=ids).only("id", "uid", "name", "details").order_by()
