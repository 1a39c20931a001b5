"""Groups and access policies for the tests of contact groups."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.actor import system_actor
from accounts.models import Member
from contactgroups.models import ContactGroup
from contactgroups.services import Membership, create_group
from contacts.models import Contact
from schemas.models import ListItem


@pytest.fixture
def policy(default_schemas: None) -> Callable[..., int]:
    """Return the id of an access policy by its key."""
    return lambda key="owner": ListItem.objects.get(list__key="access-policy", key=key).pk


@pytest.fixture
def make_group(policy: Callable[..., int]) -> Callable[..., ContactGroup]:
    """Create a group with the service; all contacts get the policy `owner`."""

    def make(*contacts: Contact, **texts: Any) -> ContactGroup:
        members = [Membership(contact.pk, policy()) for contact in contacts]
        new = create_group(actor=system_actor("tests"), memberships=members, **texts)
        return ContactGroup.objects.get(pk=new.id)

    return make


@pytest.fixture
def rita(make_member: Callable[..., Member]) -> Member:
    """The second person: a reviewer who sees all contacts and keeps groups."""
    permissions = ["view_contactgroup", "add_contactgroup", "change_contactgroup", "delete_contactgroup"]
    return make_member("rita", reviews=True, permissions=permissions, sees_all_contacts=True)


@pytest.fixture
def members_of(default_schemas: None) -> Callable[[ContactGroup], dict[int, str]]:
    """Return contact id -> policy key for a group."""
    return lambda group: dict(group.memberships.values_list("contact", "access_policy__key"))
