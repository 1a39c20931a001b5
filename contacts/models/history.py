"""The ledger's entries and erasures, with the rules that need the table of contacts."""

from audit.models import Entry, Erasure
from contacts.models import triggers


class ContactEntry(Entry):
    """A ledger entry, with the rules about entries of a contact's details."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = triggers.OF_ENTRIES


class ContactErasure(Erasure):
    """An erasure, with the rules about erasures of a contact's details."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = triggers.OF_ERASURES
