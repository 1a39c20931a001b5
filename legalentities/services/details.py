"""Changing the details of legal entities, with the same plan and commit as contacts."""

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _

from accounts.actor import Actor
from contactgroups.models import GroupMembership
from contacts.plans import plan, replaced
from contacts.services.changes import DetailsRepository, Submission, commit
from core.errors import Forbidden
from legalentities.models import LEGAL_ENTITY_DETAILS, LegalEntity
from legalentities.queries import legal_entity_snapshot, locked_legal_entity_snapshot

LEGAL_ENTITIES = DetailsRepository(
    model=LegalEntity,
    kind=LEGAL_ENTITY_DETAILS,
    read_locked=locked_legal_entity_snapshot,
)
# The key of the access policy that lets a contact read, but not change, the entities of its group.
READ_ONLY = "read-only"


def replace_details(
    *,
    actor: Actor,
    legal_entity_id: int,
    details: dict[str, Any],
    comment: str | None = None,
    versions: Collection[int] | None = None,
) -> Submission:
    """Replace the whole document; writes nothing if it is unchanged. Locks the legal entity's row.

    A member's change waits as a request where the policy says so; an application's only if a rule names it.
    `versions` are those that the caller has read. Raise NotFound; Forbidden `ReadOnlyAccess`; PreconditionFailed;
    UnprocessableEntity: FieldNotUpdatable, ValidationFailed, PendingChangeRequestExists.
    """
    snapshot = legal_entity_snapshot(actor=actor, legal_entity_id=legal_entity_id)
    _check_may_write(actor, snapshot.row)
    found = plan(snapshot, replaced(details, versions), actor)
    return commit(found, repository=LEGAL_ENTITIES, comment=comment)


def _check_may_write(actor: Actor, legal_entity: LegalEntity) -> None:
    """Raise Forbidden `ReadOnlyAccess` for a contact whose access policy in the group is `read-only`."""
    if actor.contact_id is None:
        return
    memberships = GroupMembership.objects.filter(group=legal_entity.group_id, contact=actor.contact_id)
    if memberships.filter(access_policy__key=READ_ONLY).exists():
        raise Forbidden(_("Your access to this legal entity is read only."), sub_code="ReadOnlyAccess")
