from contacts.models.channel import Channel, ChannelKind
from contacts.models.contact import (
    CONTACT_SCHEMA,
    CONTACT_TYPES,
    START_OF_NAME,
    Contact,
    ContactAssignment,
    ContactParticipant,
    ExternalConnection,
)
from contacts.models.history import ONE_PERSON, ChangeSet, History
from contacts.models.picture import PendingFileDeletion, ProfilePicture

__all__ = [
    "CONTACT_SCHEMA",
    "CONTACT_TYPES",
    "ONE_PERSON",
    "START_OF_NAME",
    "ChangeSet",
    "Channel",
    "ChannelKind",
    "Contact",
    "ContactAssignment",
    "ContactParticipant",
    "ExternalConnection",
    "History",
    "PendingFileDeletion",
    "ProfilePicture",
]
