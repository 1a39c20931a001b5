"""Names of contacts for readers who may not see all of them."""

from collections.abc import Collection, Iterable

from django.utils.translation import gettext as _

from accounts.actor import Actor
from contacts.models import Contact


class SeenNames:
    """The names of those contacts that one of some actors sees, by id; any other is called by its id."""

    def __init__(self, sights: Iterable[Actor]) -> None:
        self._sights = list(sights)
        self._names: dict[int, str] = {}

    def load(self, contact_ids: Iterable[int]) -> None:
        """Load the names of these contacts, by a query for each actor until all are found."""
        wanted = set(contact_ids)
        for sight in self._sights:
            missing = wanted - self._names.keys()
            if not missing:
                return
            contacts = Contact.objects.visible_with_merged(sight).filter(pk__in=missing).defer("details")
            self._names |= {contact.pk: _named(contact) for contact in contacts}

    @property
    def ids(self) -> Collection[int]:
        """The contacts whose names were loaded."""
        return self._names.keys()

    def __contains__(self, contact_id: int) -> bool:
        return contact_id in self._names

    def __getitem__(self, contact_id: int) -> str:
        return self._names.get(contact_id, f"#{contact_id}")


def _named(contact: Contact) -> str:
    text = f"{contact} (#{contact.pk})"
    return text if contact.anonymized_at is None else _("%(contact)s, anonymized") % {"contact": text}
