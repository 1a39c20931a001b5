"""Changing details through HTTP: who changes what directly or with approval."""

import pytest

from contacts.models import Channel
from tests.fixtures import details

pytestmark = pytest.mark.django_db


def path_of(contact):
    return f"/v1.0/contacts/{contact.pk}/details"


def test_without_a_token_nothing_is_read(make_contact, anonymous):
    answer = anonymous.get(path_of(make_contact()))
    assert (answer.status, answer.json["code"]) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_without_the_scope_nothing_is_written(make_contact, make_app, api_of):
    contact = make_contact()
    reader = api_of(make_app(), scopes=["contacts.read"])
    answer = reader.patch(path_of(contact), {"details": {"personalInformation": {"lastName": "Heusser"}}})
    assert answer.status == 403
    assert "contacts.write" in answer.json["message"]
    contact.refresh_from_db()
    assert contact.version == 1


@pytest.mark.parametrize("method", ["get", "patch"])
def test_an_id_that_no_contact_can_have_is_compared_with_none(app, count_queries, method):
    body = [] if method == "get" else [{"details": {}}]
    for number in (2**31, 2**63, 10**30):
        with count_queries() as queries:
            assert getattr(app, method)(f"/v1.0/contacts/{number}/details", *body).status == 404
        assert not [query for query in queries.captured_queries if str(number) in query["sql"]]


@pytest.mark.parametrize("number", [2**53 - 1, 0.1, 123456789.01, 1e15, 5e-324])
def test_a_number_is_stored_as_it_was_sent(make_contact, app, number):
    contact = make_contact()
    assert app.patch(path_of(contact), {"details": {"relationship": {"totalWealth": number}}}).status == 200
    contact.refresh_from_db()
    assert contact.details["relationship"]["totalWealth"] == number
    assert contact.entries.latest("sequence").changes[0]["target"] == number


def test_details_are_read_with_their_etag(make_contact, app):
    contact = make_contact()
    answer = app.get(path_of(contact))
    assert answer.status == 200
    assert answer.json == {
        "id": contact.pk,
        "hasPendingChangeRequest": False,
        "hasPendingEmail": False,
        "hasPendingMobile": False,
        "details": details(),
    }
    assert answer.headers["ETag"] == '"1"'


def test_patch_merges_objects_and_replaces_arrays_and_null_removes(make_contact, app):
    contact = make_contact(details(personalInformation={"title": "Dr.", "nationalities": ["CH", "DE"]}))
    patch = {"personalInformation": {"title": None, "middleName": "Louise", "nationalities": ["FR"]}}
    answer = app.patch(path_of(contact), {"details": patch, "comment": "as in the passport"})
    assert answer.json == {"isApprovalRequired": False, "hasPendingEmail": False, "hasPendingMobile": False}
    expected = details(personalInformation={"middleName": "Louise", "nationalities": ["FR"]})
    assert app.get(path_of(contact)).json["details"] == expected


def test_put_replaces_the_whole_document(make_contact, app):
    contact = make_contact(details(occupation={"position": "Author"}))
    document = details(relationship={"notes": "moved"})
    assert app.put(path_of(contact), {"details": document}).status == 200
    assert app.get(path_of(contact)).json["details"] == document


def test_changes_stand_in_the_history_with_who_made_them(make_contact, make_app, api_of):
    contact, application = make_contact(), make_app("crm")
    api_of(application).patch(path_of(contact), {"details": {"personalInformation": {"lastName": "Heusser"}}})
    made = contact.entries.first()
    assert made.sequence == 2
    assert made.initiator_application == application
    assert made.changes == [{"path": "personalInformation.lastName", "original": "Spyri", "target": "Heusser"}]
    assert made.paths == ["personalInformation", "personalInformation.lastName"]


@pytest.mark.parametrize(
    "patch", [{}, {"personalInformation": {"lastName": "Spyri"}}, {"occupation": {}}, {"relationship": {"notes": None}}]
)
def test_a_submission_that_changes_nothing_writes_nothing(make_contact, app, patch):
    contact = make_contact()
    assert app.patch(path_of(contact), {"details": patch}).status == 200
    contact.refresh_from_db()
    assert contact.version == 1
    assert contact.entries.count() == 1


def test_true_is_not_one(make_contact, app):
    contact = make_contact(details(regulatory={"riskScore": 1}))
    answer = app.patch(path_of(contact), {"details": {"regulatory": {"riskScore": True}}})
    assert (answer.status, answer.sub_code) == (422, "ValidationFailed")
    assert answer.places == {"regulatory.riskScore"}


def test_every_fault_is_named_by_its_path_and_nothing_is_written(make_contact, app):
    contact = make_contact()
    patch = {
        "personalInformation": {"lastName": None, "dateOfBirth": "yesterday", "nationalities": ["CH", "Narnia"]},
        "contactInformation": {"addresses": [{"type": "domicile", "city": 7, "country": "DE", "state": "CH-ZH"}]},
        "shoeSize": 42,
    }
    answer = app.patch(path_of(contact), {"details": patch})
    assert (answer.status, answer.sub_code) == (422, "ValidationFailed")
    assert answer.places >= {
        "personalInformation.lastName",
        "personalInformation.dateOfBirth",
        "personalInformation.nationalities[1]",
        "contactInformation.addresses[0].city",
        "contactInformation.addresses[0].state",
        "shoeSize",
    }
    contact.refresh_from_db()
    assert (contact.version, contact.details) == (1, details())


def test_an_empty_object_where_the_schema_has_none_is_refused(make_contact, app):
    answer = app.patch(path_of(make_contact()), {"details": {"shoe": {}}})
    assert (answer.status, answer.places) == (422, {"shoe"})


def test_nobody_changes_a_disabled_field(make_contact, app):
    patch = {"relationship": {"formerClientNumber": "A-1"}, "personalInformation": {"lastName": "Heusser"}}
    answer = app.patch(path_of(make_contact()), {"details": patch})
    assert (answer.status, answer.sub_code) == (422, "FieldNotUpdatable")
    assert answer.places == {"relationship.formerClientNumber"}


def test_a_member_changes_no_read_only_field_but_an_app_does(make_contact, make_member, api_of, app):
    member = make_member()
    contact = make_contact(members=[member])
    patch = {"details": {"regulatory": {"riskScore": 3}}}
    answer = api_of(member).patch(path_of(contact), patch)
    assert (answer.status, answer.places) == (422, {"regulatory.riskScore"})
    assert app.patch(path_of(contact), patch).status == 200


def test_a_contact_changes_only_what_the_schema_opens_to_it(make_contact, api_of):
    contact = make_contact()
    client = api_of(contact)
    refused = client.patch(path_of(contact), {"details": {"personalInformation": {"lastName": "Heusser"}}})
    assert (refused.status, refused.sub_code) == (422, "FieldNotUpdatable")
    granted = client.patch(path_of(contact), {"details": {"contactInformation": {"phone": "+41 44 123 45 67"}}})
    assert granted.status == 200
    assert contact.entries.first().initiator_contact == contact


def test_what_the_caller_cannot_see_is_not_found(make_contact, make_member, make_participant, make_app, api_of):
    contact, other = make_contact(), make_contact()
    strangers = [api_of(make_member()), api_of(make_app(participants=[make_participant()])), api_of(other)]
    for stranger in strangers:
        assert stranger.get(path_of(contact)).status == 404
        assert stranger.patch(path_of(contact), {"details": {}}).status == 404
        assert stranger.put(path_of(contact), {"details": details()}).status == 404


def test_a_new_email_waits_for_its_key_and_the_rest_is_applied(make_contact, app):
    contact = make_contact(details(contactInformation={"email": "old@example.com"}))
    patch = {"contactInformation": {"email": "new@example.com", "phone": "+41 44 123 45 67"}}
    answer = app.patch(path_of(contact), {"details": patch})
    assert answer.json == {"isApprovalRequired": False, "hasPendingEmail": True, "hasPendingMobile": False}
    read = app.get(path_of(contact)).json
    assert read["hasPendingEmail"] is True
    assert read["details"]["contactInformation"] == {"email": "old@example.com", "phone": "+41 44 123 45 67"}
    assert Channel.objects.get(contact=contact).pending_value == "new@example.com"


def test_a_new_email_alone_raises_no_version(make_contact, app):
    contact = make_contact(details(contactInformation={"email": "old@example.com"}))
    app.patch(path_of(contact), {"details": {"contactInformation": {"email": "new@example.com"}}})
    contact.refresh_from_db()
    assert contact.version == 1


def test_removing_an_email_takes_effect_at_once_and_forgets_a_pending_one(make_contact, app):
    contact = make_contact(details(contactInformation={"email": "old@example.com"}))
    app.patch(path_of(contact), {"details": {"contactInformation": {"email": "new@example.com"}}})
    answer = app.patch(path_of(contact), {"details": {"contactInformation": {"email": None}}})
    assert answer.json["hasPendingEmail"] is False
    assert app.get(path_of(contact)).json["details"] == details()


class TestLostUpdates:
    def test_a_change_against_an_old_version_is_refused_with_the_current_etag(self, make_contact, app):
        contact = make_contact()
        app.patch(path_of(contact), {"details": {"relationship": {"notes": "one"}}})
        late = app.patch(path_of(contact), {"details": {"relationship": {"notes": "two"}}}, if_match='"1"')
        assert (late.status, late.json["code"], late.headers["ETag"]) == (412, "PreconditionFailed", '"2"')
        assert contact.entries.count() == 2

    def test_a_change_against_the_current_version_is_made(self, make_contact, app):
        contact = make_contact()
        answer = app.put(path_of(contact), {"details": details(relationship={"notes": "x"})}, if_match='"1"')
        assert (answer.status, answer.headers["ETag"]) == (200, '"2"')

    def test_unchanged_details_are_not_sent_again(self, make_contact, app):
        contact = make_contact()
        tag = app.get(path_of(contact)).headers["ETag"]
        known = app.get(path_of(contact), if_none_match=tag)
        assert (known.status, known.headers.get("Content-Type")) == (304, None)
        app.patch(path_of(contact), {"details": {"contactInformation": {"email": "new@example.com"}}})
        assert app.get(path_of(contact), if_none_match=tag).status == 200

    def test_an_if_match_that_is_no_tag_is_refused(self, make_contact, app):
        assert app.patch(path_of(make_contact()), {"details": {}}, if_match="seven").status == 400


class TestUsernameFromEmail:
    @pytest.fixture(autouse=True)
    def coupled(self, settings):
        settings.USERNAME_FROM_EMAIL = True

    def test_an_email_that_another_contact_has_is_refused_whatever_its_case(self, make_contact, app):
        taken = make_contact(details(contactInformation={"email": "a@example.com"}), username="a@example.com")
        contact = make_contact(details(contactInformation={"email": "b@example.com"}), username="b@example.com")
        patch = {"contactInformation": {"email": "A@Example.com"}}
        answer = app.patch(path_of(contact), {"details": patch})
        assert (answer.status, answer.sub_code) == (422, "UsernameNotUnique")
        taken.refresh_from_db()
        assert taken.username == "a@example.com"

    def test_the_email_cannot_be_removed(self, make_contact, app):
        contact = make_contact(details(contactInformation={"email": "b@example.com"}), username="b@example.com")
        answer = app.patch(path_of(contact), {"details": {"contactInformation": {"email": None}}})
        assert (answer.status, answer.sub_code) == (422, "UsernameRequired")
        assert answer.places == {"contactInformation.email"}


def test_sql_of_reading_and_changing_stays_within_budget(make_contact, make_member, api_of, count_queries):
    member = make_member()
    contact = make_contact(members=[member])
    client = api_of(member)
    client.get(path_of(contact))
    with count_queries() as reading:
        assert client.get(path_of(contact)).status == 200
    assert len(reading) <= 3
    with count_queries() as changing:
        assert client.patch(path_of(contact), {"details": {"relationship": {"notes": "x"}}}).status == 200
    assert len(changing) <= 10
    with count_queries() as asking:
        patch = {"personalInformation": {"lastName": "Heusser"}}
        assert client.patch(path_of(contact), {"details": patch}).json["isApprovalRequired"] is True
    assert len(asking) <= 10
