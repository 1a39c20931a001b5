"""Choosing legal entities and their history."""

from collections.abc import Collection, Mapping

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.queries import actor_of_user
from contactgroups.models import ContactGroup, GroupMembership
from contacts.models import Contact
from contacts.plans import Snapshot
from contacts.queries.contacts import check_visible
from contacts.queries.documents import holds_list_item
from core.errors import NotFound, map_lock_errors
from core.search import SearchTerm
from legalentities.models import LEGAL_ENTITY_SCHEMA, LegalEntity, LegalEntityChangeSet
from schemas.document_sources import StoredDocuments
from schemas.queries import current_schema


def no_such_legal_entity() -> NotFound:
    return NotFound(_("There is no legal entity with this id that you can see."))


def visible_legal_entity(*, actor: Actor, legal_entity_id: int) -> LegalEntity:
    """The legal entity with its group's id. Raises NotFound when there is none or the actor cannot see it."""
    return _one(LegalEntity.objects.visible_to(actor).with_group(), legal_entity_id)


def legal_entity_of_contact(*, actor: Actor, contact_id: int, legal_entity_id: int) -> LegalEntity:
    """The legal entity, with its group's id, of a group which the contact is in.

    Raises NotFound, also when the actor cannot see the contact.
    """
    check_visible(actor=actor, contact_id=contact_id)
    return _one(LegalEntity.objects.visible_to(actor).of_contact(contact_id).with_group(), legal_entity_id)


def new_legal_entity_snapshot(legal_entity: LegalEntity) -> Snapshot:
    """The snapshot of a legal entity that is to be created: an empty document of version 0."""
    return Snapshot(document={}, version=0, schema=current_schema(LEGAL_ENTITY_SCHEMA), row=legal_entity)


def legal_entity_snapshot(*, actor: Actor, legal_entity_id: int) -> Snapshot:
    """The legal entity, with its group's id, and its schema, without its lock. Raises NotFound."""
    return _snapshot(visible_legal_entity(actor=actor, legal_entity_id=legal_entity_id))


def locked_legal_entity_snapshot(*, actor: Actor, subject_id: int) -> Snapshot:
    """The same with the row locked until the transaction ends. Raises NotFound; HeldByOthers."""
    legal_entities = LegalEntity.objects.visible_to(actor).with_group()
    with map_lock_errors():
        return _snapshot(_one(legal_entities.select_for_update(of=("self",)), subject_id))


def _snapshot(legal_entity: LegalEntity) -> Snapshot:
    return Snapshot(
        document=legal_entity.details,
        version=legal_entity.version,
        schema=current_schema(LEGAL_ENTITY_SCHEMA),
        row=legal_entity,
    )


def _one(legal_entities: QuerySet[LegalEntity], legal_entity_id: int) -> LegalEntity:
    legal_entity = legal_entities.filter(pk=legal_entity_id).first()
    if legal_entity is None:
        raise no_such_legal_entity()
    return legal_entity


def search_legal_entities(legal_entities: QuerySet[LegalEntity], text: str) -> QuerySet[LegalEntity]:
    """The legal entities that somebody means who types `text`: parts of a name, an id, a uid, an external id."""
    term = SearchTerm.typed(text)
    if not term:
        return legal_entities
    return legal_entities.filter(Q(external_id=term.text) | term.is_key() | term.parts_of("name"))


def groups_by_id(*, actor: Actor, group_ids: Collection[int]) -> Mapping[int, ContactGroup]:
    """The groups, each with `contact_count`, the number of its contacts that the actor sees; in one query."""
    members = GroupMembership.objects.visible_to(actor).filter(group=OuterRef("pk")).order_by()
    number = members.values("group").annotate(number=Count("pk")).values("number")
    return ContactGroup.objects.annotate(contact_count=Coalesce(Subquery(number), 0)).in_bulk(group_ids)


def changed_since(legal_entity: LegalEntity, version: int) -> list[LegalEntityChangeSet]:
    """The change sets that led from an earlier version to the legal entity as it was read, the latest first."""
    later = latest_change_sets(legal_entity_id=legal_entity.pk)
    return list(later.filter(version__gt=version, version__lte=legal_entity.version))


def latest_change_sets(*, legal_entity_id: int, limit: int | None = None) -> QuerySet[LegalEntityChangeSet]:
    """The latest of a legal entity's history, all unless `limit`, with whoever made each change set."""
    history = LegalEntityChangeSet.objects.filter(legal_entity_id=legal_entity_id).order_by("-version")
    people = history.select_related("initiator_member__user", "initiator_contact", "initiator_application")
    return people.defer("initiator_contact__details")[:limit]


def unseen_initiators(*, actor: Actor, change_sets: Collection[LegalEntityChangeSet]) -> set[int]:
    """The ids of the contacts that made the changes and that the actor cannot see: it is not told who they are."""
    ids = {change_set.initiator_contact_id for change_set in change_sets if change_set.initiator_contact_id}
    return ids - set(Contact.objects.visible_to(actor).filter(pk__in=ids).values_list("pk", flat=True))


def is_list_item_used(list_key: str, item_key: str) -> bool:
    """Whether the details of any legal entity hold the item of the list."""
    rows = LegalEntity.objects.all()
    return holds_list_item(rows, schema_key=LEGAL_ENTITY_SCHEMA, list_key=list_key, item_key=item_key)


def stored_legal_entities() -> StoredDocuments:
    """Where the documents of the schema `legal-entity` are."""

    def visible_to_user(user_id: int | None) -> QuerySet[LegalEntity]:
        actor = actor_of_user(user_id)
        return LegalEntity.objects.none() if actor is None else LegalEntity.objects.visible_to(actor)

    return StoredDocuments(rows=LegalEntity.objects.all(), visible_to_user=visible_to_user)
