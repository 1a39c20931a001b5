"""External ids: unique across contacts and systems. Those that are reserved for contacts which wait count too."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from django.utils.translation import gettext as _

from contacts.models import MAX_EXTERNAL_ID, MAX_SYSTEM, Contact, ExternalConnection
from contacts.models.triggers import EXTERNAL_ID_RESERVED, EXTERNAL_ID_TAKEN
from contacts.queries.contacts import external_id_is_reserved
from contacts.queries.systems import Systems
from core.errors import UnprocessableEntity, map_integrity_error
from core.text import checked_line


def external_id_not_unique(*, is_reserved: bool = False) -> UnprocessableEntity:
    text = (
        _("A new contact pending approval has this external id.")
        if is_reserved
        else _("A contact has this external id already.")
    )
    return UnprocessableEntity(text, sub_code="ExternalIdNotUnique")


def another_external_id() -> UnprocessableEntity:
    return UnprocessableEntity(
        _("The contact has another external id in this system."), sub_code="ExternalConnectionExists"
    )


def connection_in_form(connection: Mapping[str, str], systems: Systems) -> dict[str, str]:
    """Return an external id in its one form, and its system as that is spelled.

    Raises UnprocessableEntity `ValidationFailed`, also for a system that is none of `systems`.
    """
    given = checked_line(connection["system"], path="system", most=MAX_SYSTEM)
    external_id = checked_line(connection["externalId"], path="externalId", most=MAX_EXTERNAL_ID)
    system = systems.named(given)
    faults = {}
    if system is None:
        faults["system"] = [no_such_system(given, systems)]
    if not external_id:
        faults["externalId"] = [_("An external id is required.")]
    if system is None or faults:
        raise UnprocessableEntity(sub_code="ValidationFailed", properties=faults)
    return {"system": system, "externalId": external_id}


def no_such_system(given: str, systems: Systems) -> str:
    """Return the fault of a system that nobody has configured."""
    return _("There is no system “%(system)s”. The systems are: %(systems)s.") % {
        "system": given,
        "systems": str(systems),
    }


@contextmanager
def unique_external_ids() -> Iterator[None]:
    """Raise UnprocessableEntity `ExternalIdNotUnique` if the block writes one that is taken or reserved."""
    with (
        map_integrity_error(EXTERNAL_ID_TAKEN, external_id_not_unique()),
        map_integrity_error(EXTERNAL_ID_RESERVED, external_id_not_unique(is_reserved=True)),
    ):
        yield


def check_external_ids_free(external_ids: Collection[str], *, but_by: Contact | None = None) -> None:
    """Raise UnprocessableEntity `ExternalIdNotUnique` if one is taken, or reserved for another than `but_by`."""
    is_reserved = external_id_is_reserved(external_ids, but_by=but_by)
    if is_reserved is not None:
        raise external_id_not_unique(is_reserved=is_reserved)


def reconnect(contact: Contact, connections: Iterable[Mapping[str, str]]) -> None:
    """Give a contact other external ids in systems where it has some. Raises like `connect`."""
    with unique_external_ids():
        for connection in connections:
            contact.external_connections.filter(system=connection["system"]).update(
                external_id=connection["externalId"]
            )


def connect(contact: Contact, connections: Iterable[Mapping[str, str]]) -> None:
    """Give a contact these external ids. Raises UnprocessableEntity `ExternalIdNotUnique`."""
    with unique_external_ids():
        for connection in connections:
            ExternalConnection.objects.create(
                contact=contact, system=connection["system"], external_id=connection["externalId"]
            )
