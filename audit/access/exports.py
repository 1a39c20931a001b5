"""Recording exports: in the job, before its file can be had, by one statement."""

from __future__ import annotations

from array import array
from typing import LiteralString

from django.db import IntegrityError, connection, transaction

from accounts.actor import Actor
from audit.access.models import Door, Way
from audit.access.recording import current_correlation_id
from audit.access.writing import looker_of

_INSERT: LiteralString = """
    INSERT INTO public.audit_access (at, contact_id, actor_kind, actor_id, application_id, way, door, system,
        correlation_id)
    SELECT now(), contact_id, %s, %s, %s, %s, %s, %s, %s FROM unnest(%s::integer[]) AS exported (contact_id)
"""


def record_export(*, actor: Actor, contact_ids: array[int], door: Door) -> None:
    """Record that a file has these contacts, in the caller's transaction: without the record there is no file.

    Runs one statement for any number of contacts. Raises DatabaseError.
    """
    if not contact_ids:
        return
    looker = looker_of(actor)
    values = [
        *(looker.kind, looker.id, looker.application_id, int(Way.EXPORTED), int(door), looker.system),
        current_correlation_id(),
        # As text: a list of a million numbers takes several times as much memory.
        f"{{{','.join(map(str, contact_ids))}}}",
    ]
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(_INSERT, values)
        except IntegrityError:
            # There is no partition of this month.
            cursor.execute("SELECT public.audit_make_access_partitions()")
            cursor.execute(_INSERT, values)
