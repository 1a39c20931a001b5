"""Requests to create something: the id that it will have, and the document that it waits with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, Model
from psycopg import sql

from changerequests.models import Proposal
from changerequests.models.creations import WaitingCreation
from changerequests.models.revisions import proposed_changes
from core.documents import with_values


@dataclass(slots=True)
class AskedFor:
    """Something to create, as a document, which amending replaces; `waiting` is its locked row."""

    document: Mapping[str, Any]
    waiting: Any


def next_id(model: type[Model]) -> int:
    """Draw the id of a row that does not exist yet. Nothing else will have it."""
    query = sql.SQL("SELECT nextval(pg_get_serial_sequence({}, 'id'))").format(sql.Literal(model._meta.db_table))
    with connection.cursor() as cursor:
        cursor.execute(query.as_string())
        return int(cursor.fetchone()[0])


def asked_for(*, kind: str, waiting: WaitingCreation) -> AskedFor:
    """Return what the current revision of a locked subject's request asks for."""
    current = Proposal.objects.filter(
        subject__kind=kind, subject__subject_id=waiting.pk, revision__number=F("revision__request__revision_number")
    )
    changes = proposed_changes(current.values_list("changes", flat=True).first() or [])
    return AskedFor(with_values({}, {change.path: change.target for change in changes}), waiting)
