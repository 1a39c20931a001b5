"""PATCH and PUT of details with X-Refuse-Duplicates."""

import pytest

from accounts.actor import system_actor
from contacts.models import Contact
from matching.pairs import distinguish
from matching.services import make_keys
from tests.concurrency import at_once
from tests.fixtures import details

pytestmark = pytest.mark.django_db
SYSTEM = system_actor("tests")
RETO = {"firstName": "Reto", "lastName": "Nägeli", "dateOfBirth": "1980-02-09"}
RENAMED = {"details": {"personalInformation": {"firstName": "Reto", "lastName": "Naegeli"}}}


@pytest.fixture
def first(make_contact):
    return make_contact(document={"personalInformation": RETO})


@pytest.fixture
def second(make_contact):
    personal = {"firstName": "Urs", "lastName": "Zgraggen", "dateOfBirth": "1980-02-09"}
    return make_contact(document={"personalInformation": personal})


def path_of(contact):
    return f"/v1.0/contacts/{contact.pk}/details"


def last_name(contact):
    return Contact.objects.get(pk=contact.pk).details["personalInformation"]["lastName"]


def test_a_change_that_makes_a_duplicate_is_refused(app, first, second):
    whole = {"details": details(personalInformation=RETO)}
    for answer in (
        app.patch(path_of(second), RENAMED, x_refuse_duplicates="probable"),
        app.put(path_of(second), whole, x_refuse_duplicates="possible"),
    ):
        assert (answer.status, answer.json["subCode"]) == (422, "ProbableDuplicate")
        assert answer.json["properties"] == {"candidates": [str(first.pk)]}
    assert app.patch(path_of(second), RENAMED, x_refuse_duplicates="all").status == 400
    assert last_name(second) == "Zgraggen"
    assert app.patch(path_of(second), RENAMED).status == 200


def test_a_contact_that_the_caller_does_not_see_refuses_nothing(
    first, second, make_app, make_participant, make_member, api_of
):
    participant, member = make_participant(), make_member(permissions=["change_contact_details"])
    second.participants.add(participant)
    second.members.add(member)
    for api in (api_of(second), api_of(member), api_of(make_app(participants=[participant]))):
        assert api.patch(path_of(first), RENAMED, x_refuse_duplicates="possible").status == 404
        answer = api.patch(path_of(second), RENAMED, x_refuse_duplicates="possible")
        assert answer.status in (200, 422)
        assert answer.json.get("subCode") in (None, "FieldNotUpdatable", "PendingChangeRequestExists")


def test_who_was_as_much_alike_before_refuses_nothing(app, first, second):
    assert app.patch(path_of(second), RENAMED).status == 200
    married = {"details": {"personalInformation": {"maritalStatus": "married"}}}
    titled = {"details": {"personalInformation": {"lastName": "von Naegeli"}}}
    for patch in (married, titled):
        assert app.patch(path_of(second), patch, x_refuse_duplicates="possible").status == 200
    # What is compared agrees in more by this change.
    for contact, status in ((first, 200), (second, 422)):
        email = {"details": {"contactInformation": {"phone": "+41445550101"}}}
        assert app.patch(path_of(contact), email, x_refuse_duplicates="possible").status == status


def test_who_was_told_apart_refuses_nothing_until_the_two_are_more_alike(app, first, second):
    distinguish(actor=SYSTEM, pairs={(first.pk, second.pk): 0.99999}, reason="Cousins.")
    assert app.patch(path_of(second), RENAMED, x_refuse_duplicates="possible").status == 200
    number = {"details": {"taxInformation": {"taxResidencies": [{"country": "CH", "taxNumber": "756.1234.5678.97"}]}}}
    for contact, status in ((first, 200), (second, 422)):
        assert app.patch(path_of(contact), number, x_refuse_duplicates="probable").status == status


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_sees_the_other(app, make_contact):
    others = [
        make_contact(document={"personalInformation": {"firstName": name, "lastName": name}}) for name in ("Ida", "Eva")
    ]
    make_keys()
    whole = {"details": details(personalInformation=RETO)}
    answers = at_once(*(lambda one=one: app.put(path_of(one), whole, x_refuse_duplicates="probable") for one in others))
    assert sorted(answer.status for answer in answers) == [200, 422]
