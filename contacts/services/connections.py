"""External connections: a contact's ids in other systems."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from contacts.models import ExternalConnection
from contacts.snapshots import changeable_contact
from core.errors import UnprocessableEntity, map_integrity_error


@transaction.atomic
def add_external_connection(*, actor: Actor, contact_id: int, system: str, external_id: str) -> None:
    """Add an external id to a contact; adding it again changes nothing. Locks the contact.

    Raises NotFound; UnprocessableEntity: `ExternalIdNotUnique` if any contact has the external id in any system,
    `ExternalConnectionExists` if the contact has another id in this system, `ContactAnonymized`.
    """
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    existing = contact.external_connections.filter(system=system).first()
    if existing is not None and existing.external_id == external_id:
        return
    if existing is not None:
        raise UnprocessableEntity(
            _("The contact has another external id in this system."), sub_code="ExternalConnectionExists"
        )
    taken = UnprocessableEntity(_("A contact has this external id already."), sub_code="ExternalIdNotUnique")
    with map_integrity_error("external_id_unique", taken):
        ExternalConnection.objects.create(contact=contact, system=system, external_id=external_id)
