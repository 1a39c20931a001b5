"""Change requests for tests: as they come to be by submissions, and made at once where only reading them matters."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
from django.utils import timezone

from accounts.models import Member
from benchmarks.change_requests import insert_requests
from changerequests.models import ChangeRequest, Status
from changerequests.queries.revisions import proposals_of
from core.documents import paths_with_ancestors
from tests.fixtures import without_triggers

_ONE = """
SELECT %(subject)s::integer AS subject_id, %(status)s::integer AS status, %(created_at)s::timestamptz AS created_at,
       %(initiator)s::integer AS initiator_id, %(reviewed_at)s::timestamptz AS reviewed_at,
       %(reviewer)s::integer AS reviewer_id, %(paths)s::text[] AS paths, %(changes)s::jsonb AS changes
  FROM generate_series(1, %(number)s)
"""


def make_requests(
    contact_id: int,
    initiator: Member,
    *,
    number: int = 1,
    paths: Iterable[str] = ("personalInformation.lastName",),
    status: Status = Status.PENDING,
    reviewer: Member | None = None,
    created_at: datetime | None = None,
    reviewed_at: datetime | None = None,
) -> ChangeRequest:
    """Insert equal requests about a contact, which nobody has decided whatever their status; return the last one."""
    changes = [{"path": path, "original": "a", "target": "b", "isApprovalRequired": True} for path in paths]
    values = {
        "subject": contact_id,
        "status": status,
        "created_at": created_at or timezone.now(),
        "initiator": initiator.pk,
        "reviewed_at": reviewed_at,
        "reviewer": None if reviewer is None else reviewer.pk,
        "paths": paths_with_ancestors(paths),
        "changes": orjson.dumps(changes).decode(),
        "number": number,
    }
    with without_triggers():
        insert_requests(_ONE, values)
    return ChangeRequest.objects.latest("pk")


def changes_of(request: ChangeRequest) -> list[dict[str, Any]]:
    """Return the changes that the current revision of a request about one subject proposes."""
    request.refresh_from_db()
    (changes,) = proposals_of(request).values()
    return changes
