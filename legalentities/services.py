"""New legal entities, and changes of their details: the steps of design section 5, without approval or verification."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from contactgroups.models import EntityType, GroupMembership
from contactgroups.services import Membership, create_group, link_entity
from contacts.details import Change, canonical, changes_between, changes_of_new
from contacts.services.changes import check_updatable, check_valid, history_columns
from core.errors import Forbidden, UnprocessableEntity, map_integrity_error
from legalentities.models import EXTERNAL_ID_UNIQUE, LEGAL_ENTITY_SCHEMA, LegalEntity, LegalEntityChangeSet
from legalentities.queries import locked_legal_entity
from schemas.queries import current_schema

# The key of the access policy that lets a contact look at what its group has, and no more.
READ_ONLY = "read-only"
Precondition = Callable[[LegalEntity], None]


def _no_precondition(legal_entity: LegalEntity) -> None:
    """For callers that named no version."""


@transaction.atomic
def create_legal_entity(
    *,
    actor: Actor,
    details: dict[str, Any],
    memberships: Sequence[Membership] = (),
    external_id: str | None = None,
) -> LegalEntity:
    """Create a legal entity and the group that it belongs to. It takes effect at once for every actor.

    A contact that creates one is in the group. Raises UnprocessableEntity: FieldNotUpdatable, ValidationFailed,
    ExternalIdNotUnique, and what `create_group` raises of the memberships: ContactsRequired among them, when an actor
    that does not see all contacts names none. Locks the contacts.
    """
    schema = current_schema(LEGAL_ENTITY_SCHEMA)
    document = canonical(details, objects=schema.object_paths)
    changes = changes_of_new(document)
    check_updatable(actor=actor, schema=schema, changes=changes, is_creation=True)
    check_valid(schema=schema, target=document, stored={})
    group = create_group(actor=actor, memberships=memberships, include_contact_id=actor.contact_id)
    legal_entity = LegalEntity(details=document, external_id=external_id)
    taken = UnprocessableEntity(_("A legal entity has this external id already."), sub_code="ExternalIdNotUnique")
    with map_integrity_error(EXTERNAL_ID_UNIQUE, taken):
        legal_entity.save(force_insert=True)
    link_entity(actor=actor, group=group, entity_type=EntityType.LEGAL_ENTITY, entity_id=legal_entity.pk)
    legal_entity.group_id = group.pk
    _record(actor, legal_entity, changes)
    return legal_entity


@transaction.atomic
def replace_details(
    *,
    actor: Actor,
    legal_entity_id: int,
    details: dict[str, Any],
    precondition: Precondition = _no_precondition,
) -> LegalEntity:
    """Make `details` the whole document; when nothing differs, nothing is written. Locks the legal entity's row.

    `precondition` is called with the locked row and raises when it is not as the caller knew it. Raises NotFound;
    Forbidden `ReadOnlyAccess`; UnprocessableEntity: FieldNotUpdatable, ValidationFailed.
    """
    legal_entity = locked_legal_entity(actor=actor, legal_entity_id=legal_entity_id)
    _check_may_write(actor, legal_entity)
    precondition(legal_entity)
    schema = current_schema(LEGAL_ENTITY_SCHEMA)
    target = canonical(details, objects=schema.object_paths)
    changes = changes_between(legal_entity.details, target)
    if changes:
        check_updatable(actor=actor, schema=schema, changes=changes)
        check_valid(schema=schema, target=target, stored=legal_entity.details)
        legal_entity.details = target
        legal_entity.version += 1
        legal_entity.save(update_fields=["details", "version"])
        _record(actor, legal_entity, changes)
    return legal_entity


def _check_may_write(actor: Actor, legal_entity: LegalEntity) -> None:
    """Raises Forbidden `ReadOnlyAccess` for a contact whose access policy in the group lets it read alone."""
    if actor.contact_id is None:
        return
    memberships = GroupMembership.objects.filter(group=legal_entity.group_id, contact=actor.contact_id)
    if memberships.filter(access_policy__key=READ_ONLY).exists():
        raise Forbidden(_("Your access to this legal entity is read only."), sub_code="ReadOnlyAccess")


def _record(actor: Actor, legal_entity: LegalEntity, changes: Sequence[Change]) -> None:
    """Add the change set of the legal entity's present version to its history."""
    LegalEntityChangeSet.objects.create(
        legal_entity=legal_entity, version=legal_entity.version, **history_columns(actor=actor, changes=changes)
    )
