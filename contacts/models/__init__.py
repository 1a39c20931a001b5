from contacts.models.channel import Channel, ChannelKind
from contacts.models.contact import (
    CONTACT_SCHEMA,
    CONTACT_TYPES,
    Contact,
    ContactAssignment,
    ContactParticipant,
    ExternalConnection,
)
from contacts.models.history import ChangeSet
from contacts.models.picture import ObsoleteFile, ProfilePicture

__all__ = [
    "CONTACT_SCHEMA",
    "CONTACT_TYPES",
    "ChangeSet",
    "Channel",
    "ChannelKind",
    "Contact",
    "ContactAssignment",
    "ContactParticipant",
    "ExternalConnection",
    "ObsoleteFile",
    "ProfilePicture",
]
