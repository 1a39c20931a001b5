"""The effect on a group of anonymizing its contacts."""

import pytest

from accounts.actor import system_actor
from contacts.services.anonymization import anonymize_contacts

pytestmark = pytest.mark.django_db


def anonymize(*contacts):
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk for contact in contacts])


def texts_of(group):
    group.refresh_from_db()
    return group.name, group.external_id, group.custom_attributes


@pytest.fixture
def named():
    return {"name": "Johanna Spyri", "custom_attributes": "born in Hirzel"}


def test_the_texts_of_a_group_of_one_go_with_the_person(make_contact, make_group, named, members_of):
    contact = make_contact()
    group = make_group(contact, external_id="G-1", **named)
    anonymize(contact)
    assert texts_of(group) == (None, "G-1", None)
    assert members_of(group) == {contact.pk: "owner"}


def test_where_others_are_in_the_group_its_texts_stay_until_the_last_of_them_goes(make_contact, make_group, named):
    first, second = make_contact(), make_contact()
    group = make_group(first, second, **named)
    anonymize(first)
    assert texts_of(group) == ("Johanna Spyri", None, "born in Hirzel")
    anonymize(second)
    assert texts_of(group) == (None, None, None)


def test_contacts_who_go_together_leave_no_texts(make_contact, make_group, named):
    first, second = make_contact(), make_contact()
    group = make_group(first, second, **named)
    anonymize(first, second)
    assert texts_of(group) == (None, None, None)


def test_groups_of_others_stay_as_they_are(make_contact, make_group, named):
    group, empty = make_group(make_contact(), **named), make_group(**named)
    anonymize(make_contact())
    assert texts_of(group)[0] == texts_of(empty)[0] == "Johanna Spyri"
