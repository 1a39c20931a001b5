"""Entries that are probably the same person as a contact that the importer sees, or as an earlier entry."""

from collections.abc import Sequence

import orjson
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.documents import with_values
from importexport.imports.contacts.entry import ContactEntry
from importexport.imports.contacts.plan import Known, New
from importexport.models import DuplicateMode
from matching.batches import Record, SamePerson, same_people
from matching.services import make_keys_of

# Of those that are probably the same person, a message names the best.
MOST_NAMED = 3


class DuplicateCheck:
    """Reports or refuses such entries of a batch."""

    def __init__(self, actor: Actor, mode: DuplicateMode) -> None:
        self._actor = actor
        self._mode = mode

    def passed(self, new: Sequence[New], touched: Sequence[Known]) -> list[New]:
        """Report the entries, and return the new ones that are not refused. Needs the contacts that change locked."""
        records: dict[int, Record] = {}
        entries: dict[int, ContactEntry] = {}
        for item in new:
            records[item.place], entries[item.place] = Record(item.entry.details or {}), item.entry
        for known in touched:
            if known.details and not known.entry.faults:
                before = orjson.loads(known.present.details)
                after = with_values(before, {change.path: change.target for change in known.details})
                records[known.place], entries[known.place] = Record(after, known.id, before), known.entry
        # In the order of the file, so that of two entries the later one is the duplicate.
        ordered = {place: records[place] for place in sorted(records)}
        for place, same in same_people(actor=self._actor, records=ordered).items():
            self._tell(entries[place], same, entries)
        return [item for item in new if not item.entry.faults]

    def created(self, items: Sequence[New]) -> None:
        """Have the contacts be found by the next batches."""
        make_keys_of([item.id for item in items])

    def _tell(self, entry: ContactEntry, same: SamePerson, entries: dict[int, ContactEntry]) -> None:
        # An entry that was refused is nobody's duplicate, but that of the contact which refused it.
        earlier = [entries[place] for place in same.records if not entries[place].faults]
        messages = [_("Probable duplicate of contact %(id)s.") % {"id": pk} for pk in same.contacts]
        messages += [
            _("Probable duplicate of the entry with the external id %(id)s.") % {"id": one.external_id}
            for one in earlier
        ]
        for message in messages[:MOST_NAMED]:
            if self._mode is DuplicateMode.REFUSE:
                entry.refuse("details", message)
            else:
                entry.notices.append(("details", message))
