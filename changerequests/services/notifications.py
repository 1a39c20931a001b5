"""Notifying members of what happened to requests, in the transaction in which it happens, and reading it."""

from collections.abc import Iterable
from datetime import timedelta

from django.utils import timezone

from accounts.actor import Actor
from changerequests.models import ChangeRequest, Notification
from changerequests.queries.notifications import unread_of

KEPT_FOR = timedelta(days=90)


def notify(*, members: Iterable[int], request: ChangeRequest, event: Notification.Event) -> None:
    """Notify members, by their ids, of what happened to a request: one statement, and none for nobody.

    Who has not read an earlier notification of the same event gets no other one.
    """
    Notification.objects.bulk_create(
        [Notification(member_id=member_id, request=request, event=event) for member_id in sorted(set(members))],
        ignore_conflicts=True,
    )


def notify_initiator(*, request: ChangeRequest, event: Notification.Event) -> None:
    """Notify the member who asked for a request; nobody, if an application or a command did."""
    if request.initiator_member_id is not None:
        notify(members=[request.initiator_member_id], request=request, event=event)


def read_notification(*, actor: Actor, notification_id: int) -> None:
    """Mark one of the actor's notifications as read. Does nothing about those of others."""
    unread_of(actor.member_id).filter(pk=notification_id).update(read_at=timezone.now())


def read_notifications(*, actor: Actor, up_to: int) -> None:
    """Mark the actor's notifications as read, up to the latest one that it has seen."""
    unread_of(actor.member_id).filter(pk__lte=up_to).update(read_at=timezone.now())


def read_notifications_of(*, actor: Actor, change_request_id: int) -> None:
    """Mark what the actor was notified of about a request as read, because it opens the request."""
    unread_of(actor.member_id).filter(request=change_request_id).update(read_at=timezone.now())


def delete_old_notifications() -> None:
    """Delete notifications that were read long ago. Unread ones stay."""
    Notification.objects.filter(read_at__lt=timezone.now() - KEPT_FOR).delete()
