"""Reference data of contact entries: types, participants, members and systems, few enough to cache in memory."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import Member, Participant
from contacts.models import CONTACT_TYPES
from contacts.queries.systems import Systems, known_systems
from core.text import normalized
from importexport.imports.entries import Entry, is_id
from schemas.models import ListItem


@dataclass(frozen=True)
class References:
    """`own_participants` are those that the actor may name, None for all.

    New contacts get the `inherited` participants if the entry names none, and always the `assigned` members.
    """

    types: dict[int | str, int]
    participants: dict[int | str, int]
    members: dict[str, int]
    systems: Systems
    own_participants: frozenset[int] | None
    inherited: frozenset[int]
    assigned: frozenset[int]

    def participant_ids(self, entry: Entry, named: list[Any]) -> frozenset[int]:
        """Return the ids of participants given by id or name. Adds faults for unknown or forbidden ones."""
        found = set()
        for index, name in enumerate(named):
            key = normalized(name) if isinstance(name, str) else name
            pk = self.participants.get(key) if isinstance(key, str) or is_id(key) else None
            if pk is None or (self.own_participants is not None and pk not in self.own_participants):
                entry.refuse(f"participants[{index}]", _("There is no such participant that you may name."))
            else:
                found.add(pk)
        if not named and self.own_participants is not None:
            entry.refuse("participants", _("Name at least one participant of yours."))
        return frozenset(found)

    def member_ids(self, entry: Entry, named: list[Any]) -> frozenset[int]:
        """Return the ids of members given by identity id or username. Adds faults for unknown ones."""
        found = set()
        for index, name in enumerate(named):
            pk = self.members.get(normalized(name).lower()) if isinstance(name, str) else None
            if pk is None:
                entry.refuse(f"members[{index}]", _("There is no member with this username or identity id."))
            else:
                found.add(pk)
        return frozenset(found)

    def type_id(self, entry: Entry, *, by_id: Any, by_key: Any) -> int | None:
        """Return the id of the contact type, given by its id or by its key; None if it is absent, null or unknown.

        Adds a fault if it is unknown, or given twice.
        """
        if by_id is None and by_key is None:
            return None
        if by_id is not None and by_key is not None:
            entry.refuse("contactType", _("Name the type by contactTypeId or by contactType, not by both."))
            return None
        if by_id is not None:
            found = self.types.get(by_id) if is_id(by_id) else None
            expected, place = _("Expected the id of an item of the list %(list)s."), "contactTypeId"
        else:
            found = self.types.get(by_key) if isinstance(by_key, str) else None
            expected, place = _("Expected the key of an item of the list %(list)s."), "contactType"
        if found is None:
            entry.refuse(place, expected % {"list": CONTACT_TYPES})
        return found


def references_for(actor: Actor) -> References:
    """Read the current reference data for the actor."""
    types: dict[int | str, int] = {}
    for pk, key in ListItem.objects.filter(list__key=CONTACT_TYPES).values_list("pk", "key"):
        types[pk] = types[key] = pk
    participants: dict[int | str, int] = {}
    for pk, name in Participant.objects.values_list("pk", "name"):
        participants[pk] = participants[name] = pk
    members: dict[str, int] = {}
    # Identity ids last, so that a username that looks like one cannot shadow it.
    rows = list(Member.objects.values_list("pk", "uid", "user__username"))
    members.update({username.lower(): pk for pk, _uid, username in rows})
    members.update({str(uid): pk for pk, uid, _username in rows})
    inherited = frozenset(actor.participant_ids)
    own = inherited or None
    if actor.member_id is not None:
        memberships = Member.participants.through.objects.filter(member_id=actor.member_id)
        inherited = frozenset(memberships.values_list("participant_id", flat=True))
        own = None if actor.sees_all_contacts else inherited
    return References(
        types=types,
        participants=participants,
        members=members,
        systems=known_systems(),
        own_participants=own,
        inherited=inherited,
        assigned=frozenset() if actor.member_id is None else frozenset({actor.member_id}),
    )
