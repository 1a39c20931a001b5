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
from matching.keys import hashed, keys_of
from matching.models import MatchingKeys
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

    Leaves out `contact_id`, whose details they may be. At most MOST. Raises NotFound if the actor cannot see it.
    """
    if contact_id is not None:
        check_visible(actor=actor, contact_id=contact_id)
    reading = current_reading()
    person = reading.person(details)
    keys = sorted(map(hashed, keys_of(person)))
    if not keys:
        return []
    found = []
    for contact in _to_compare(actor, keys, but=contact_id):
        match = compared(person, reading.person(contact.details))
        if match.verdict is not Verdict.UNLIKELY:
            found.append(Candidate(contact, match))
    found.sort(key=lambda candidate: (-candidate.match.score, candidate.contact.pk))
    return found[:MOST]


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
