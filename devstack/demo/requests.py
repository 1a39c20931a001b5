"""Plays what happens to some of the clients, through the services that everybody uses."""

from collections.abc import Mapping

from django.utils import timezone

from changerequests.models import ChangeRequest, Status
from changerequests.services import cancel_change_request, review_change_request
from contacts.models import Contact
from contacts.services.changes import patch_details
from devstack.demo.people import Staff
from devstack.demo.stories import STORIES, UPDATES, Story


def play(*, staff: Staff, contacts: Mapping[int, Contact]) -> None:
    """Play the parts of these contacts, by number, which were written just now: nothing has happened to them yet."""
    for update in UPDATES:
        if update.number in contacts:
            patch_details(
                actor=staff.actor(update.by) if update.by else staff.app,
                contact_id=contacts[update.number].pk,
                patch=update.patch,
                comment=update.comment,
            )
    told = [(story, contacts[number]) for number, story in STORIES.items() if number in contacts]
    # The oldest first: ids grow with time, as they do where people work.
    for story, contact in sorted(told, key=lambda part: part[0].asked, reverse=True):
        _play(story, contact, staff)


def _play(story: Story, contact: Contact, staff: Staff) -> None:
    submission = patch_details(
        actor=staff.actor(story.by), contact_id=contact.pk, patch=story.patch, comment=story.comment
    )
    request = submission.change_request
    if request is None:  # The institution's schema asks for no approval here: so it was made at once.
        return
    _age(request, story)
    if story.status is Status.CANCELLED:
        cancel_change_request(actor=staff.actor(story.by), subject_id=contact.pk, change_request_id=request.pk)
    elif story.reviewer is not None:
        review_change_request(
            actor=staff.actor(story.reviewer),
            subject_id=contact.pk,
            change_request_id=request.pk,
            is_approved=story.status is Status.APPROVED,
            comment=story.review_comment,
        )
    if story.overtaken_by is not None:
        patch_details(actor=staff.app, contact_id=contact.pk, patch=story.overtaken_by)


def _age(request: ChangeRequest, story: Story) -> None:
    """Put the request back in time: the services know only today, and a queue that is all of one minute looks dead.

    A decision stays at its real time, as its change set does: what is decided is never rewritten.
    """
    ChangeRequest.objects.filter(pk=request.pk).update(created_at=timezone.now() - story.asked)
