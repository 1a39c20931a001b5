"""Saves what forms of the admin change about who sees contacts, which may wait."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import ngettext

from accounts.admin_actor import member_of
from accounts.models import Member
from changerequests.admin.messages import request_link, waiting_message
from changerequests.models import ChangeRequest
from contacts.models import Contact, ContactAssignment, ContactParticipant
from contacts.services.access import AccessChange, change_access


def save_access(request: HttpRequest, contact: Contact, formsets: Sequence[Any]) -> str:
    """Save the participants and members on a contact's page; return the message that this waits, or an empty text."""
    added, removed = _rows(formsets)
    asked = _changed(
        request,
        {
            contact.pk: AccessChange(
                added_participants=frozenset(row.participant_id for row in added[ContactParticipant]),
                removed_participants=frozenset(row.participant_id for row in removed[ContactParticipant]),
                added_members=frozenset(row.member_id for row in added[ContactAssignment]),
                removed_members=frozenset(row.member_id for row in removed[ContactAssignment]),
            )
        },
    )
    return "" if asked is None else waiting_message(request, asked.pk)


def save_assignments(request: HttpRequest, member: Member, formsets: Sequence[Any]) -> str:
    """Save the contacts on a member's page; return the message that they wait, or an empty text."""
    added, removed = _rows(formsets)
    joining = {row.contact_id for row in added[ContactAssignment]}
    leaving = {row.contact_id for row in removed[ContactAssignment]}
    myself = frozenset({member.pk})
    asked = _changed(
        request,
        {
            contact_id: AccessChange(
                added_members=myself if contact_id in joining else frozenset(),
                removed_members=frozenset() if contact_id in joining else myself,
            )
            for contact_id in joining | leaving
        },
    )
    if asked is None:
        return ""
    for formset in formsets:
        # Django's log reads these, and nothing has changed.
        formset.new_objects, formset.deleted_objects = [], []
    text = ngettext(
        "{count} contact is assigned as before: {request} is pending approval by somebody else.",
        "{count} contacts are assigned as before: {request} is pending approval by somebody else.",
        len(joining | leaving),
    )
    return format_html(text, count=len(joining | leaving), request=request_link(request, asked.pk))


def _rows(formsets: Sequence[Any]) -> tuple[Mapping[type, list[Any]], Mapping[type, list[Any]]]:
    """Return the rows that the formsets add and those that they delete, by model, and save none."""
    added: dict[type, list[Any]] = defaultdict(list)
    removed: dict[type, list[Any]] = defaultdict(list)
    for formset in formsets:
        added[formset.model] += formset.save(commit=False)
        removed[formset.model] += formset.deleted_objects
    return added, removed


def _changed(request: HttpRequest, wanted: Mapping[int, AccessChange]) -> ChangeRequest | None:
    """Call the service, if there is something to change. Raises Forbidden for a login without a member."""
    if not any(change != AccessChange() for change in wanted.values()):
        return None
    return change_access(actor=member_of(request), wanted=wanted)
