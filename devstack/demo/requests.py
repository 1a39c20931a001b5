"""Plays the stories of some clients through the regular services."""

from collections.abc import Mapping

from django.utils import timezone

from changerequests.models import ChangeRequest, Status
from changerequests.services.deciding import CLOSING, decide
from changerequests.services.withdrawing import cancel_change_request
from contacts.models import Contact
from contacts.services.changes import patch_details
from devstack.demo.people import Staff
from devstack.demo.stories import STORIES, UPDATES, Story

_VERDICTS = {status: verdict for verdict, status in CLOSING.items()}


def play(*, staff: Staff, contacts: Mapping[int, Contact]) -> None:
    """Play the stories of these contacts, by number. The contacts must be new."""
    for update in UPDATES:
        if update.number in contacts:
            patch_details(
                actor=staff.actor(update.by) if update.by else staff.app,
                contact_id=contacts[update.number].pk,
                patch=update.patch,
                comment=update.comment,
            )
    played = [(story, contacts[number]) for number, story in STORIES.items() if number in contacts]
    # Oldest first, so that ids grow with time as in real use.
    for story, contact in sorted(played, key=lambda part: part[0].asked, reverse=True):
        _play(story, contact, staff)


def _play(story: Story, contact: Contact, staff: Staff) -> None:
    submission = patch_details(
        actor=staff.actor(story.by), contact_id=contact.pk, patch=story.patch, comment=story.comment
    )
    request = submission.change_request
    if request is None:  # The institution's schema requires no approval here, so the change took effect at once.
        return
    _age(request, story)
    if story.status is Status.CANCELLED:
        cancel_change_request(actor=staff.actor(story.by), change_request_id=request.pk)
    elif story.reviewer is not None:
        decide(
            actor=staff.actor(story.reviewer),
            change_request_id=request.pk,
            verdict=_VERDICTS[story.status],
            comment=story.review_comment,
        )
    if story.overtaken_by is not None:
        patch_details(actor=staff.app, contact_id=contact.pk, patch=story.overtaken_by)


def _age(request: ChangeRequest, story: Story) -> None:
    """Backdate the request: services use the current time, and a queue of requests from one minute looks unreal.

    Decisions and their entries are never rewritten, so they keep their real time.
    """
    ChangeRequest.objects.filter(pk=request.pk).update(created_at=timezone.now() - story.asked)
