"""Reading the feed: the events that an application hears of, as it may know them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db.models import Case, CharField, F, Func, Max, Q, QuerySet, TextField, Value, When
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import ClientApplication
from core.errors import UnprocessableEntity
from events.kinds import (
    ACCESS_CHANGED,
    ENTERED,
    LEFT,
    RESYNC,
    SIGHT_CHANGED,
    TRANSLATED,
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
class Listener:
    """An application as far as the feed goes: what it sees, and the scopes that it may use."""

    application_id: int
    participant_ids: tuple[int, ...]
    scopes: frozenset[str]

    @classmethod
    def of_actor(cls, actor: Actor) -> Self:
        return cls(actor.application_id or 0, actor.participant_ids, actor.scopes)

    @classmethod
    def of_application(cls, application: ClientApplication) -> Self:
        """Return an application with everything that it may do. Reads its participants."""
        participants = application.participants.order_by("pk").values_list("pk", flat=True)
        return cls(application.pk, tuple(participants), frozenset(application.allowed_scopes.split()))


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as an application hears it."""

    event: Any
    type: str
    subject_kind: str
    subject: EventSubject
    paths: Sequence[str]

    @property
    def version(self) -> int | None:
        entry = self.event.entry
        return entry.sequence if event_kind(entry.kind).has_versions else None


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, and the position to go on after."""

    events: Sequence[Heard]
    next: int
    has_more: bool


def known_types() -> list[str]:
    """Return the types of all events, sorted."""
    return list(types_in_words())


def types_in_words() -> dict[str, Any]:
    """Return what each type of events says, sorted by type."""
    words = dict(TRANSLATED)
    for kind in all_event_kinds():
        words |= kind.types
    return dict(sorted(words.items()))


def last_position() -> int:
    """Return the position of the latest event, 0 if there is none."""
    found: int | None = Event.objects.aggregate(last=Max("position"))["last"]
    return found or 0


def page_of_events(listener: Listener, *, after: int, limit: int, types: Collection[str] | None = None) -> Page:
    """Return the events after a position that the application hears of. Looks at `WINDOW` positions at most.

    A page may be empty and yet have more behind it. Raises UnprocessableEntity `UnknownPosition` past the end.
    """
    last = last_position()
    if after > last:
        raise UnprocessableEntity(
            _(
                "The feed ends at %(last)s. It was restored to an earlier state after you came to %(after)s: read again"
                " what you keep, and go on from the end."
            )
            % {"last": last, "after": after},
            sub_code="UnknownPosition",
        )
    end = min(last, after + WINDOW)
    if end == after:
        return Page((), after, False)
    rows = _heard_by(listener).filter(position__gt=after, position__lte=end)
    if types is not None:
        rows = rows.filter(heard_type__in=types)
    found = list(rows.order_by("position")[: limit + 1])
    if len(found) > limit:
        found = found[:limit]
        end = found[-1].position
    return Page(_named(listener, found), end, end < last)


def heard_events(listener: Listener, *, positions: Collection[int]) -> list[Heard]:
    """Return those of the events at these positions that the application hears of, in their order."""
    if not positions:
        return []
    return _named(listener, list(_heard_by(listener).filter(position__in=positions).order_by("position")))


def _heard_by(listener: Listener) -> QuerySet[Any]:
    """Return the events that an application hears of, with the type that each has to it."""
    own = Q(application=listener.application_id)
    rows: Any = Event.objects.filter(own | ~Q(entry__kind__in=_kinds_closed_to(listener)))
    mine = list(listener.participant_ids)
    cases = [When(own & Q(type=SIGHT_CHANGED), then=Value(RESYNC))]
    if mine:
        now, before = Q(participants__overlap=mine), Q(participants_before__overlap=mine)
        rows = rows.filter(Q(participants=None) | now | before | own)
        access = Q(type=ACCESS_CHANGED, participants_before__isnull=False)
        cases += [When(access & ~before, then=Value(ENTERED)), When(access & ~now, then=Value(LEFT))]
    heard_type = Case(*cases, default=F("type"), output_field=CharField())
    rows = rows.annotate(heard_type=heard_type, changed_paths=ChangedPaths("entry__changes"))
    return rows.select_related("entry").defer("entry__changes", "entry__comment", "entry__paths")


def _kinds_closed_to(listener: Listener) -> list[str]:
    return [kind.key for kind in all_event_kinds() if kind.scope and kind.scope not in listener.scopes]


def _named(listener: Listener, events: Sequence[Any]) -> list[Heard]:
    """Name the subjects, with one query for each kind."""
    ids: dict[str, set[int]] = {}
    for event in events:
        ids.setdefault(event.entry.kind, set()).add(event.entry.subject_id)
    subjects = {kind: event_kind(kind).subjects(found) for kind, found in ids.items()}
    return [_heard(listener, event, subjects) for event in events]


def _heard(listener: Listener, event: Any, subjects: Any) -> Heard:
    kind, subject_id = event_kind(event.entry.kind), event.entry.subject_id
    subject = subjects[kind.key].get(subject_id) or EventSubject(f"{kind.subject} {subject_id}")
    paths = event.changed_paths
    if listener.participant_ids:
        paths = kind.paths_for_participants(paths)
    return Heard(event, event.heard_type, kind.subject, subject, paths)
