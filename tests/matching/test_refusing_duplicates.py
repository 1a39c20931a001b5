"""POST /v1.0/contacts with X-Refuse-Duplicates."""

import pytest

from contacts.models import Contact
from tests.concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/v1.0/contacts"


def body_of(contact_type, username, first="Reto", last="Nägeli", born="1980-02-09"):
    personal = {"firstName": first, "lastName": last} | ({"dateOfBirth": born} if born else {})
    return {"contactTypeId": contact_type.pk, "username": username, "details": {"personalInformation": personal}}


def test_a_probable_duplicate_is_refused_and_nothing_is_created(app, contact_type):
    first = app.post(PATH, body_of(contact_type, "first")).json["id"]
    refused = app.post(PATH, body_of(contact_type, "second", last="Naegeli"), x_refuse_duplicates="probable")
    assert (refused.status, refused.json["subCode"]) == (422, "ProbableDuplicate")
    assert refused.json["properties"] == {"candidates": [str(first)]}
    assert Contact.objects.count() == 1


def test_a_header_that_says_something_else_is_refused(app, contact_type):
    assert app.post(PATH, body_of(contact_type, "first"), x_refuse_duplicates="all").status == 400
    assert not Contact.objects.exists()


def test_a_possible_duplicate_is_refused_only_where_that_is_asked_for(app, contact_type):
    app.post(PATH, body_of(contact_type, "first"))
    namesake = body_of(contact_type, "second", born="")
    assert app.post(PATH, namesake, x_refuse_duplicates="possible").json["subCode"] == "ProbableDuplicate"
    assert app.post(PATH, namesake, x_refuse_duplicates="probable").status == 201
    assert app.post(PATH, body_of(contact_type, "third")).status == 201


def test_a_contact_that_the_caller_does_not_see_refuses_nothing(app, contact_type, make_app, make_participant, api_of):
    app.post(PATH, body_of(contact_type, "first"))
    restricted = api_of(make_app(participants=[make_participant()]))
    for status in (201, 422):
        answer = restricted.post(PATH, body_of(contact_type, f"of {status}"), x_refuse_duplicates="probable")
        assert answer.status == status


def test_of_two_creations_at_once_one_sees_the_other(app, contact_type):
    def creation(username, **names):
        return lambda: app.post(PATH, body_of(contact_type, username, **names), x_refuse_duplicates="probable")

    for name in ("Nägeli", "Zgraggen", "Brunner"):
        answers = at_once(creation(f"one {name}", last=name), creation(f"other {name}", first=name, last="Reto"))
        assert sorted(answer.status for answer in answers) == [201, 422]
    assert Contact.objects.count() == 3
