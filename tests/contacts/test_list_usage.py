"""List items used in the details of contacts cannot be removed."""

import pytest

from accounts.actor import member_actor, system_actor
from contacts.services.changes import patch_details
from core.errors import UnprocessableEntity
from schemas.models import ListItem
from schemas.services.lists import remove_list_item, save_list_item
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.concurrency import while_waiting
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


@pytest.mark.django_db(transaction=True)
def test_an_item_that_somebody_is_about_to_ask_for_is_in_use(make_contact, make_member):
    """Otherwise one person could ask for it by one name, and have it approved by another."""
    contact, anna = make_contact(), make_member("anna", sees_all_contacts=True)
    set_policy(policy([stage()], [rule("Review")]))
    married = {"personalInformation": {"maritalStatus": "married"}}

    def renamed():
        return save_list_item(
            actor=member_actor(anna), list_key="marital-status", key="married", names={"en": "Single"}
        )

    submitted = while_waiting(
        renamed, before=lambda: patch_details(actor=member_actor(anna), contact_id=contact.pk, patch=married)
    )
    assert submitted.change_request is not None
    assert ListItem.objects.get(list__key="marital-status", key="married").names["en"] != "Single"


def test_an_item_does_not_move_away_from_the_parent_that_clients_have_beside_it(make_contact):
    contacts = [make_contact(details(contactInformation={"addresses": [ADDRESS, ADDRESS]})) for _number in range(2)]
    make_contact(details(contactInformation={"addresses": [{**ADDRESS, "state": "CH-BE"}]}))
    move = {"actor": system_actor("tests"), "list_key": "state", "key": "CH-ZH", "names": {"en": "Zurich"}}
    with pytest.raises(UnprocessableEntity) as refused:
        save_list_item(**move, parent_key="LI")
    assert str(refused.value.properties["parentKey"][0]).startswith("2 documents have this item")
    save_list_item(**move, parent_key="CH", order=7)
    for contact in contacts:
        patch = {"contactInformation": {"addresses": [{**ADDRESS, "state": "CH-BE"}]}}
        patch_details(actor=system_actor("tests"), contact_id=contact.pk, patch=patch)
    save_list_item(**move, parent_key="LI")
    assert ListItem.objects.get(list__key="state", key="CH-ZH").parent.key == "LI"
