"""Creation of contacts."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import Member
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES, ChannelKind, Contact, ContactAssignment, ContactParticipant
from contacts.plans import Origin, plan, replaced
from contacts.services.changes import commit
from contacts.services.usernames import UNIQUE, new_username, username_not_unique
from contacts.snapshots import new_contact_snapshot
from core.documents import value_at
from core.errors import UnprocessableEntity, map_integrity_error
from schemas.models import ListItem
from schemas.queries import current_schema


@transaction.atomic
def create_contact(*, actor: Actor, type_id: int, username: str | None, details: dict[str, Any]) -> Contact:
    """Create a contact. It takes effect at once for every actor; its addresses need no verification.

    It gets its creator's participants, and a member who creates it is assigned to it. Raises UnprocessableEntity:
    FieldNotUpdatable, ValidationFailed, UsernameRequired, UsernameNotUnique, UsernameCoupledWithEmail.
    """
    schema = current_schema(CONTACT_SCHEMA)
    contact_type = ListItem.objects.filter(pk=type_id, list__key=CONTACT_TYPES).first()
    if contact_type is None:
        expected = _("Expected the id of an item of the list %(list)s.") % {"list": CONTACT_TYPES}
        raise UnprocessableEntity(
            _("There is no such type of contact."),
            sub_code="ValidationFailed",
            properties={"contactTypeId": [expected]},
        )
    contact = Contact(type=contact_type)
    found = plan(new_contact_snapshot(contact, schema), replaced(details), actor, Origin.CREATION)
    if found.refusal:
        raise found.refusal
    email = schema.channel_paths[ChannelKind.EMAIL]
    contact.username = new_username(requested=username, email=value_at(found.document, email) if email else None)
    with map_integrity_error(UNIQUE, username_not_unique()):
        commit(found)
    _inherit_from(actor, contact)
    return contact


def _inherit_from(actor: Actor, contact: Contact) -> None:
    """Give the contact its creator's participants, and assign it to the member who creates it."""
    participant_ids: tuple[int, ...] = actor.participant_ids
    if actor.member_id is not None:
        ContactAssignment.objects.create(contact=contact, member_id=actor.member_id)
        memberships = Member.participants.through.objects.filter(member_id=actor.member_id)
        participant_ids = tuple(memberships.values_list("participant_id", flat=True))
    ContactParticipant.objects.bulk_create(
        ContactParticipant(contact=contact, participant_id=participant_id) for participant_id in participant_ids
    )
