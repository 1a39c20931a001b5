"""Choosing notifications: those of a member, and the members to notify."""

from collections.abc import Collection

from django.db.models import QuerySet

from accounts.actor import Actor
from changerequests.models import ChangeRequest, Decision, Notification, RequestComment
from changerequests.queries.sight import seen_requests
from changerequests.queries.subjects import attach_subjects

# Nobody counts further: the header says "99+".
MOST_UNREAD = 100


def unread_of(member_id: int | None) -> QuerySet[Notification]:
    """Return the member's unread notifications, by an index that has no others."""
    return Notification.objects.filter(member=member_id, read_at=None)


def unread_count(member_id: int | None) -> int:
    """Return the number of the member's unread notifications, at most MOST_UNREAD."""
    return unread_of(member_id).order_by()[:MOST_UNREAD].count()


def visible_requests(notifications: Collection[Notification], *, actor: Actor) -> dict[int, ChangeRequest]:
    """Return by id those requests of the notifications that the actor still sees, with subjects.

    Runs two queries, and two more if there are others.
    """
    asked = {notification.request_id for notification in notifications}
    requests = list(ChangeRequest.objects.visible_to(actor).filter(pk__in=asked).as_row())
    if missing := asked.difference(request.pk for request in requests):
        # Seen through somebody whose substitute the actor is.
        requests += seen_requests(actor).filter(pk__in=missing).as_row()
    attach_subjects(requests)
    return {request.pk: request for request in requests}


def who_took_part(request: ChangeRequest) -> set[int]:
    """Return the members who asked for the request, commented on it or decided any revision of it. Runs one query."""
    authors = RequestComment.objects.filter(request=request).order_by().values_list("author")
    deciders = Decision.objects.filter(revision__request=request).order_by().values_list("member")
    found = {member_id for (member_id,) in authors.union(deciders)}
    return found if request.initiator_member_id is None else {request.initiator_member_id, *found}
