"""Writes batches of legal entities and their contact groups.

Lock order, as in the services of contact groups: contacts, then groups, then legal entities, each in id order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit.entries import append_all
from changerequests.policies import Facts, Initiator, KindPolicy, Requirement
from contactgroups.documents import ID, changes_to, contacts_at, link_path, member_path, membership_changes
from contactgroups.models import ACCESS_POLICIES, CONTACT_GROUP, EntityType, GroupMembership
from contactgroups.services import Membership
from contactgroups.subjects import facts_of_groups
from contacts.models import Contact, ExternalConnection
from contacts.plans import ChangePlan
from contacts.queries.contacts import answering_ids
from core.documents import Change, Document
from importexport.imports.approvals import Approvals, Changes, CreationApprovals, DetailsApprovals
from importexport.imports.contacts.statements import holders, stage
from importexport.imports.copying import json_text, number, row
from importexport.imports.documents import History, Planner, change_cells
from importexport.imports.entries import Outcome, Waiting
from importexport.imports.legalentities import statements
from importexport.imports.legalentities.entry import LegalEntityEntry, read_legal_entity
from importexport.imports.legalentities.statements import by_columns
from importexport.imports.reading import RawEntry
from legalentities.kinds.creation import LegalEntityCreationKind
from legalentities.models import (
    LEGAL_ENTITY_CREATION,
    LEGAL_ENTITY_DETAILS,
    LEGAL_ENTITY_SCHEMA,
    LegalEntity,
    name_of,
)
from legalentities.queries import facts_of_legal_entities
from legalentities.services.creation import external_id_not_unique, new_document
from schemas.compiled import CompiledSchema
from schemas.models import ListItem

# Contact -> access policy.
Memberships = dict[int, int]


@dataclass(slots=True)
class _Item:
    """Working state of an entry; `wanted` are the group members to set, None to keep the current ones.

    `plan` is that of the details; None without details. `joined` are the changes of an existing group's members.
    """

    place: int
    entry: LegalEntityEntry
    id: int = 0
    group_id: int = 0
    differs: bool = False
    version: int = 1
    plan: ChangePlan | None = None
    wanted: Memberships | None = None
    joined: Sequence[Change] = ()

    @property
    def changes(self) -> Sequence[Change]:
        return () if self.plan is None else self.plan.changes

    def hold_back(self) -> None:
        """Leave out what waits; the rest takes effect."""
        if LEGAL_ENTITY_DETAILS in self.entry.waiting:
            self.plan = None
        if CONTACT_GROUP in self.entry.waiting:
            self.joined = ()


class LegalEntityImporter:
    """Imports legal entities for one actor under one schema version."""

    def __init__(self, *, actor: Actor, schema: CompiledSchema) -> None:
        self._actor = actor
        self._schema = schema
        self._planner = Planner(actor=actor, schema=schema)
        self._history = History(kind=LEGAL_ENTITY_DETAILS, actor=actor)
        self._details = DetailsApprovals(
            kind=LEGAL_ENTITY_DETAILS, schema_key=LEGAL_ENTITY_SCHEMA, actor=actor, facts=facts_of_legal_entities
        )
        self._groups = Approvals(kind=CONTACT_GROUP, actor=actor, facts=_facts_of_groups)
        self._creations = CreationApprovals(kind=LegalEntityCreationKind(), actor=actor)
        self._sees_all = Contact.objects.all_seen_by(actor)
        self.refresh()

    def refresh(self) -> None:
        """Reload the cached access policies."""
        self._policies: dict[int | str, int] = {}
        for pk, key in ListItem.objects.filter(list__key=ACCESS_POLICIES).values_list("pk", "key"):
            self._policies[pk] = self._policies[key] = pk

    def read(self, raw: RawEntry) -> LegalEntityEntry:
        entry = read_legal_entity(raw, schema=self._schema, policies=self._policies)
        self._planner.explain(entry)
        return entry

    def apply(self, entries: Sequence[LegalEntityEntry]) -> None:
        """Write a batch in the caller's transaction and set the outcomes and faults of the entries."""
        with connection.cursor() as cursor:
            self._apply(cursor, entries)

    def _apply(self, cursor: CursorWrapper, entries: Sequence[LegalEntityEntry]) -> None:
        items = [_Item(place, entry) for place, entry in enumerate(entries) if not entry.faults]
        cursor.execute(statements.KNOWN, [[item.entry.external_id for item in items]])
        reserved = dict(cursor.fetchall())
        for item in items:
            if reserved.get(item.entry.external_id):
                item.entry.refuse_as(external_id_not_unique(is_reserved=True), "externalId")
        items = [item for item in items if not item.entry.faults]
        known_ids = reserved.keys()
        new = [item for item in items if item.entry.external_id not in known_ids]
        known = [item for item in items if item.entry.external_id in known_ids]
        stage(cursor, self._staged(new, known))
        new = [item for item in new if not item.entry.faults]
        self._compare(cursor, known)
        known = [item for item in known if not item.entry.faults]
        self._resolve_contacts(cursor, [*new, *known])
        new = [item for item in new if not item.entry.faults]
        touched = self._touched(cursor, [item for item in known if not item.entry.faults])
        anonymized = self._lock_contacts(cursor, [*new, *touched])
        self._plan_updates(cursor, touched, anonymized)
        for item in new:
            self._check_not_anonymized(item, anonymized, {})
        able = [item for item in new if not item.entry.faults]
        self._ask_for(cursor, self._creations.waiting(able, _document))
        self._create(cursor, [item for item in able if not item.entry.waiting])
        self._update(cursor, [item for item in touched if not item.entry.faults])

    def _staged(self, new: list[_Item], known: list[_Item]) -> Iterator[bytes]:
        for item in new:
            self._planner.check_new(item.entry)
            if not item.entry.contacts and not self._sees_all:
                item.entry.refuse("contacts", _("Name at least one contact that the legal entity belongs to."))
            if not item.entry.faults:
                yield row(number(item.place), json_text(item.entry.document))
        for item in known:
            if item.entry.details is not None:
                yield row(number(item.place), json_text(item.entry.document))

    def _compare(self, cursor: CursorWrapper, known: list[_Item]) -> None:
        by_place = {item.place: item for item in known}
        if known:
            cursor.execute(statements.COMPARED, [list(by_place), [item.entry.external_id for item in known]])
            for place, pk, group_id, differs in cursor.fetchall():
                item = by_place[place]
                item.id, item.group_id, item.differs = pk, group_id, differs
                item.entry.outcome = Outcome.UNCHANGED
        if self._sees_all:
            return
        visible = LegalEntity.objects.visible_to(self._actor).filter(pk__in=[item.id for item in known])
        seen = set(visible.values_list("pk", flat=True))
        for item in known:
            if item.id not in seen:
                item.entry.refuse("externalId", _("A legal entity that you cannot see has this external id."))

    # ---- members

    def _resolve_contacts(self, cursor: CursorWrapper, items: list[_Item]) -> None:
        """Set `wanted` of the items. Adds faults for contacts that do not exist, are not visible or are repeated."""
        named = [contact for item in items for contact in item.entry.contacts or ()]
        external_ids = {contact.external_id for contact in named if contact.external_id is not None}
        taken = holders(cursor, sorted(external_ids)) if external_ids else {}
        by_external_id = {
            external_id: contact_id
            for external_id, (system, contact_id) in taken.items()
            if system == ExternalConnection.DEFAULT_SYSTEM
        }
        ids = {contact.id for contact in named if contact.id is not None} | set(by_external_id.values())
        answering = answering_ids(ids) if ids else {}
        rows = (
            Contact.objects.visible_to(self._actor).filter(pk__in=answering.values()) if ids else Contact.objects.none()
        )
        visible = set(rows.values_list("pk", flat=True))
        for item in items:
            if item.entry.contacts is None:
                item.wanted = None if item.id else {}
                continue
            item.wanted = {}
            for contact in item.entry.contacts:
                external_id = contact.external_id
                named_id = contact.id if external_id is None else by_external_id.get(external_id)
                pk = None if named_id is None else answering[named_id]
                if pk is None or pk not in visible:
                    item.entry.refuse(contact.place, _("There is no such contact that you can see."))
                elif pk in item.wanted:
                    item.entry.refuse(contact.place, _("The contact is already named."))
                else:
                    item.wanted[pk] = contact.policy_id

    def _memberships(self, cursor: CursorWrapper, group_ids: list[int]) -> dict[int, Memberships]:
        """Return the members of each group that the actor sees. An import never removes the others."""
        found: dict[int, Memberships] = {pk: {} for pk in group_ids}
        if group_ids:
            cursor.execute(statements.MEMBERSHIPS, [group_ids])
            for group_id, contact_id, policy_id in cursor.fetchall():
                found[group_id][contact_id] = policy_id
        if self._sees_all:
            return found
        ids = {contact_id for members in found.values() for contact_id in members}
        visible = set(Contact.objects.visible_to(self._actor).filter(pk__in=ids).values_list("pk", flat=True))
        return {
            pk: {contact: policy for contact, policy in members.items() if contact in visible}
            for pk, members in found.items()
        }

    def _check_not_anonymized(self, item: _Item, anonymized: dict[int, bool], present: Memberships) -> None:
        for pk in item.wanted or ():
            if anonymized.get(pk, True) and pk not in present:
                item.entry.refuse("contacts", _("A contact was anonymized and cannot join a group any more."))

    def _lock_contacts(self, cursor: CursorWrapper, items: list[_Item]) -> dict[int, bool]:
        """Lock the contacts of the items in id order. Return contact id -> whether it is anonymized."""
        ids = sorted({pk for item in items for pk in item.wanted or ()})
        if not ids:
            return {}
        cursor.execute(statements.CONTACTS, [ids])
        return dict(cursor.fetchall())

    # ---- existing legal entities

    def _touched(self, cursor: CursorWrapper, known: list[_Item]) -> list[_Item]:
        """Return the items that may change. No locks."""
        naming = [item for item in known if item.wanted is not None]
        present = self._memberships(cursor, [item.group_id for item in naming])
        return [
            item
            for item in known
            if item.differs or (item.wanted is not None and item.wanted != present[item.group_id])
        ]

    def _plan_updates(self, cursor: CursorWrapper, touched: list[_Item], anonymized: dict[int, bool]) -> None:
        """Lock the groups, then the legal entities, and plan their changes. The contacts must already be locked."""
        if not touched:
            return
        cursor.execute(statements.GROUPS, [[item.group_id for item in touched]])
        cursor.execute(statements.LOCKED, [[item.id for item in touched]])
        rows = {pk: (version, details) for pk, version, details in cursor.fetchall()}
        present = self._memberships(cursor, [item.group_id for item in touched if item.wanted is not None])
        for item in touched:
            item.version, details = rows[item.id]
            if item.entry.details is not None:
                stored = orjson.loads(details)
                item.plan = self._planner.check_changed(item.entry, stored=stored, version=item.version)
            if item.wanted is not None:
                self._check_not_anonymized(item, anonymized, present[item.group_id])
                item.joined = _membership_changes(item.wanted, present[item.group_id])
        sound = [item for item in touched if not item.entry.faults]
        self._groups.require({item.group_id: (item.entry, item.joined) for item in sound})
        sound = [item for item in sound if not item.entry.faults]
        self._details.require({item.id: (item.entry, item.changes) for item in sound})
        for item in sound:
            item.hold_back()

    # ---- writing

    def _ask_for(self, cursor: CursorWrapper, waiting: Sequence[tuple[_Item, Sequence[Change], Requirement]]) -> None:
        """Have new legal entities wait: draw their ids and reserve their external ids. The caller asks for them.

        Comes before the legal entities of the batch are written: a reservation waits for others that write some.
        """
        if not waiting:
            return
        cursor.execute(statements.WAITING_IDS, [len(waiting)])
        for (item, changes, requirement), (pk,) in zip(waiting, sorted(cursor.fetchall()), strict=True):
            item.id = pk
            item.entry.waiting[LEGAL_ENTITY_CREATION] = Waiting(pk, changes, requirement)
            item.entry.outcome = Outcome.AWAITING
        items = [item for item, _changes, _requirement in waiting]
        rows = [(item.id, name_of(item.entry.details or {}), item.entry.external_id) for item in items]
        by_columns(cursor, statements.INSERT_WAITING, rows)
        memberships = [(item.id, contact_id) for item in items for contact_id in item.wanted or ()]
        by_columns(cursor, statements.INSERT_WAITING_MEMBERSHIPS, memberships)

    def _create(self, cursor: CursorWrapper, new: list[_Item]) -> None:
        if not new:
            return
        moment = timezone.now()
        cursor.execute(statements.NEW_IDS, [len(new)])
        for item, (pk, group_id) in zip(new, sorted(cursor.fetchall()), strict=True):
            item.id, item.group_id = pk, group_id
            item.entry.outcome = Outcome.CREATED
        cursor.execute(statements.INSERT_GROUPS, [moment, [item.group_id for item in new]])
        self._join(cursor, [(item.group_id, *pair) for item in new for pair in (item.wanted or {}).items()])
        by_columns(cursor, statements.INSERT_LINKS, [(item.group_id, item.id) for item in new])
        rows = [(item.place, item.id, item.entry.external_id) for item in new]
        by_columns(cursor, statements.INSERT, rows, moment)
        self._history.record(cursor, ((item.id, 1, item.entry.history_cells) for item in new))
        self._record_groups({item.group_id: _creation_of_group(item) for item in new})

    def _update(self, cursor: CursorWrapper, touched: list[_Item]) -> None:
        changed = [(item, plan) for item in touched if (plan := item.plan) and plan.changes]
        by_columns(cursor, statements.UPDATE, [(item.place, item.id, item.version + 1) for item, _plan in changed])
        if changed:
            self._history.record(cursor, ((item.id, item.version + 1, change_cells(plan)) for item, plan in changed))
        made = [(item.group_id, *change) for item in touched for change in membership_changes(item.joined)]
        gone = [(group_id, contact_id) for group_id, contact_id, change in made if change.target is None]
        by_columns(cursor, statements.LEAVE_GROUPS, gone)
        self._join(cursor, [(*pair, change.target) for *pair, change in made if change.target is not None])
        self._record_groups({item.group_id: item.joined for item in touched if item.joined})
        for item in touched:
            if item.entry.waiting:
                item.entry.outcome = Outcome.AWAITING
            elif item.changes or item.joined:
                item.entry.outcome = Outcome.UPDATED

    def _record_groups(self, changes: Mapping[int, Sequence[Change]]) -> None:
        append_all(kind=CONTACT_GROUP, actor=self._actor, changes=changes)

    def _join(self, cursor: CursorWrapper, rows: list[tuple[int, int, int]]) -> None:
        by_columns(cursor, statements.JOIN_GROUPS, rows)


def _membership_changes(wanted: Memberships, present: Memberships) -> list[Change]:
    return [
        Change(member_path(pk), present.get(pk), wanted.get(pk))
        for pk in sorted(present.keys() | wanted.keys())
        if present.get(pk) != wanted.get(pk)
    ]


def _facts_of_groups(changes: Changes, policy: KindPolicy, initiator: Initiator) -> Mapping[int, Facts]:
    """Return what the policy's rules depend on, by group. Runs two queries."""
    contacts = {pk: contacts_at(change.path for change in found) for pk, found in changes.items()}
    members = GroupMembership.objects.filter(group__in=list(changes)).order_by()
    for group_id, contact_id in members.values_list("group", "contact"):
        contacts[group_id].add(contact_id)
    return facts_of_groups(contacts, policy, initiator)


def _creation_of_group(item: _Item) -> list[Change]:
    """Return the changes that create the group of a new legal entity."""
    members = {member_path(pk): policy_id for pk, policy_id in (item.wanted or {}).items()}
    return changes_to({}, {ID: item.group_id, **members, link_path((EntityType.LEGAL_ENTITY, item.id)): True})


def _document(item: _Item) -> Document:
    """Return what a request to create the legal entity would ask for."""
    memberships = [Membership(contact_id, policy_id) for contact_id, policy_id in (item.wanted or {}).items()]
    return new_document(external_id=item.entry.external_id, memberships=memberships, details=item.entry.details or {})
