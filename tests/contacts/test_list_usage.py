"""List items used in the details of contacts cannot be removed."""

import pytest

from accounts.actor import system_actor
from core.errors import UnprocessableEntity
from schemas.services.lists import remove_list_item
from tests.fixtures import details

pytestmark = pytest.mark.django_db
ADDRESS = {"type": "domicile", "city": "Zürich", "country": "CH", "state": "CH-ZH"}


@pytest.mark.parametrize(
    ("list_key", "used", "unused"),
    [
        ("state", "CH-ZH", "CH-BE"),
        ("gender", "female", "male"),
        ("source-of-wealth", "inheritance", "pension"),
        ("contact-type", "client", "prospect"),
    ],
)
def test_only_items_that_no_contact_uses_can_be_removed(make_contact, list_key, used, unused):
    make_contact(
        details(
            contactInformation={"addresses": [ADDRESS]},
            personalInformation={"gender": "female"},
            relationship={"sourcesOfWealth": ["employment", "inheritance"]},
        )
    )
    actor = system_actor("tests")
    with pytest.raises(UnprocessableEntity):
        remove_list_item(actor=actor, list_key=list_key, key=used)
    remove_list_item(actor=actor, list_key=list_key, key=unused)
