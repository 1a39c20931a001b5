"""Writes batches of contacts.

Locking: contacts that change are locked in id order before anything is written, so batches cannot deadlock with other
writers. Unchanged contacts are not locked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from contacts.kinds.creation import ContactCreationKind
from contacts.models import (
    CONTACT_ACCESS,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    CONTACT_SCHEMA,
    Channel,
    ChannelKind,
    Contact,
    ExternalConnection,
)
from contacts.plans import username_required
from contacts.services.channels import NOTHING_PENDING
from contacts.services.external_ids import external_id_not_unique
from contacts.services.usernames import username_coupled
from contacts.snapshots import facts_of_contacts
from importexport.imports.approvals import Approvals, CreationApprovals
from importexport.imports.contacts import statements
from importexport.imports.contacts.creating import ask_for, connections_of, document_of, link
from importexport.imports.contacts.entry import ContactEntry, read_contact
from importexport.imports.contacts.plan import Known, New
from importexport.imports.contacts.references import references_for
from importexport.imports.contacts.relations import (
    MEMBERS,
    PARTICIPANTS,
    pairs_of,
)
from importexport.imports.contacts.statements import Holder
from importexport.imports.contacts.uniqueness import check_unique_connections, check_unique_usernames
from importexport.imports.copying import copy_into, json_text, number, row, text, timestamp
from importexport.imports.documents import History, Planner, change_cells
from importexport.imports.entries import Outcome
from importexport.imports.reading import RawEntry
from importexport.imports.refusals import Refusals, refuse_types
from schemas.compiled import CompiledSchema

DEFAULT = ExternalConnection.DEFAULT_SYSTEM
FIRST = b"1"
# A place of no entry.
NOWHERE = -1


class ContactImporter:
    """Imports contacts for one actor under one schema version."""

    def __init__(self, *, actor: Actor, schema: CompiledSchema) -> None:
        self._actor = actor
        self._schema = schema
        email_path = schema.channel_paths[ChannelKind.EMAIL] if settings.USERNAME_FROM_EMAIL else None
        self._planner = Planner(actor=actor, schema=schema, username_path=email_path)
        self._history = History(kind=CONTACT_DETAILS, actor=actor)
        self._approvals = Approvals(
            kind=CONTACT_DETAILS, schema_key=CONTACT_SCHEMA, actor=actor, facts=facts_of_contacts
        )
        self._refused_access = Refusals(kind=CONTACT_ACCESS, actor=actor, facts=facts_of_contacts)
        self._refused_identity = Refusals(kind=CONTACT_IDENTITY, actor=actor, facts=facts_of_contacts)
        self._creations = CreationApprovals(kind=ContactCreationKind(), actor=actor)
        self._sees_all = not Contact.objects.visible_to(actor).query.where
        self._expected = Outcome.CREATED
        self.refresh()

    def refresh(self) -> None:
        """Reload the cached reference data."""
        self._references = references_for(self._actor)

    def read(self, raw: RawEntry) -> ContactEntry:
        entry = read_contact(raw, schema=self._schema, references=self._references)
        self._planner.explain(entry)
        if not entry.faults:
            self._precompute(entry)
        return entry

    def _precompute(self, entry: ContactEntry) -> None:
        """Precompute validity and plan in the reader thread, if most entries of the previous batch needed them.

        A wrong guess costs only time: `apply` computes what is missing.
        """
        if self._expected is not Outcome.UNCHANGED:
            self._planner.check_validity(entry)
        if self._expected is Outcome.CREATED:
            self._planner.plan_new(entry)

    def apply(self, entries: Sequence[ContactEntry]) -> None:
        """Write a batch in the caller's transaction and set the outcomes and faults of the entries."""
        with connection.cursor() as cursor:
            self._apply(cursor, entries)
        ((self._expected, _count),) = Counter(entry.outcome for entry in entries).most_common(1)

    def _apply(self, cursor: CursorWrapper, entries: Sequence[ContactEntry]) -> None:
        holders = statements.holders(cursor, _external_ids(entries))
        new, ids = self._partition(entries, holders)
        known = self._known(cursor, entries, ids)
        touched = self._touched(cursor, known, holders)
        self._plan_updates(touched)
        self._refuse_what_waits(cursor, touched)
        self._let_wait(touched)
        check_unique_usernames(cursor, new, touched)
        check_unique_connections(entries, holders, new, touched)
        able = [item for item in new if not item.entry.faults]
        waiting = self._creations.waiting(able, partial(document_of, references=self._references))
        ask_for(cursor, waiting, self._references)
        self._create(cursor, [item for item in able if item.entry.waiting is None])
        self._update(cursor, [item for item in touched if not item.entry.faults])

    # ---- new or known

    def _partition(
        self, entries: Sequence[ContactEntry], holders: dict[str, Holder]
    ) -> tuple[list[New], dict[int, int]]:
        """Return the entries that create a contact, and place -> contact id for those of existing contacts."""
        new: list[New] = []
        ids: dict[int, int] = {}
        for place, entry in enumerate(entries):
            if entry.faults or entry.external_id is None:
                continue
            holder = holders.get(entry.external_id)
            if holder is not None and holder[0] is None:
                entry.refuse_as(external_id_not_unique(is_reserved=True), "externalId")
            elif holder is None:
                item = New(place, entry)
                self._check_new(item)
                if not entry.faults:
                    new.append(item)
            elif holder[0] != DEFAULT:
                entry.refuse("externalId", _("A contact has this external id in another system."))
            else:
                ids[place] = holder[1]
        return new, ids

    def _check_new(self, item: New) -> None:
        entry = item.entry
        found = self._planner.check_new(entry)
        if entry.type_id is None:
            entry.refuse("contactTypeId", _("A new contact needs a type."))
        if settings.USERNAME_FROM_EMAIL:
            item.username = found.username
            if entry.username not in (None, item.username):
                entry.refuse_as(username_coupled(), "username")
        else:
            item.username = entry.username
        if not item.username and not settings.EXTERNAL_IDENTITY_PROVIDER:
            entry.refuse_as(username_required(), "username")

    def _known(self, cursor: CursorWrapper, entries: Sequence[ContactEntry], ids: dict[int, int]) -> list[Known]:
        if not ids:
            return []
        naming = ((place, entries[place]) for place in ids)
        statements.stage(
            cursor,
            (row(number(place), json_text(entry.document)) for place, entry in naming if entry.details is not None),
        )
        present = statements.compared(cursor, list(ids), list(ids.values()))
        visible = self._visible(list(ids.values()))
        known = []
        for place, contact_id in ids.items():
            entry = entries[place]
            if contact_id not in visible:
                entry.refuse("externalId", _("A contact that you cannot see has this external id."))
            elif present[contact_id].is_anonymized:
                entry.refuse(None, _("The contact was anonymized and cannot be changed any more."))
            else:
                entry.outcome = Outcome.UNCHANGED
                known.append(Known(place, entry, contact_id, present[contact_id]))
        return known

    def _visible(self, contact_ids: list[int]) -> set[int]:
        if self._sees_all or not contact_ids:
            return set(contact_ids)
        return set(Contact.objects.visible_to(self._actor).filter(pk__in=contact_ids).values_list("pk", flat=True))

    # ---- existing contacts

    def _touched(self, cursor: CursorWrapper, known: list[Known], holders: dict[str, Holder]) -> list[Known]:
        """Return the contacts that may change, locked and reread, because the comparison read them without locks."""
        participants = PARTICIPANTS.read(cursor, [item.id for item in known if item.entry.participants is not None])
        members = MEMBERS.read(cursor, [item.id for item in known if item.entry.members is not None])
        touched = []
        for item in known:
            entry, present = item.entry, item.present
            item.connect = {
                system: external_id
                for system, external_id in (entry.connections or {}).items()
                if holders.get(external_id) != (system, item.id)
            }
            if (
                present.differs
                or entry.type_id not in (None, present.type_id)
                or entry.username not in (None, present.username)
                or item.connect
                or (entry.participants is not None and self._participants_wanted(item, participants) is not None)
                or (entry.members is not None and entry.members != members[item.id])
            ):
                touched.append(item)
        locked = statements.locked(cursor, [item.id for item in touched])
        for item in touched:
            item.present = locked[item.id]
        return touched

    def _participants_wanted(self, item: Known, present: Any) -> set[int] | None:
        """Return the contact's participants after the update; None if they are unchanged.

        Participants that the actor may not assign are kept.
        """
        own = self._references.own_participants
        others = set() if own is None else present[item.id] - own
        wanted = others | (item.entry.participants or set())
        return None if wanted == present[item.id] else wanted

    def _plan_updates(self, touched: list[Known]) -> None:
        for item in touched:
            entry, present = item.entry, item.present
            if present.is_anonymized:
                entry.refuse(None, _("The contact was anonymized and cannot be changed any more."))
                continue
            item.type_id = present.type_id if entry.type_id is None else entry.type_id
            if entry.details is not None:
                stored = orjson.loads(present.details)
                item.plan = self._planner.check_changed(entry, stored=stored, version=present.version)
            item.username = self._username_wanted(item)

    def _refuse_what_waits(self, cursor: CursorWrapper, touched: list[Known]) -> None:
        """Refuse to change who sees a contact, or what it is called, where somebody else has to approve it."""
        sound = [item for item in touched if not item.entry.faults]
        self._refused_access.refuse({item.id: (item.entry, found) for item, found in self._opened(cursor, sound)})
        self._refused_identity.refuse({item.id: (item.entry, item.renamed) for item in sound if item.renamed})
        retyped = (item.entry for item in sound if item.type_id != item.present.type_id and not item.entry.faults)
        refuse_types(retyped, actor=self._actor)

    def _opened(self, cursor: CursorWrapper, items: list[Known]) -> Iterator[tuple[Known, list[str]]]:
        """Yield the items that change who sees their contact, with the properties that do."""
        participants = PARTICIPANTS.read(cursor, [item.id for item in items if item.entry.participants is not None])
        members = MEMBERS.read(cursor, [item.id for item in items if item.entry.members is not None])
        for item in items:
            entry, found = item.entry, []
            if entry.participants is not None and self._participants_wanted(item, participants) is not None:
                found.append("participants")
            if entry.members is not None and entry.members != members[item.id]:
                found.append("members")
            if found:
                yield item, found

    def _let_wait(self, touched: list[Known]) -> None:
        """Have the changes wait that must be approved. The locked contacts are those that they are made to."""
        asked = {item.id: item for item in touched if item.changes and not item.entry.faults}
        self._approvals.require({pk: (item.entry, item.changes) for pk, item in asked.items()})
        for item in asked.values():
            if item.entry.waiting is not None and settings.USERNAME_FROM_EMAIL:
                # It follows the email, which waits.
                item.username = item.present.username

    def _username_wanted(self, item: Known) -> str | None:
        entry, present = item.entry, item.present
        if settings.USERNAME_FROM_EMAIL:
            wanted = present.username
            if item.plan is not None:
                wanted = item.plan.username or wanted
                if item.plan.removes_username:
                    entry.refuse_as(username_required(), "username")
            if entry.username not in (None, wanted):
                entry.refuse_as(username_coupled(), "username")
            return wanted
        if entry.username in (None, present.username):
            return present.username
        if settings.EXTERNAL_IDENTITY_PROVIDER:
            entry.refuse("username", _("Usernames are kept by the external identity provider."))
        return entry.username

    # ---- writing

    def _create(self, cursor: CursorWrapper, new: list[New]) -> None:
        if not new:
            return
        at = timestamp(timezone.now())
        for item, pk in zip(new, statements.new_ids(cursor, len(new)), strict=True):
            item.id = pk
            item.entry.outcome = Outcome.CREATED
        copy_into(
            cursor,
            Contact,
            ["id", "uid", "type", "username", "details", "version", "created_at"],
            (
                row(
                    number(item.id),
                    uuid4().hex.encode(),
                    number(item.entry.type_id),
                    text(item.username),
                    json_text(item.entry.document),
                    FIRST,
                    at,
                )
                for item in new
            ),
        )
        self._history.record(cursor, ((item.id, 1, item.entry.history_cells) for item in new))
        copy_into(
            cursor,
            ExternalConnection,
            ["contact", "system", "external_id"],
            (
                row(number(item.id), text(system), text(external_id))
                for item in new
                for system, external_id in connections_of(item)
            ),
        )
        link(cursor, new, PARTICIPANTS, MEMBERS, references=self._references)

    def _update(self, cursor: CursorWrapper, touched: list[Known]) -> None:
        changed = [item for item in touched if item.is_row_changed]
        if changed:
            statements.update(
                cursor,
                # Details that wait are staged too, but not to be written.
                places=[item.place if item.entry.waiting is None else NOWHERE for item in changed],
                ids=[item.id for item in changed],
                type_ids=[item.type_id for item in changed],
                versions=[item.present.version + bool(item.changes) for item in changed],
                usernames=[item.username for item in changed],
            )
        recorded = [item for item in changed if item.changes]
        if recorded:
            self._history.record(
                cursor, ((item.id, item.present.version + 1, change_cells(item.changes)) for item in recorded)
            )
            self._drop_pending(cursor, recorded)
        connections = [(item.id, *pair) for item in touched for pair in item.connect.items()]
        if connections:
            cursor.execute(statements.CONNECT, [list(column) for column in zip(*connections, strict=True)])
        related = self._update_relations(cursor, touched)
        for item in touched:
            if item.entry.waiting is not None:
                item.entry.outcome = Outcome.AWAITING
            elif item.is_row_changed or item.connect or item.id in related:
                item.entry.outcome = Outcome.UPDATED

    def _drop_pending(self, cursor: CursorWrapper, recorded: list[Known]) -> None:
        """Cancel pending verifications of values that the import overwrote."""
        if not self._schema.verified_paths:
            return
        written = {(item.id, change.path) for item in recorded for change in item.changes}
        waiting = statements.waiting(cursor, [item.id for item in recorded])
        found = [pk for pk, *place in waiting if tuple(place) in written]
        if found:
            Channel.objects.filter(pk__in=found).update(**NOTHING_PENDING)

    def _update_relations(self, cursor: CursorWrapper, touched: list[Known]) -> set[int]:
        """Set participants and members where the entries name them. Return the ids of the contacts changed by it."""
        changed: set[int] = set()
        naming = [item for item in touched if item.entry.participants is not None]
        present = PARTICIPANTS.read(cursor, [item.id for item in naming])
        wanted = {item.id: found for item in naming if (found := self._participants_wanted(item, present)) is not None}
        PARTICIPANTS.remove(cursor, [pair for pk in wanted for pair in pairs_of(pk, present[pk] - wanted[pk])])
        PARTICIPANTS.add(cursor, [pair for pk in wanted for pair in pairs_of(pk, wanted[pk] - present[pk])])
        changed |= wanted.keys()
        assigned = {item.id: item.entry.members for item in touched if item.entry.members is not None}
        present = MEMBERS.read(cursor, list(assigned))
        assigned = {pk: members for pk, members in assigned.items() if members != present[pk]}
        MEMBERS.remove(cursor, [pair for pk in assigned for pair in pairs_of(pk, present[pk] - assigned[pk])])
        MEMBERS.add(cursor, [pair for pk in assigned for pair in pairs_of(pk, assigned[pk] - present[pk])])
        return changed | assigned.keys()


def _external_ids(entries: Sequence[ContactEntry]) -> list[str]:
    """Return every external id in the entries, including those of their connections."""
    return [
        external_id
        for entry in entries
        if not entry.faults and entry.external_id is not None
        for external_id in (entry.external_id, *(entry.connections or {}).values())
    ]
