"""POST /v1.0/contacts."""

import pytest
import structlog

from contacts.models import Contact
from tests.fixtures import details

pytestmark = pytest.mark.django_db
PATH = "/v1.0/contacts"


@pytest.fixture
def body(contact_type):
    return {"contactTypeId": contact_type.pk, "username": "johanna", "details": details()}


def test_a_contact_may_not_create_contacts(make_contact, api_of, body):
    assert api_of(make_contact()).post(PATH, body).status == 403


def test_a_new_contact_takes_effect_at_once(app, body):
    answer = app.post(PATH, body)
    assert answer.status == 201
    contact = Contact.objects.get(pk=answer.json["id"])
    assert answer.json == {"id": contact.pk, "uId": str(contact.uid), "details": details()}
    assert (contact.version, contact.name, contact.username) == (1, "Johanna Spyri", "johanna")
    first = contact.entries.get()
    assert {change["path"] for change in first.changes} >= {"personalInformation.lastName"}


def test_a_member_is_assigned_to_the_contact_it_creates_and_passes_its_participants_on(
    make_member, make_participant, api_of, body
):
    participant = make_participant("Zurich")
    member = make_member(participants=[participant])
    created = api_of(member).post(PATH, body)
    assert created.status == 201
    contact = Contact.objects.get(pk=created.json["id"])
    assert list(contact.members.all()) == [member]
    assert list(contact.participants.all()) == [participant]


def test_an_app_passes_its_participants_on(make_app, make_participant, api_of, body):
    participant = make_participant()
    created = api_of(make_app(participants=[participant])).post(PATH, body)
    assert list(Contact.objects.get(pk=created.json["id"]).participants.all()) == [participant]


def test_an_email_needs_no_verification_at_creation(app, body):
    body["details"] = details(contactInformation={"email": "johanna@example.com"})
    contact = Contact.objects.get(pk=app.post(PATH, body).json["id"])
    assert contact.details["contactInformation"]["email"] == "johanna@example.com"
    assert not contact.channels.exists()


@pytest.mark.parametrize("username", [None, ""])
def test_a_username_is_required(app, body, username):
    body["username"] = username
    answer = app.post(PATH, body)
    assert answer.status in (400, 422)
    assert not Contact.objects.exists()


def test_a_username_is_unique_whatever_its_case(app, body, make_contact):
    make_contact(username="JOHANNA")
    answer = app.post(PATH, body)
    assert (answer.status, answer.sub_code) == (422, "UsernameNotUnique")


def test_no_username_is_required_of_an_external_identity_provider(app, body, settings):
    settings.EXTERNAL_IDENTITY_PROVIDER = True
    del body["username"]
    assert app.post(PATH, body).status == 201


class TestUsernameFromEmail:
    @pytest.fixture(autouse=True)
    def coupled(self, settings, body):
        settings.USERNAME_FROM_EMAIL = True
        del body["username"]

    def test_the_username_is_the_email(self, app, body):
        body["details"] = details(contactInformation={"email": "Johanna@example.com"})
        assert Contact.objects.get(pk=app.post(PATH, body).json["id"]).username == "Johanna@example.com"

    def test_without_an_email_there_is_no_username(self, app, body):
        answer = app.post(PATH, body)
        assert (answer.status, answer.sub_code) == (422, "UsernameRequired")
        assert answer.places == {"contactInformation.email"}

    def test_another_username_is_refused(self, app, body):
        body["details"] = details(contactInformation={"email": "johanna@example.com"})
        answer = app.post(PATH, {**body, "username": "johanna"})
        assert (answer.status, answer.sub_code) == (422, "UsernameCoupledWithEmail")


def test_details_must_follow_the_schema(app, body):
    body["details"] = {"personalInformation": {"firstName": "Johanna"}, "hobby": "writing"}
    answer = app.post(PATH, body)
    assert (answer.status, answer.sub_code) == (422, "ValidationFailed")
    assert answer.places == {"personalInformation.lastName", "hobby"}


def test_the_type_is_an_item_of_its_list(app, body):
    answer = app.post(PATH, {**body, "contactTypeId": 2**31 - 1})
    assert (answer.status, answer.places) == (422, {"contactTypeId"})


def test_a_disabled_field_cannot_be_set_at_creation_either(app, body):
    body["details"] = details(relationship={"formerClientNumber": "A-1"})
    assert app.post(PATH, body).sub_code == "FieldNotUpdatable"


def test_the_correlation_id_of_the_body_is_the_one_of_the_answer(app, body):
    assert app.post(PATH, {**body, "correlationId": "order-7"}).headers["X-Correlation-ID"] == "order-7"


@pytest.mark.parametrize(
    ("given", "header"),
    [
        ("Antrag 7 / Filiale", "Antrag 7 / Filiale"),
        ("Müller", "M%C3%BCller"),
        ("100 %", "100 %25"),
        ("a\r\nSet-Cookie: b", "a%0D%0ASet-Cookie: b"),
        ("ü" * 128, "%C3%BC" * 128),
    ],
)
def test_the_correlation_id_is_any_text(app, body, given, header):
    refused = app.post(PATH, {**body, "username": None, "correlationId": given})
    assert (refused.status, refused.json["correlationId"], refused.headers["X-Correlation-ID"]) == (422, given, header)
    assert app.post(PATH, {**body, "correlationId": given}).headers["X-Correlation-ID"] == header
    assert app.get("/v1.0/schemas/contact").headers["X-Correlation-ID"] != header


def test_no_text_is_no_correlation_id_and_a_long_one_is_refused(app, body):
    for given in ("", None):
        refused = app.post(PATH, {**body, "username": None, "correlationId": given}, x_correlation_id="order-7")
        assert (refused.status, refused.json["correlationId"]) == (422, "order-7")
    assert app.post(PATH, {**body, "correlationId": "x" * 129}).places == {"correlationId"}


def test_the_log_does_not_keep_the_correlation_id_of_a_body(app, body):
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        app.post(PATH, {**body, "correlationId": "Johanna Spyri"}, x_correlation_id="order-7")
    [line] = [line for line in lines if line["event"] == "request"]
    assert line["correlation_id"] == "order-7"
    assert "Spyri" not in str(lines)
