"""Two contacts of one person, and those who merge them."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Member
from contactgroups.models import ContactGroup
from contacts.models import Contact, ExternalConnection
from tests.contactgroups.conftest import make_group, members_of, policy
from tests.fixtures import WORK, details

__all__ = ["make_group", "members_of", "policy"]

MERGERS = (*WORK, "view_contact", "change_contact", "merge_contact")


@pytest.fixture
def anna(make_member: Callable[..., Member]) -> Member:
    """Who asks: she sees all contacts."""
    return make_member("anna", permissions=MERGERS, sees_all_contacts=True)


@pytest.fixture
def rita(make_member: Callable[..., Member]) -> Member:
    """The second person."""
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def pair(make_contact: Callable[..., Contact]) -> tuple[Contact, Contact]:
    """The contact that survives and the one that is merged, which have something in common, and each something else."""
    survivor = make_contact(
        details(
            personalInformation={"lastName": "Spyri", "nationalities": ["CH"]},
            contactInformation={"email": "johanna@example.com"},
        ),
        username="johanna",
    )
    loser = make_contact(
        details(
            personalInformation={"lastName": "Spyri-Heusser", "nationalities": ["DE"], "middleName": "Louise"},
            contactInformation={"email": "heusser@example.com", "mobile": "+41 79 123 45 67"},
        ),
        username="heusser",
    )
    for contact, name in ((survivor, "S-1"), (loser, "L-1")):
        ExternalConnection.objects.create(contact=contact, system="Default", external_id=name)
    return survivor, loser


def belongings(contact: Contact) -> dict[str, Any]:
    """Return who sees a contact, and the groups that it is in."""
    return {
        "participants": sorted(contact.participants.values_list("pk", flat=True)),
        "members": sorted(contact.members.values_list("pk", flat=True)),
        "groups": dict(contact.group_memberships.values_list("group", "access_policy")),
    }


def everything(contact: Contact) -> dict[str, Any]:
    """Return all that a merge may change of a contact, and nothing that only counts changes."""
    contact = Contact.objects.get(pk=contact.pk)
    return {
        "details": contact.details,
        "username": contact.username,
        "type": contact.type_id,
        "mergedInto": contact.merged_into_id,
        "externalIds": set(contact.external_connections.values_list("system", "external_id")),
        **belongings(contact),
    }


def groups_of(contact: Contact) -> set[int]:
    return set(ContactGroup.objects.filter(memberships__contact=contact).values_list("pk", flat=True))
