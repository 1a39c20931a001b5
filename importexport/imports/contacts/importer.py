"""Writes batches of contacts.

Locking: contacts that change are locked in id order before anything is written, so batches cannot deadlock with other
writers. Unchanged contacts are not locked.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from uuid import uuid4

import orjson
from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit.entries import append_all
from contacts.kinds.creation import ContactCreationKind
from contacts.models import (
    CONTACT_ACCESS,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    Channel,
    ChannelKind,
    Contact,
    ExternalConnection,
)
from contacts.plans import username_required
from contacts.queries.systems import held_systems
from contacts.services.channels import NOTHING_PENDING
from contacts.services.external_ids import external_id_not_unique, no_such_system
from contacts.services.usernames import username_coupled
from importexport.imports.approvals import CreationApprovals
from importexport.imports.contacts import statements
from importexport.imports.contacts.approvals import contact_approvals
from importexport.imports.contacts.creating import ask_for, connections_of, document_of, link
from importexport.imports.contacts.duplicates import DuplicateCheck
from importexport.imports.contacts.entry import ContactEntry, read_contact
from importexport.imports.contacts.plan import Known, New
from importexport.imports.contacts.references import references_for
from importexport.imports.contacts.relations import MEMBERS, PARTICIPANTS, access_changes, change_links
from importexport.imports.contacts.statements import Holder
from importexport.imports.contacts.uniqueness import give_up, settled_wishes
from importexport.imports.copying import copy_into, json_text, number, row, text, timestamp
from importexport.imports.documents import History, Planner, change_cells
from importexport.imports.entries import Outcome
from importexport.imports.reading import RawEntry
from importexport.models import DuplicateMode
from schemas.compiled import CompiledSchema

DEFAULT = ExternalConnection.DEFAULT_SYSTEM
FIRST = b"1"
# A place of no entry.
NOWHERE = -1


class ContactImporter:
    """Imports contacts for one actor under one schema version."""

    def __init__(
        self, *, actor: Actor, schema: CompiledSchema, duplicates: DuplicateMode = DuplicateMode.IGNORE
    ) -> None:
        self._actor = actor
        self._duplicates = None if duplicates is DuplicateMode.IGNORE else DuplicateCheck(actor, duplicates)
        self._schema = schema
        self._email_path = schema.channel_paths[ChannelKind.EMAIL] if settings.USERNAME_FROM_EMAIL else None
        self._planner = Planner(actor=actor, schema=schema, username_path=self._email_path)
        self._history = History(kind=CONTACT_DETAILS, actor=actor)
        self._approvals = contact_approvals(actor)
        self._creations = CreationApprovals(kind=ContactCreationKind(), actor=actor)
        self._sees_all = Contact.objects.all_seen_by(actor)
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
        _check_systems(entries)
        holders = statements.holders(cursor, _external_ids(entries))
        new, ids = self._partition(entries, holders)
        known = self._known(cursor, entries, ids)
        touched = self._touched(cursor, known, holders)
        self._plan_updates(cursor, touched)
        self._let_wait(touched)
        if self._duplicates is not None:
            new = self._duplicates.passed(new, touched)
        asked = self._creations.waiting(new, partial(document_of, references=self._references))
        waiting = {item.place for item, _changes, _requirement in asked}
        wishes = settled_wishes(cursor, entries, holders=holders, new=new, touched=touched, waiting=waiting)
        for item in touched:
            item.hold_back()
        ask_for(cursor, [found for found in asked if not found[0].entry.faults], self._references)
        give_up(cursor, wishes)
        created = [item for item in new if not item.entry.faults and not item.entry.waiting]
        self._create(cursor, created)
        if self._duplicates is not None:
            self._duplicates.created(created)
        self._update(cursor, [item for item in touched if not item.entry.faults])

    # ---- new or known

    def _partition(
        self, entries: Sequence[ContactEntry], holders: dict[str, Holder]
    ) -> tuple[list[New], dict[int, int]]:
        """Return the entries that create a contact, and place -> contact id for those of existing contacts."""
        new: list[New] = []
        ids: dict[int, int] = {}
        named: set[int] = set()
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
            elif holder[1] in named:
                entry.refuse("externalId", _("Another entry is about the same contact, since two were merged."))
            else:
                ids[place] = holder[1]
                named.add(holder[1])
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
            self._refuse_nameless(entry)

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
        access = access_changes(cursor, known, own=self._references.own_participants)
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
                or access[item.id]
            ):
                touched.append(item)
        locked = statements.locked(cursor, [item.id for item in touched])
        for item in touched:
            item.present = locked[item.id]
        return touched

    def _plan_updates(self, cursor: CursorWrapper, touched: list[Known]) -> None:
        access = access_changes(cursor, touched, own=self._references.own_participants)
        connections = statements.connections(cursor, [item.id for item in touched if item.connect])
        for item in touched:
            entry, present = item.entry, item.present
            if present.is_anonymized:
                entry.refuse(None, _("The contact was anonymized and cannot be changed any more."))
                continue
            if present.is_merged:
                entry.refuse(None, _("The contact was merged meanwhile. Import the entry again."))
                continue
            item.access, item.connections = access[item.id], connections.get(item.id, {})
            item.type_id = present.type_id if entry.type_id is None else entry.type_id
            if entry.details is not None:
                stored = orjson.loads(present.details)
                item.plan = self._planner.check_changed(entry, stored=stored, version=present.version)
            item.username = self._username_wanted(item)

    def _let_wait(self, touched: list[Known]) -> None:
        """Have the changes wait that must be approved. The locked contacts are those that they are made to."""
        for approvals in self._approvals:
            sound = [item for item in touched if not item.entry.faults]
            approvals.require({item.id: (item.entry, item.changes_of(approvals.kind)) for item in sound})

    def _username_wanted(self, item: Known) -> str | None:
        entry, present = item.entry, item.present
        if settings.USERNAME_FROM_EMAIL:
            wanted = present.username
            if item.plan is not None:
                wanted = item.plan.username or wanted
                if item.plan.removes_username:
                    self._refuse_nameless(entry)
            if entry.username not in (None, wanted):
                entry.refuse_as(username_coupled(), "username")
            return wanted
        if entry.username in (None, present.username):
            return present.username
        if settings.EXTERNAL_IDENTITY_PROVIDER:
            entry.refuse("username", _("Usernames are kept by the external identity provider."))
        return entry.username

    def _refuse_nameless(self, entry: ContactEntry) -> None:
        entry.refuse_as(username_required(self._email_path), "username")

    # ---- writing

    def _create(self, cursor: CursorWrapper, new: list[New]) -> None:
        if not new:
            return
        at = timestamp(timezone.now())
        for item, pk in zip(new, statements.new_ids(cursor, len(new)), strict=True):
            item.id = pk
            item.entry.outcome = Outcome.CREATED
        # Before the contacts, whose search keys have these in them: otherwise all keys would be written twice. The
        # database checks at the end of the transaction that the contacts are there.
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
        link(cursor, new, PARTICIPANTS, MEMBERS, references=self._references)

    def _update(self, cursor: CursorWrapper, touched: list[Known]) -> None:
        changed = [item for item in touched if item.is_row_changed]
        if changed:
            statements.update(
                cursor,
                # Details that wait are staged too, but not to be written.
                places=[NOWHERE if item.waits(CONTACT_DETAILS) else item.place for item in changed],
                ids=[item.id for item in changed],
                type_ids=[item.type_id for item in changed],
                versions=[item.present.version + bool(item.details) for item in changed],
                usernames=[item.username for item in changed],
            )
        recorded = [(item, plan) for item in changed if (plan := item.plan) and plan.changes]
        if recorded:
            self._history.record(
                cursor, ((item.id, item.present.version + 1, change_cells(plan)) for item, plan in recorded)
            )
            self._drop_pending(cursor, [item for item, _plan in recorded])
        connections = [(item.id, *pair) for item in touched for pair in item.connect.items()]
        if connections:
            cursor.execute(statements.CONNECT, [list(column) for column in zip(*connections, strict=True)])
        access = {item.id: item.access for item in touched if item.access}
        change_links(cursor, access)
        append_all(kind=CONTACT_ACCESS, actor=self._actor, changes=access)
        renamed = {item.id: found for item in touched if (found := item.identity)}
        append_all(kind=CONTACT_IDENTITY, actor=self._actor, changes=renamed)
        for item in touched:
            if item.entry.waiting:
                item.entry.outcome = Outcome.AWAITING
            elif item.is_row_changed or item.connect or item.access:
                item.entry.outcome = Outcome.UPDATED

    def _drop_pending(self, cursor: CursorWrapper, recorded: list[Known]) -> None:
        """Cancel pending verifications of values that the import overwrote."""
        if not self._schema.verified_paths:
            return
        written = {(item.id, change.path) for item in recorded for change in item.details}
        waiting = statements.waiting(cursor, [item.id for item in recorded])
        found = [pk for pk, *place in waiting if tuple(place) in written]
        if found:
            Channel.objects.filter(pk__in=found).update(**NOTHING_PENDING)


def _check_systems(entries: Sequence[ContactEntry]) -> None:
    """Hold the systems that entries name, and refuse those whose system was renamed since they were read."""
    naming = [entry for entry in entries if entry.connections and not entry.faults]
    if not naming:
        return
    systems = held_systems()
    for entry in naming:
        for system in entry.connections or {}:
            if systems.named(system) != system:
                entry.refuse("externalConnections", no_such_system(system, systems))


def _external_ids(entries: Sequence[ContactEntry]) -> list[str]:
    """Return every external id in the entries, including those of their connections."""
    return [
        external_id
        for entry in entries
        if not entry.faults and entry.external_id is not None
        for external_id in (entry.external_id, *(entry.connections or {}).values())
    ]
