from contacts.models.channel import Channel, ChannelKind
from contacts.models.contact import (
    ANONYMIZATION,
    CONTACT_ACCESS,
    CONTACT_CREATION,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    CONTACT_KINDS,
    CONTACT_SCHEMA,
    CONTACT_TYPES,
    START_OF_NAME,
    Contact,
    ContactAssignment,
    ContactParticipant,
    ExternalConnection,
    name_of,
)
from contacts.models.history import ContactEntry, ContactErasure
from contacts.models.picture import ProfilePicture
from contacts.models.waiting import (
    ReservedExternalId,
    SubjectOfContactRequest,
    WaitingAssignment,
    WaitingContact,
    WaitingParticipant,
)

__all__ = [
    "ANONYMIZATION",
    "CONTACT_ACCESS",
    "CONTACT_CREATION",
    "CONTACT_DETAILS",
    "CONTACT_IDENTITY",
    "CONTACT_KINDS",
    "CONTACT_SCHEMA",
    "CONTACT_TYPES",
    "START_OF_NAME",
    "Channel",
    "ChannelKind",
    "Contact",
    "ContactAssignment",
    "ContactEntry",
    "ContactErasure",
    "ContactParticipant",
    "ExternalConnection",
    "ProfilePicture",
    "ReservedExternalId",
    "SubjectOfContactRequest",
    "WaitingAssignment",
    "WaitingContact",
    "WaitingParticipant",
    "name_of",
]
