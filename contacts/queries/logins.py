"""The address to which a link for a client's login goes."""

from audit.models import Entry
from contacts.models import CONTACT_CREATION, CONTACT_SCHEMA, ChannelKind, Contact
from contacts.queries.history import latest_history
from core.documents import value_at
from schemas.queries import current_schema


def login_address(contact: Contact) -> str:
    """Return the email of the contact's details if the client or two people have made it what it is; otherwise "".

    The ledger says who that was. An address from a member counts only if somebody else approved it; that of the client
    or of an application counts, and so does one whose key the client or an application has sent back.
    """
    path = current_schema(CONTACT_SCHEMA).channel_paths[ChannelKind.EMAIL]
    address = value_at(contact.details, path) if path is not None else None
    if not isinstance(address, str) or not address:
        return ""
    entry = latest_history(contact_id=contact.pk, path=path, limit=1).first()
    return address if entry is not None and _is_relied_on(entry) else ""


def _is_relied_on(entry: Entry) -> bool:
    if entry.initiator_member_id is None or entry.change_request_id is not None:
        return True
    creations = Entry.objects.of(CONTACT_CREATION, entry.subject_id).filter(change_request__isnull=False)
    return entry.sequence == 1 and creations.exists()
