"""The systems in which contacts may have external ids: those kept in the admin, and the identity providers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accounts.sso.providers import all_providers
from contacts.models import ExternalConnection, ExternalSystem
from core.text import compared


@dataclass(frozen=True, slots=True)
class Systems:
    """Names of systems, by the names as they are compared."""

    spelled: Mapping[str, str]

    def named(self, name: str) -> str | None:
        """Return the name as it is stored, whatever its case and its spelling; None if there is no such system."""
        return self.spelled.get(compared(name))

    @property
    def names(self) -> list[str]:
        return sorted(self.spelled.values(), key=compared)

    def __str__(self) -> str:
        return ", ".join(self.names)


def known_systems() -> Systems:
    """Return all systems. Runs one query."""
    return _systems(ExternalSystem.objects.order_by().values_list("name", flat=True))


def held_systems() -> Systems:
    """Like `known_systems`, and nobody renames one until the transaction ends. Others may hold them, too."""
    rows = ExternalSystem.objects.raw("SELECT id, name FROM contacts_externalsystem FOR SHARE")
    return _systems(row.name for row in rows)


def is_in_use(system: ExternalSystem) -> bool:
    """Return whether contacts have ids in a system; the import's counts as such."""
    name = system.name
    return name == ExternalConnection.DEFAULT_SYSTEM or ExternalConnection.objects.filter(system=name).exists()


def _systems(kept: Iterable[str]) -> Systems:
    names = [*(provider.name for provider in all_providers()), *kept, ExternalConnection.DEFAULT_SYSTEM]
    return Systems({compared(name): name for name in names})
