"""Uniqueness of usernames and external ids, in the database and within a batch.

A batch is settled as a whole: an entry may take what another one gives up, so that two may swap, in whatever order they
come. What has to be approved gives nothing up and takes only what is free, because it may have changed by then.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from django.db.backends.utils import CursorWrapper
from django.utils.translation import gettext as _

from contacts.models import CONTACT_IDENTITY
from contacts.services.external_ids import external_id_not_unique
from contacts.services.usernames import is_of_logins, username_not_unique
from importexport.imports.contacts import statements
from importexport.imports.contacts.entry import ContactEntry
from importexport.imports.contacts.plan import Known, New
from importexport.imports.contacts.statements import Holder, Wanted

USERNAMES, EXTERNAL_IDS = "usernames", "external ids"


@dataclass(frozen=True, slots=True)
class Wish:
    """A unique value that an entry wants, and the fault if it cannot have it.

    `giver` is the entry of the contact that has the value, and `given` where: nothing of a username, the system of an
    external id. A wish that is no claim takes nothing from others.
    """

    item: New | Known
    sort: str
    value: str
    path: str
    message: str
    is_claim: bool
    giver: Known | None = None
    given: str = ""

    @property
    def place(self) -> int:
        return self.item.place

    def refuse(self) -> None:
        self.item.entry.refuse(self.path, self.message)


def settled_wishes(
    cursor: CursorWrapper,
    entries: Sequence[ContactEntry],
    *,
    holders: Mapping[str, Holder],
    new: Sequence[New],
    touched: Sequence[Known],
    waiting: Collection[int],
) -> list[Wish]:
    """Return what entries take, and add faults to those that cannot have what they want.

    `waiting` are the places of new contacts that have to be approved. Call it before what waits is held back.
    """
    own_ids = {entry.external_id for entry in entries if not entry.faults and entry.external_id is not None}
    wishes = list(_usernames(cursor, new, touched, waiting))
    wishes += _external_ids(holders, new, touched, waiting)
    wishes.sort(key=attrgetter("place"))
    while _refuse_dependent(wishes) or _refuse_late(wishes, own_ids):
        pass
    return [wish for wish in wishes if not wish.item.entry.faults]


def give_up(cursor: CursorWrapper, wishes: Sequence[Wish]) -> None:
    """Free the values that entries take from others of the batch, which must be written afterwards."""
    taken = [(wish, wish.giver) for wish in wishes if wish.giver is not None]
    statements.free_usernames(cursor, [giver.id for wish, giver in taken if wish.sort == USERNAMES])
    statements.free_external_ids(cursor, [(giver.id, wish.given) for wish, giver in taken if wish.sort == EXTERNAL_IDS])


def _refuse_dependent(wishes: Sequence[Wish]) -> bool:
    """Refuse entries that want what a refused one does not give up; return whether there were any."""
    refused = [
        wish for wish in wishes if wish.giver is not None and wish.giver.entry.faults and not wish.item.entry.faults
    ]
    for wish in refused:
        wish.refuse()
    return bool(refused)


def _refuse_late(wishes: Sequence[Wish], own_ids: Collection[str]) -> bool:
    """Refuse entries that want what an earlier one takes; return whether there were any."""
    taken = {(EXTERNAL_IDS, external_id) for external_id in own_ids}
    has_refused = False
    for _place, found in groupby(wishes, key=attrgetter("place")):
        wanted = [wish for wish in found if not wish.item.entry.faults]
        late = [wish for wish in wanted if (wish.sort, wish.value) in taken]
        for wish in late:
            wish.refuse()
        if not late:
            taken.update((wish.sort, wish.value) for wish in wanted if wish.is_claim)
        has_refused |= bool(late)
    return has_refused


def _usernames(
    cursor: CursorWrapper, new: Sequence[New], touched: Sequence[Known], waiting: Collection[int]
) -> Iterator[Wish]:
    wanted: dict[int, New | Known] = {item.place: item for item in new if item.username and not item.entry.faults}
    wanted |= {
        item.place: item
        for item in touched
        if item.username and item.username != item.present.username and not item.entry.faults
    }
    names = {place: wanted[place].username or "" for place in sorted(wanted)}
    found = statements.usernames(cursor, names)
    known = {item.id: item for item in touched}
    taken, reserved = str(username_not_unique()), str(username_not_unique(is_reserved=True))
    for place, name in found.items():
        item = wanted[place]
        waits = item.is_username_waiting if isinstance(item, Known) else place in waiting
        giver = None
        if name.holder not in (None, item.id if isinstance(item, Known) else None):
            giver = None if waits else _giver_of_username(known.get(name.holder or 0), name, found)
            is_taken = giver is None
        else:
            is_taken = is_of_logins(names[place])
        if is_taken or name.reserved_for is not None:
            item.entry.refuse("username", taken if is_taken else reserved)
            continue
        is_claim = not (isinstance(item, Known) and waits)
        yield Wish(item, USERNAMES, name.folded, "username", taken, is_claim, giver)


def _giver_of_username(holder: Known | None, name: Wanted, found: Mapping[int, Wanted]) -> Known | None:
    """Return the entry of the contact that has the username if it gives that up: another spelling does not."""
    if holder is None or holder.entry.faults or holder.is_username_waiting:
        return None
    wanted = found.get(holder.place)
    return holder if wanted is not None and wanted.folded != name.folded else None


def _external_ids(
    holders: Mapping[str, Holder], new: Sequence[New], touched: Sequence[Known], waiting: Collection[int]
) -> Iterator[Wish]:
    known = {item.id: item for item in touched}
    wanted: list[tuple[New | Known, dict[str, str], bool]] = [
        (item, item.entry.connections or {}, item.place in waiting) for item in new
    ]
    wanted += [(item, item.connect, item.waits(CONTACT_IDENTITY)) for item in touched]
    for item, connections, waits in wanted:
        for system, external_id in connections.items():
            giver, given = None, ""
            message = _("The external id given for %(system)s already belongs to a contact.") % {"system": system}
            if (holder := holders.get(external_id)) is not None:
                given = holder[0] or ""
                giver = None if waits else _giver_of_external_id(known.get(holder[1]), given)
                if giver is None:
                    is_reserved = holder[0] is None
                    reserved = str(external_id_not_unique(is_reserved=True))
                    item.entry.refuse("externalConnections", reserved if is_reserved else message)
                    continue
            is_claim = not (isinstance(item, Known) and waits)
            yield Wish(item, EXTERNAL_IDS, external_id, "externalConnections", message, is_claim, giver, given)


def _giver_of_external_id(holder: Known | None, system: str) -> Known | None:
    """Return the entry of the contact that has an external id in the system if it gets another one there."""
    if holder is None or holder.entry.faults or holder.waits(CONTACT_IDENTITY):
        return None
    return holder if system in holder.connect else None
