"""Who is shown a request about contacts has looked at them: for the access log."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from audit.access.models import Door, Way
from audit.access.recording import looked
from changerequests.kinds import Presenter, request_kind
from changerequests.models import ChangeRequest


def looked_at_subjects(
    actor: Actor | None, kind: str, subject_ids: Iterable[int], *, way: Way, door: Door = Door.API
) -> None:
    """Record that the actor is shown these subjects of a kind, if they are contacts."""
    if request_kind(kind).is_about_contacts:
        looked(actor, subject_ids, way=way, door=door)


def looked_at_requests(
    actor: Actor | None, requests: Iterable[ChangeRequest], *, way: Way = Way.LISTED, door: Door = Door.API
) -> None:
    """Record that the actor is shown requests with the subject that each of them is about."""
    shown = [
        request.subject_id
        for request in requests
        if request.subject_id is not None and request_kind(request.kind).is_about_contacts
    ]
    looked(actor, shown, way=way, door=door)


def looked_at_review(actor: Actor, request: ChangeRequest, presenter: Presenter, *, entries: Any | None) -> None:
    """Record that a review page shows the subject of a request, or a page of its entries, and whom it names there."""
    if entries is None:
        looked_at_requests(actor, [request], way=Way.REVIEWED, door=Door.ADMIN)
        named = presenter.named_contacts()
    else:
        shown = [row.subject.id for row in entries.rows]
        looked_at_subjects(actor, request.kind, shown, way=Way.REVIEWED, door=Door.ADMIN)
        named = entries.named_contacts
    looked(actor, named, way=Way.REVIEWED, door=Door.ADMIN)


def listed_in_admin(request: HttpRequest, rows: Iterable[ChangeRequest]) -> None:
    """Record that a page of the admin lists requests with their subjects."""
    looked_at_requests(actor_of(request), rows, door=Door.ADMIN)
