"""The statements that write the access log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple

import psycopg
from psycopg import errors

from accounts.actor import Actor, ActorKind
from audit.access.models import Looker

KINDS = {
    ActorKind.APP: Looker.APP,
    ActorKind.MEMBER: Looker.MEMBER,
    ActorKind.CONTACT: Looker.CONTACT,
    ActorKind.SYSTEM: Looker.SYSTEM,
}


class LookerId(NamedTuple):
    """Who looked, as the log stores it: kind, id, the application in between, and the system's name."""

    kind: int
    id: int
    application_id: int | None
    system: str


@dataclass(frozen=True, slots=True)
class Seen:
    """That contacts were shown to somebody at a time, in seconds since 1970."""

    at: float
    contact_ids: Sequence[int]
    actor: Actor
    way: int
    door: int
    correlation_id: str


def looker_of(actor: Actor) -> LookerId:
    """Return what the log stores of an actor."""
    kind = KINDS[actor.kind]
    actor_id = actor.application_id or actor.member_id or actor.contact_id or 0
    system = actor.name[:50] if kind is Looker.SYSTEM else ""
    return LookerId(int(kind), actor_id, actor.via_application_id, system)


_BEGIN: LiteralString = """
    INSERT INTO public.audit_accessprocess (host, pid, program, began_at, written_until)
    VALUES (%s, %s, %s, to_timestamp(%s), to_timestamp(%s)) RETURNING id
"""
_NOTE: LiteralString = """
    UPDATE public.audit_accessprocess SET written_until = greatest(written_until, to_timestamp(%s))
     WHERE id = %s AND ended_at IS NULL
"""
_LOSE: LiteralString = """
    INSERT INTO public.audit_accessloss (process_id, since, until, rows)
    VALUES (%s, to_timestamp(%s), to_timestamp(%s), %s)
"""
_END: LiteralString = """
    UPDATE public.audit_accessprocess
       SET written_until = greatest(written_until, to_timestamp(%(at)s)), ended_at = to_timestamp(%(at)s)
     WHERE id = %(id)s AND ended_at IS NULL
"""
# One array for each column of what was shown, and one that says which contacts belong to which.
_INSERT: LiteralString = """
    INSERT INTO public.audit_access (at, contact_id, actor_kind, actor_id, application_id, process_id, way, door,
        system, correlation_id)
    SELECT to_timestamp(seen.at), shown.contact_id, seen.actor_kind, seen.actor_id, seen.application_id,
           %(process_id)s::integer, seen.way, seen.door, seen.system, seen.correlation_id
      FROM unnest(%(at)s::float8[], %(actor_kind)s::smallint[], %(actor_id)s::integer[], %(application_id)s::integer[],
                  %(way)s::smallint[], %(door)s::smallint[], %(system)s::text[], %(correlation_id)s::text[])
           WITH ORDINALITY AS seen (at, actor_kind, actor_id, application_id, way, door, system, correlation_id, place)
      JOIN unnest(%(contact_id)s::integer[], %(place)s::bigint[]) AS shown (contact_id, place) USING (place)
"""
_MAKE_PARTITIONS: LiteralString = "SELECT public.audit_make_access_partitions()"


def begin(own: psycopg.Connection, *, host: str, pid: int, program: str, at: float) -> int:
    """Record that a process begins, and return the id of its row."""
    row = own.execute(_BEGIN, [host, pid, program, at, at]).fetchone()
    assert row is not None  # noqa: S101 - an INSERT without a conflict returns its row
    return int(row[0])


def note(own: psycopg.Connection, process_id: int, until: float, *, lost: tuple[float, float, int] | None) -> None:
    """Record that everything until a time is written, but for what was lost: since when, until when, how many rows."""
    if lost is not None:
        own.execute(_LOSE, [process_id, *lost])
    own.execute(_NOTE, [until, process_id])


def end(own: psycopg.Connection, process_id: int, at: float) -> None:
    """Record that a process ends, with everything written."""
    own.execute(_END, {"at": at, "id": process_id})


def insert(own: psycopg.Connection, batch: Sequence[Seen], *, process_id: int | None) -> None:
    """Insert a row for each contact that was shown. Makes the partitions of the month if they are missing."""
    try:
        with own.transaction():
            _insert(own, batch, process_id)
    except errors.CheckViolation:
        own.execute(_MAKE_PARTITIONS)
        _insert(own, batch, process_id)


def _insert(own: psycopg.Connection, batch: Sequence[Seen], process_id: int | None) -> None:
    lookers = [looker_of(seen.actor) for seen in batch]
    own.execute(
        _INSERT,
        {
            "process_id": process_id,
            "at": [seen.at for seen in batch],
            "actor_kind": [looker.kind for looker in lookers],
            "actor_id": [looker.id for looker in lookers],
            "application_id": [looker.application_id for looker in lookers],
            "way": [int(seen.way) for seen in batch],
            "door": [int(seen.door) for seen in batch],
            "system": [looker.system for looker in lookers],
            "correlation_id": [seen.correlation_id for seen in batch],
            "contact_id": [contact_id for seen in batch for contact_id in seen.contact_ids],
            "place": [place for place, seen in enumerate(batch, start=1) for _contact in seen.contact_ids],
        },
    )
