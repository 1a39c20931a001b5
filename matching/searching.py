"""The job that finds the pairs of contacts that are possibly one person, slice by slice: a lost worker loses one.

A slice's pairs are found by SQL, read and compared without a transaction, and written in one with the job's progress.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit.models import Entry
from contacts.models import CONTACT_DETAILS, Contact
from core.errors import ApiError, UnprocessableEntity
from core.jobs import MAX_ATTEMPTS, UNFINISHED, JobLease, JobLeaseLostError
from matching.blocks import crowded_keys, pairs_of_slice, sharing
from matching.models import DuplicateSearch, MatchingKeys, Pair, SearchStatus
from matching.people import Person
from matching.queries import current_reading
from matching.reading import Reading
from matching.scoring import Verdict, compared
from matching.services import make_keys

log = structlog.get_logger("kontor.matching")

# Contacts whose pairs are found by one pass over all keys, and of those that changed, by one search per key.
SLICE: Final = 20_000
SLICE_OF_CHANGED: Final = 500
# Read at once: their details take memory.
READ: Final = 1_000
KEPT: Final = 5_000
# If more have changed, comparing all takes less time.
MOST_CHANGED: Final = 50_000
# An entry is recorded some time before its transaction commits.
LATE: Final = timedelta(minutes=10)

Ids = tuple[int, int]
Scores = dict[Ids, float]

_WRITE: Final = """
    INSERT INTO matching_pair (lower_id, higher_id, score, is_open, found_at, compared_at, reason)
    SELECT lower_id, higher_id, score, true, now(), now(), ''
      FROM unnest(%s::integer[], %s::integer[], %s::float8[]) AS found (lower_id, higher_id, score)
     ORDER BY lower_id, higher_id
        ON CONFLICT (lower_id, higher_id) DO UPDATE
       SET score = EXCLUDED.score,
           compared_at = EXCLUDED.compared_at,
           is_open = matching_pair.distinct_at IS NULL OR EXCLUDED.score > matching_pair.distinct_score
    RETURNING found_at = compared_at
"""


@dataclass(frozen=True, slots=True)
class Slice:
    """Contacts with ids up to `until`, how many they are, and the pairs that are worth comparing."""

    until: int
    size: int
    pairs: Collection[Ids]


def start_search(*, actor: Actor) -> DuplicateSearch:
    """Return a search of all contacts, which the caller has to run. Raises UnprocessableEntity `AlreadySearching`."""
    try:
        with transaction.atomic():
            return _created(started_by_id=actor.member_id)
    except IntegrityError as error:
        raise UnprocessableEntity(
            _("A search for duplicates is running already."), sub_code="AlreadySearching"
        ) from error


def start_due_search() -> DuplicateSearch | None:
    """Have the contacts compared that changed since the latest search, if it is time for that and there are some.

    The first search compares all contacts.
    """
    if not settings.DUPLICATE_SEARCH_HOURS or DuplicateSearch.objects.filter(status__in=UNFINISHED).exists():
        return None
    due = timezone.now() - timedelta(hours=settings.DUPLICATE_SEARCH_HOURS)
    if DuplicateSearch.objects.filter(created_at__gt=due).exists():
        return None
    latest = DuplicateSearch.objects.filter(status=SearchStatus.COMPLETED).first()
    since = None if latest is None else latest.created_at - LATE
    if since is not None:
        changed = _changed(since).count()
        if not changed:
            return None
        since = None if changed > MOST_CHANGED else since
    try:
        with transaction.atomic():
            return _created(since=since)
    except IntegrityError:
        return None


def _created(**columns: Any) -> DuplicateSearch:
    return DuplicateSearch.objects.create(language=get_language() or settings.LANGUAGE_CODE, **columns)


def run_search(search_id: UUID | str, *, report: Callable[[DuplicateSearch], object] = lambda _search: None) -> None:
    """Run a search that is pending or whose worker was lost; otherwise do nothing.

    `report` is called with the row after each slice. A failed search does not raise: the row records the error.
    """
    lease = JobLease.claim(DuplicateSearch.objects.all(), search_id)
    if lease is None:
        return
    with translation.override(lease.job.language):
        try:
            if lease.is_exhausted:
                raise ApiError(_("The search was started %(times)s times without an end.") % {"times": MAX_ATTEMPTS})
            _search(lease, report)
        except JobLeaseLostError:
            log.warning("search_for_duplicates_lost", search=str(search_id))
        except Exception as error:
            if isinstance(error, DatabaseError):
                connection.close_if_unusable_or_obsolete()
            if not isinstance(error, ApiError):
                log.exception("search_for_duplicates_failed", search=str(search_id), exc_info=error)
            lease.fail(error_message=str(error) if isinstance(error, ApiError) else str(ApiError.default_message))


def _search(lease: JobLease[DuplicateSearch], report: Callable[[DuplicateSearch], object]) -> None:
    """Raises JobLeaseLostError."""
    search = lease.job
    make_keys(after_batch=lease.write)
    if search.total is None:
        search.total = (Contact.objects if search.since is None else _changed(search.since)).count()
        search.crowded = crowded_keys() if search.since is None else []
        lease.write(total=search.total, crowded=search.crowded)
    comparing = _Comparing(current_reading(), lease)
    for found in _slices(search):
        scores = comparing.scores(found.pairs)
        with transaction.atomic():
            # Locks the job first, so that a worker that counts as lost writes no pairs.
            search.last_id, search.processed = found.until, search.processed + found.size
            lease.write(last_id=search.last_id, processed=search.processed)
            search.found += _written(found.pairs, scores)
            lease.write(found=search.found)
        report(search)
    if search.since is None:
        _compare_stale(comparing, search)
    lease.write(status=SearchStatus.COMPLETED, finished_at=timezone.now(), total=search.processed, crowded=[])


def _slices(search: DuplicateSearch) -> Iterator[Slice]:
    if search.since is None:
        while ids := _following(Contact.objects.all(), "pk", search.last_id, SLICE):
            yield Slice(ids[-1], len(ids), pairs_of_slice(after=search.last_id, until=ids[-1], crowded=search.crowded))
    else:
        while ids := _following(_changed(search.since), "subject_id", search.last_id, SLICE_OF_CHANGED):
            yield Slice(ids[-1], len(ids), _pairs_of(ids))


def _following(rows: QuerySet[Any, Any], column: str, after: int, most: int) -> list[int]:
    return list(rows.filter(**{f"{column}__gt": after}).order_by(column).values_list(column, flat=True)[:most])


def _changed(since: Any) -> QuerySet[Any, Any]:
    """Return the ids of contacts whose details have changed, once each."""
    entries = Entry.objects.filter(kind=CONTACT_DETAILS, recorded_at__gte=since)
    return entries.order_by().values("subject_id").distinct()


def _pairs_of(ids: Sequence[int]) -> set[Ids]:
    """Return the pairs of these contacts that are worth comparing, or that have been found before."""
    keys = dict(MatchingKeys.objects.filter(contact_id__in=ids).values_list("contact_id", "keys"))
    pairs = {_in_order(pk, other) for pk, others in sharing(keys).items() for other in others if other != pk}
    known = Pair.objects.filter(Q(lower_id__in=ids) | Q(higher_id__in=ids))
    return pairs | set(known.values_list("lower_id", "higher_id"))


def _in_order(one: int, other: int) -> Ids:
    return (one, other) if one < other else (other, one)


class _Comparing:
    """Reads and compares contacts, and shows that the worker lives."""

    def __init__(self, reading: Reading, lease: JobLease[DuplicateSearch]) -> None:
        self._reading = reading
        self._lease = lease

    def scores(self, pairs: Iterable[Ids]) -> Scores:
        """Return how likely it is that pairs are one person, of those of which it is possible."""
        ordered = sorted(pairs)
        people: dict[int, Person] = {}
        scores: Scores = {}
        for start in range(0, len(ordered), READ):
            part = ordered[start : start + READ]
            wanted = {pk for pair in part for pk in pair}
            if len(people) > KEPT:
                people = {pk: person for pk, person in people.items() if pk in wanted}
            people |= self._read(wanted - people.keys())
            for pair in part:
                one, other = people.get(pair[0]), people.get(pair[1])
                if one is None or other is None:
                    continue
                match = compared(one, other)
                if match.verdict is not Verdict.UNLIKELY:
                    scores[pair] = match.score
            self._lease.write()
        return scores

    def _read(self, ids: Collection[int]) -> dict[int, Person]:
        rows = Contact.objects.filter(pk__in=ids, anonymized_at=None).values_list("pk", "details").order_by()
        return {pk: self._reading.person(details) for pk, details in rows}


def _written(pairs: Collection[Ids], scores: Scores) -> int:
    """Write the pairs that are possible, and delete those that are not any more. Return how many are new.

    A pair that somebody has distinguished stays.
    """
    gone = sorted(set(pairs) - scores.keys())
    with connection.cursor() as cursor:
        if gone:
            cursor.execute(
                "DELETE FROM matching_pair WHERE distinct_at IS NULL AND (lower_id, higher_id) IN"
                " (SELECT * FROM unnest(%s::integer[], %s::integer[]))",
                [list(column) for column in zip(*gone, strict=True)],
            )
        if not scores:
            return 0
        lower, higher = zip(*scores, strict=True)
        cursor.execute(_WRITE, [list(lower), list(higher), list(scores.values())])
        return sum(is_new for (is_new,) in cursor.fetchall())


def _compare_stale(comparing: _Comparing, search: DuplicateSearch) -> None:
    """Compare the open pairs again that the search has not found: other keys found them, or none does any more."""
    after = 0
    stale = Pair.objects.filter(is_open=True, compared_at__lt=search.created_at).order_by("pk")
    while rows := list(stale.filter(pk__gt=after).values_list("pk", "lower_id", "higher_id")[:READ]):
        after = rows[-1][0]
        pairs = [(lower, higher) for _pk, lower, higher in rows]
        scores = comparing.scores(pairs)
        with transaction.atomic():
            _written(pairs, scores)
