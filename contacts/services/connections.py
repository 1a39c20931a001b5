"""External connections: a contact's ids in other systems."""

from django.db import transaction

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from contacts.services.identity import CONNECTIONS, change_identity, locked_identity


@transaction.atomic
def add_external_connection(*, actor: Actor, contact_id: int, system: str, external_id: str) -> ChangeRequest | None:
    """Add an external id to a contact; adding it again changes nothing. Returns the request if it waits.

    Locks the contact. Raises NotFound; UnprocessableEntity: `ExternalIdNotUnique` if any contact has the external id in
    any system, `ExternalConnectionExists` if the contact has another id in this system, `ValidationFailed`,
    `ContactAnonymized`, `PendingChangeRequestExists`.
    """
    subject = locked_identity(actor=actor, contact_id=contact_id)
    wanted = subject.connections_with([{"system": system, "externalId": external_id}])
    changes = subject.changes(**{CONNECTIONS: wanted})
    return change_identity(actor=actor, subject=subject, changes=changes)
