"""Reading and searching legal entities and their history."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.queries import actor_of_user
from audit.models import Entry
from changerequests.policies import NO_FACTS, Facts, Initiator, KindPolicy
from changerequests.queries.policies import current_policy, initiator_of, may_wait
from contactgroups.models import ACCESS_POLICIES, ContactGroup, EntityType, GroupMembership, LinkedEntity
from contactgroups.naming import LinkedNames
from contacts.models import Contact
from contacts.plans import Snapshot
from contacts.queries.contacts import check_visible
from contacts.queries.documents import holds_list_item, is_id_asked_for
from core.errors import NotFound, map_lock_errors
from core.search import SearchTerm
from legalentities.models import LEGAL_ENTITY_CREATION, LEGAL_ENTITY_DETAILS, LEGAL_ENTITY_SCHEMA, LegalEntity
from schemas.compiled import CompiledSchema
from schemas.document_sources import StoredDocuments
from schemas.queries import current_schema


def no_such_legal_entity() -> NotFound:
    return NotFound(_("There is no legal entity with this id that you can see."))


def visible_legal_entity(*, actor: Actor, legal_entity_id: int) -> LegalEntity:
    """Return the legal entity with `group_id`. Raise NotFound if it does not exist or the actor cannot see it."""
    return _one(LegalEntity.objects.visible_to(actor).with_group(), legal_entity_id)


def legal_entity_of_contact(*, actor: Actor, contact_id: int, legal_entity_id: int) -> LegalEntity:
    """Return the legal entity with `group_id`, if it belongs to a group of the contact.

    Raise NotFound if it does not, or if the actor cannot see the contact or the legal entity.
    """
    contact_id = check_visible(actor=actor, contact_id=contact_id)
    return _one(LegalEntity.objects.visible_to(actor).of_contact(contact_id).with_group(), legal_entity_id)


def new_legal_entity_snapshot(legal_entity: LegalEntity, schema: CompiledSchema) -> Snapshot:
    """Return the snapshot for creating a legal entity: an empty document with version 0."""
    return Snapshot(document={}, version=0, schema=schema, row=legal_entity)


def legal_entity_snapshot(*, actor: Actor, legal_entity_id: int) -> Snapshot:
    """Return the snapshot of a legal entity, with `group_id`. Takes no lock. Raise NotFound."""
    return _snapshot(visible_legal_entity(actor=actor, legal_entity_id=legal_entity_id), actor)


def locked_legal_entity_snapshot(*, actor: Actor, subject_id: int) -> Snapshot:
    """Return the snapshot with the row locked until the end of the transaction. Raise NotFound; HeldByOthers."""
    legal_entities = LegalEntity.objects.visible_to(actor).with_group()
    with map_lock_errors():
        return _snapshot(_one(legal_entities.select_for_update(of=("self",)), subject_id), actor)


def _snapshot(legal_entity: LegalEntity, actor: Actor) -> Snapshot:
    policy = current_policy(LEGAL_ENTITY_DETAILS)
    waits = may_wait(actor, policy)
    return Snapshot(
        document=legal_entity.details,
        version=legal_entity.version,
        schema=current_schema(LEGAL_ENTITY_SCHEMA),
        row=legal_entity,
        policy=policy if waits else None,
        facts=facts_of_legal_entity(legal_entity.pk, policy, initiator_of(actor, policy)) if waits else NO_FACTS,
    )


def facts_of_legal_entity(legal_entity_id: int, policy: KindPolicy, initiator: Initiator) -> Facts:
    """Return what the policy's rules depend on: its participants are those of the contacts of its group."""
    return facts_of_legal_entities([legal_entity_id], policy, initiator)[legal_entity_id]


def facts_of_legal_entities(
    legal_entity_ids: Collection[int], policy: KindPolicy, initiator: Initiator
) -> Mapping[int, Facts]:
    """Return what the policy's rules depend on, by legal entity. Runs two queries if they depend on these."""
    if not policy.needs_subject_facts:
        return dict.fromkeys(legal_entity_ids, Facts(initiator=initiator))
    links = LinkedEntity.objects.filter(entity_type=EntityType.LEGAL_ENTITY, entity_id__in=legal_entity_ids)
    groups = dict(links.values_list("entity_id", "group"))
    participants: dict[int, set[int]] = {group_id: set() for group_id in groups.values()}
    members = GroupMembership.objects.filter(group__in=list(participants), contact__participants__isnull=False)
    for group_id, participant_id in members.values_list("group", "contact__participants").distinct():
        participants[group_id].add(participant_id)
    return {
        pk: Facts(participant_ids=frozenset(participants.get(groups.get(pk, 0), ())), initiator=initiator)
        for pk in legal_entity_ids
    }


def _one(legal_entities: QuerySet[LegalEntity], legal_entity_id: int) -> LegalEntity:
    legal_entity = legal_entities.filter(pk=legal_entity_id).first()
    if legal_entity is None:
        raise no_such_legal_entity()
    return legal_entity


def search_legal_entities(legal_entities: QuerySet[LegalEntity], text: str) -> QuerySet[LegalEntity]:
    """Filter legal entities by a search term: words of the name (all must match), id, uid or exact external id."""
    term = SearchTerm.typed(text)
    if not term:
        return legal_entities
    return legal_entities.filter(Q(external_id=term.text) | term.is_key() | term.parts_of("name"))


def groups_by_id(*, actor: Actor, group_ids: Collection[int]) -> Mapping[int, ContactGroup]:
    """Return groups by id, with `contact_count`: the number of contacts that the actor sees. Runs one query."""
    members = GroupMembership.objects.visible_to(actor).filter(group=OuterRef("pk")).order_by()
    number = members.values("group").annotate(number=Count("pk")).values("number")
    return ContactGroup.objects.annotate(contact_count=Coalesce(Subquery(number), 0)).in_bulk(group_ids)


def unseen_initiators(*, actor: Actor, entries: Collection[Entry]) -> set[int]:
    """Return the ids of initiating contacts that the actor cannot see and whose names must not be shown."""
    ids = {entry.initiator_contact_id for entry in entries if entry.initiator_contact_id}
    return ids - set(Contact.objects.visible_to(actor).filter(pk__in=ids).values_list("pk", flat=True))


def is_list_item_used(list_key: str, item_key: str) -> bool:
    """Return whether the details of any legal entity contain the list item, or would if what waits were approved.

    Or whether it is an access policy that a legal entity which waits to be created would give.
    """
    return holds_list_item(
        LegalEntity.objects.all(),
        asked_at={LEGAL_ENTITY_DETAILS: "", LEGAL_ENTITY_CREATION: "details."},
        schema_key=LEGAL_ENTITY_SCHEMA,
        list_key=list_key,
        item_key=item_key,
    ) or (
        list_key == ACCESS_POLICIES
        and is_id_asked_for(
            kind=LEGAL_ENTITY_CREATION,
            place='$[*] ? (@.path == "contacts").target.accessPolicyId',
            list_key=list_key,
            item_key=item_key,
        )
    )


def names_of_groups() -> LinkedNames:
    """Return the names by which the groups of legal entities are called and found."""
    links = LinkedEntity.objects.filter(entity_type=EntityType.LEGAL_ENTITY).order_by()
    of_group = links.filter(group=OuterRef(OuterRef("pk"))).values("entity_id")

    def search(term: str) -> QuerySet[Any, Any]:
        found = search_legal_entities(LegalEntity.objects.all(), term).order_by().values("pk")
        return links.filter(entity_id__in=found).values("group")

    return LinkedNames(Subquery(LegalEntity.objects.filter(pk__in=of_group).order_by("pk").values("name")[:1]), search)


def stored_legal_entities() -> StoredDocuments:
    """Return the document source of the schema `legal-entity`."""

    def visible_to_user(user_id: int | None) -> QuerySet[LegalEntity]:
        actor = actor_of_user(user_id)
        return LegalEntity.objects.none() if actor is None else LegalEntity.objects.visible_to(actor)

    return StoredDocuments(rows=LegalEntity.objects.all(), visible_to_user=visible_to_user)
