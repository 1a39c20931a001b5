"""POST /v1.0/contacts/duplicates/search, and the keys by which it finds whom to compare."""

import pytest

from accounts.actor import system_actor
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from matching.models import MatchingKeys
from matching.queries import MOST, MOST_RECENT
from matching.services import make_keys
from tests.fixtures import details

pytestmark = pytest.mark.django_db
PATH = "/v1.0/contacts/duplicates/search"
BORN = "1980-02-09"


def person(first="Reto", last="Nägeli", born=BORN, **information):
    document = {"personalInformation": {"firstName": first, "lastName": last}}
    if born:
        document["personalInformation"]["dateOfBirth"] = born
    return document | ({"contactInformation": information} if information else {})


def found_by(api, asked, **others):
    answer = api.post(PATH, {"details": asked, **others})
    assert answer.status == 200, answer.json
    return answer.json["candidates"]


def ids(candidates):
    return [candidate["contact"]["id"] for candidate in candidates]


def test_a_contact_may_not_ask_and_nobody_without_a_token(make_contact, api_of, anonymous):
    contact = make_contact(document=person())
    assert api_of(contact).post(PATH, {"details": person()}).status == 403
    assert anonymous.post(PATH, {"details": person()}).status == 401


def test_the_details_must_be_an_object_and_the_contact_visible(make_contact, make_member, app, api_of):
    contact = make_contact(document=person())
    assert app.post(PATH, {"details": "Reto"}).status == app.post(PATH, {}).status == 400
    hidden, missing = (
        api_of(make_member()).post(PATH, {"details": person(), "contactId": pk}) for pk in (contact.pk, 2**31 - 1)
    )
    assert (hidden.status, missing.status) == (404, 404)


def test_contacts_that_the_caller_does_not_see_change_no_answer(
    make_contact, make_member, make_participant, make_app, api_of
):
    member, participant = make_member(), make_participant()
    seen = make_contact(document=person(), members=[member], participants=[participant])
    callers = api_of(member), api_of(make_app(participants=[participant]))
    before = [found_by(api, person()) for api in callers]
    for _ in range(MOST + 1):
        make_contact(document=person(email="reto@example.ch"), members=[make_member()])
    make_keys()
    assert [found_by(api, person()) for api in callers] == before
    assert [ids(found) for found in before] == [[seen.pk], [seen.pk]]


def test_it_says_who_and_how_likely_and_why_best_first(make_contact, app):
    make_contact(document=person("Urs", "Frei", "1955-12-24"))
    namesake = make_contact(document=person(born=None))
    same = make_contact(document=person("Reto", "Naegeli", email="reto@example.ch"))
    for _ in ("before their keys are made", "and after"):
        found = found_by(app, person("Nägeli", "Reto", email="Reto@example.ch"))
        assert ids(found) == [same.pk, namesake.pk]
        best = found[0]
        assert best["contact"] == {"id": same.pk, "uId": str(same.uid), "name": "Reto Naegeli"}
        assert best["reasons"] == ["Date of birth", "Email", "Last name", "First name"]
        assert 1 >= best["score"] > 0.95 > found[1]["score"] >= 0.5
        make_keys()
    assert ids(found_by(app, person(), contactId=same.pk)) == [namesake.pk]
    assert found_by(app, {}) == []


def test_at_most_twenty_are_returned_with_a_constant_number_of_statements(make_contact, app, count_queries):
    make_contact(document=person())
    make_keys()
    assert len(found_by(app, person())) == 1
    with count_queries() as few:
        found_by(app, person())
    for _ in range(MOST + 5):
        make_contact(document=person())
    make_keys()
    with count_queries() as many:
        assert len(found_by(app, person())) == MOST
    assert len(few) == len(many) <= 4


def test_keys_follow_the_details_and_are_gone_with_them(make_contact, app):
    contact = make_contact(document=details(), username="johanna")
    assert make_keys() == Contact.objects.count()
    assert make_keys() == 0
    kept = MatchingKeys.objects.filter(contact=contact)
    before = kept.get().keys
    assert before

    changed = app.patch(
        f"/v1.0/contacts/{contact.pk}/details", {"details": {"contactInformation": {"phone": "+41 44 668 18 00"}}}
    )
    assert changed.status == 200
    assert kept.values_list("keys", "made_by").get() == ([], None)
    assert make_keys() == 1
    assert len(kept.get().keys) > len(before)

    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])
    assert kept.get().keys == []
    make_keys()
    assert set(kept.get().keys).isdisjoint(before)


def test_keys_made_by_other_rules_are_made_again(make_contact):
    contact = make_contact(document=person())
    make_keys()
    kept = MatchingKeys.objects.filter(contact=contact)
    keys = kept.get().keys
    kept.update(keys=[1], made_by=7)
    assert make_keys() == 1
    assert kept.get().keys == keys


def test_the_latest_contacts_without_keys_are_compared_all_the_same(make_contact, app):
    for _ in range(MOST_RECENT + 1):
        make_contact(document=person("Urs", "Frei", "1955-12-24"))
    latest = make_contact(document=person())
    assert ids(found_by(app, person())) == [latest.pk]
