"""Uniqueness of usernames and external ids, in the database and within a batch."""

from collections.abc import Sequence
from operator import itemgetter

from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext as _

from contacts.models import CONTACT_IDENTITY
from contacts.services.external_ids import external_id_not_unique
from contacts.services.usernames import is_of_logins, username_not_unique
from importexport.imports.contacts import statements
from importexport.imports.contacts.entry import ContactEntry
from importexport.imports.contacts.plan import Known, New
from importexport.imports.contacts.statements import Holder


def check_unique_usernames(cursor: CursorWrapper, new: list[New], touched: list[Known]) -> None:
    """Add faults to entries whose username is taken; within the batch the first entry gets it.

    One that waits takes nothing from others, because it may have changed by the time that it is approved.
    """
    wanted: dict[int, tuple[New | Known, int]] = {item.place: (item, 0) for item in new if item.username}
    wanted |= {
        item.place: (item, item.id)
        for item in touched
        if item.username and item.username != item.present.username and not item.entry.faults
    }
    names = {place: wanted[place][0].username or "" for place in sorted(wanted)}
    taken: set[str] = set()
    for place, found in sorted(statements.usernames(cursor, names).items(), key=itemgetter(0)):
        item, own_id = wanted[place]
        if found.folded in taken or found.holder not in (None, own_id) or is_of_logins(names[place]):
            item.entry.refuse_as(username_not_unique(), "username")
        elif found.reserved_for is not None:
            item.entry.refuse_as(username_not_unique(is_reserved=True), "username")
        elif not (isinstance(item, Known) and item.is_username_waiting):
            taken.add(found.folded)


def check_unique_connections(
    entries: Sequence[ContactEntry],
    holders: dict[str, Holder],
    new: list[New],
    touched: list[Known],
) -> None:
    """Add faults to entries with taken external ids, which are unique across all contacts and systems.

    One that an existing contact waits for takes nothing from others.
    """
    claimed = {entry.external_id for entry in entries if not entry.faults}
    wanted = [(item.place, item.entry, item.entry.connections or {}, True) for item in new]
    wanted += [(item.place, item.entry, item.connect, not item.waits(CONTACT_IDENTITY)) for item in touched]
    for _place, entry, connections, is_claim in sorted(wanted, key=itemgetter(0)):
        for system, external_id in connections.items():
            if holders.get(external_id, (system, 0))[0] is None:
                entry.refuse_as(external_id_not_unique(is_reserved=True), "externalConnections")
            elif external_id in claimed or external_id in holders:
                entry.refuse(
                    "externalConnections",
                    _("A contact has the external id already that is given for %(system)s.") % {"system": system},
                )
            if is_claim:
                claimed.add(external_id)
