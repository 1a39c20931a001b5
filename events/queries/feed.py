"""Reading the feed: the events that an application receives, as it may know them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, CharField, F, Func, Max, Q, QuerySet, TextField, Value, When
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import ClientApplication
from audit.entries import ERASURE
from core.errors import UnprocessableEntity
from events.kinds import (
    ACCESS_CHANGED,
    ENTERED,
    LEFT,
    RESYNC,
    SIGHT_CHANGED,
    TYPES_FOR_SOME,
    EventKind,
    EventSubject,
    all_event_kinds,
    event_kind,
)
from events.models import Event

# The positions that one call looks at, most of which may be about what the application does not see.
WINDOW = 10_000


class ChangedPaths(Func):
    """The changed paths of an entry, without their values."""

    template = "ARRAY(SELECT jsonb_path_query(%(expressions)s, '$[*].path') #>> '{}')"
    output_field = ArrayField(TextField())


@dataclass(frozen=True, slots=True)
class Consumer:
    """An application as far as the feed goes: what it sees, and the scopes that it may use."""

    application_id: int
    participant_ids: tuple[int, ...]
    scopes: frozenset[str]

    @classmethod
    def of_actor(cls, actor: Actor) -> Self:
        return cls(actor.application_id or 0, actor.participant_ids, actor.scopes)

    @classmethod
    def of_application(cls, application: ClientApplication) -> Self:
        """Return an application that acts for itself, with everything that it may do. Reads its participants.

        One that acts for people sees what they see, and nothing by itself.
        """
        if application.authorization_grant_type != ClientApplication.GRANT_CLIENT_CREDENTIALS:
            return cls(application.pk, (), frozenset())
        participants = application.participants.order_by("pk").values_list("pk", flat=True)
        return cls(application.pk, tuple(participants), frozenset(application.allowed_scopes.split()))


@dataclass(frozen=True, slots=True)
class VisibleEvent:
    """An event as an application hears it. `kind` and `entry_id` are those of the ledger's entry."""

    position: int
    type: str
    entry_id: int
    time: datetime
    kind: str
    subject_kind: str
    subject_id: int
    subject: EventSubject
    version: int | None
    paths: Sequence[str]
    change_request_id: int | None


class _Row(NamedTuple):
    """The columns of `_COLUMNS`."""

    position: int
    type: str
    entry_id: int
    time: datetime
    kind: str
    subject_id: int
    sequence: int
    paths: Sequence[str]
    change_request_id: int | None


_COLUMNS = (
    "position",
    "visible_type",
    "entry_id",
    "entry__recorded_at",
    "entry__kind",
    "entry__subject_id",
    "entry__sequence",
    "changed_paths",
    "entry__change_request_id",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, and the position to go on after."""

    events: Sequence[VisibleEvent]
    next: int
    has_more: bool


def known_types() -> list[str]:
    """Return the types of all events, sorted."""
    return list(types_in_words())


def types_in_words() -> dict[str, Any]:
    """Return what each type of events says, sorted by type."""
    words = dict(TYPES_FOR_SOME)
    for kind in all_event_kinds():
        words |= kind.types
    return dict(sorted(words.items()))


def last_position() -> int:
    """Return the position of the latest event, 0 if there is none."""
    found: int | None = Event.objects.aggregate(last=Max("position"))["last"]
    return found or 0


def check_position(after: int, *, last: int) -> None:
    """Raise UnprocessableEntity `UnknownPosition` for a position past the last one."""
    if after > last:
        raise UnprocessableEntity(
            _(
                "The feed ends at %(last)s. If it went further before, the database was restored to an earlier state:"
                " read everything again, and go on from the end."
            )
            % {"last": last},
            sub_code="UnknownPosition",
        )


def page_of_events(consumer: Consumer, *, after: int, limit: int, types: Collection[str] | None = None) -> Page:
    """Return the events after a position that the application receives. Looks at `WINDOW` positions at most.

    A page may be empty and yet have more behind it. Raises UnprocessableEntity `UnknownPosition` past the end.
    """
    last = last_position()
    check_position(after, last=last)
    end = min(last, after + WINDOW)
    if end == after:
        return Page((), after, False)
    rows = _visible_to(consumer).filter(position__gt=after, position__lte=end)
    if types is not None:
        rows = rows.filter(visible_type__in=types)
    found = _read(rows.order_by("position")[: limit + 1])
    if len(found) > limit:
        found = found[:limit]
        end = found[-1].position
    return Page(_named(consumer, found), end, end < last)


def visible_events(consumer: Consumer, *, positions: Collection[int]) -> list[VisibleEvent]:
    """Return those of the events at these positions that the application receives, in their order."""
    if not positions:
        return []
    return _named(consumer, _read(_visible_to(consumer).filter(position__in=positions).order_by("position")))


def _visible_to(consumer: Consumer) -> QuerySet[Any]:
    """Return the events that an application receives, with the type that each has to it."""
    own = Q(application=consumer.application_id)
    rows: Any = Event.objects.filter(own | ~Q(entry__kind__in=_kinds_closed_to(consumer)))
    # What happened is the anonymization; these are the ledger's own account of it.
    rows = rows.exclude(entry__kind__startswith=ERASURE)
    mine = list(consumer.participant_ids)
    cases = [When(own & Q(type=SIGHT_CHANGED), then=Value(RESYNC))]
    if mine:
        now, before = Q(participants__overlap=mine), Q(participants_before__overlap=mine)
        rows = rows.filter(Q(participants=None) | now | before | own)
        access = Q(type=ACCESS_CHANGED, participants_before__isnull=False)
        cases += [When(access & ~before, then=Value(ENTERED)), When(access & ~now, then=Value(LEFT))]
    visible_type = Case(*cases, default=F("type"), output_field=CharField())
    return rows.annotate(visible_type=visible_type, changed_paths=ChangedPaths("entry__changes"))


def _read(events: QuerySet[Any]) -> list[_Row]:
    return [_Row._make(row) for row in events.values_list(*_COLUMNS)]


def _kinds_closed_to(consumer: Consumer) -> list[str]:
    return [kind.key for kind in all_event_kinds() if kind.scope and kind.scope not in consumer.scopes]


def _named(consumer: Consumer, rows: Sequence[_Row]) -> list[VisibleEvent]:
    """Name the subjects, with one query for each kind."""
    ids: dict[str, set[int]] = {}
    for row in rows:
        ids.setdefault(row.kind, set()).add(row.subject_id)
    kinds = {key: event_kind(key) for key in ids}
    subjects = {key: kinds[key].subjects(found) for key, found in ids.items()}
    return [_visible_event(consumer, row, kinds[row.kind], subjects[row.kind].get(row.subject_id)) for row in rows]


def _visible_event(consumer: Consumer, row: _Row, kind: EventKind, subject: EventSubject | None) -> VisibleEvent:
    return VisibleEvent(
        position=row.position,
        type=row.type,
        entry_id=row.entry_id,
        time=row.time,
        kind=row.kind,
        subject_kind=kind.subject,
        subject_id=row.subject_id,
        subject=subject or EventSubject(f"{kind.subject} {row.subject_id}"),
        version=row.sequence if kind.has_versions else None,
        paths=kind.paths_for_participants(row.paths) if consumer.participant_ids else row.paths,
        change_request_id=row.change_request_id,
    )
