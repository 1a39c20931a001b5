"""Anonymization leaves nothing that identifies the person."""

import subprocess
from base64 import b64encode
from io import BytesIO
from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from PIL import Image

from audit.models import Entry
from changerequests.models import ChangeRequest, Status
from contacts.models import Contact
from devstack.embedded.servers import _postgres_program
from schemas.queries import current_schema
from tests.fixtures import details
from tests.requests import changes_of

pytestmark = pytest.mark.slow

PATH = "/v1.0/contacts/anonymize"
SECRETS = (
    "Zebrowska",
    "zebrowska",
    "Wisłockiego",
    "+48601234567",
    "PL-778899",
    "Xylophonist",
    "1971-02-03",
)


def red_picture():
    content = BytesIO()
    Image.new("RGB", (10, 10), "red").save(content, "PNG")
    return b64encode(content.getvalue()).decode()


@pytest.fixture(autouse=True)
def _files_of_this_test(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


@pytest.fixture
def anna(make_member):
    return make_member("anna", sees_all_contacts=True)


@pytest.fixture
def person(make_contact, anna, app, api_of, contact_type):
    """A contact that has left traces wherever a contact can."""
    document = details(
        personalInformation={
            "firstName": "Zofia",
            "lastName": "Zebrowska",
            "displayName": "Zofia Zebrowska",
            "dateOfBirth": "1971-02-03",
        },
        contactInformation={
            "email": "zebrowska@example.com",
            "phone": "+48601234567",
            "addresses": [{"type": "domicile", "street": "Wisłockiego", "city": "Kraków", "country": "PL"}],
        },
        occupation={"position": "Xylophonist"},
        relationship={"segment": "affluent"},
    )
    created = app.post(
        "/v1.0/contacts",
        {"contactTypeId": contact_type.pk, "username": "zebrowska", "details": document},
        idempotency_key="zebrowska-1",
    )
    contact = Contact.objects.get(pk=created.json["id"])
    path = f"/v1.0/contacts/{contact.pk}"
    app.post(f"{path}/external-connections", {"externalId": "PL-778899", "system": "CRM"})
    app.patch(
        f"{path}/details", {"details": {"occupation": {"employer": "Zebrowska & Co"}}, "comment": "Zebrowska rang"}
    )
    app.patch(f"{path}/details", {"details": {"contactInformation": {"email": "zebrowska2@example.com"}}})
    itself = api_of(contact)
    itself.put(f"{path}/profile-picture", {"imageContentBase64": red_picture()})
    patch = {"personalInformation": {"firstName": "Zofia Zebrowska"}}
    api_of(anna).patch(f"{path}/details", {"details": patch, "comment": "Zebrowska asked"})
    LogEntry.objects.create(
        user=anna.user,
        content_type=ContentType.objects.get_for_model(Contact),
        object_id=str(contact.pk),
        object_repr=str(contact),
        action_flag=CHANGE,
        change_message="Zebrowska",
    )
    contact.token = itself.token
    return contact


def anonymize(api, *contacts):
    return api.post(PATH, {"contactIds": [contact.pk for contact in contacts]})


@pytest.mark.django_db
class TestWhoMay:
    def test_a_member_needs_the_permission(self, make_contact, make_member, api_of):
        contact = make_contact()
        assert anonymize(api_of(make_member(sees_all_contacts=True)), contact).status == 403
        officer = make_member(sees_all_contacts=True, permissions=["anonymize_contact"])
        assert anonymize(api_of(officer), contact).status == 202

    def test_a_contact_does_not_anonymize_itself(self, make_contact, api_of):
        contact = make_contact()
        assert anonymize(api_of(contact), contact).status == 403

    def test_an_invisible_contact_is_as_unknown_as_one_that_does_not_exist(self, make_contact, make_member, api_of):
        officer, contact = make_member(permissions=["anonymize_contact"]), make_contact()
        answer = anonymize(api_of(officer), contact)
        assert (answer.status, answer.sub_code, answer.places) == (422, "UnknownContacts", {"contactIds[0]"})


@pytest.mark.django_db
class TestAllOrNothing:
    def test_unknown_contacts_are_named_and_none_is_anonymized(self, make_contact, app):
        contact, by_uid = make_contact(), make_contact()
        body = {"contactIds": [contact.pk, 2**31 - 1], "contactUIds": [str(by_uid.uid), str(uuid4())]}
        answer = app.post(PATH, body)
        assert (answer.status, answer.sub_code) == (422, "UnknownContacts")
        assert answer.places == {"contactIds[1]", "contactUIds[1]"}
        assert not Contact.objects.filter(anonymized_at__isnull=False).exists()

    def test_ids_and_uids_name_contacts_together(self, make_contact, app):
        contact, by_uid = make_contact(), make_contact()
        body = {"contactIds": [contact.pk], "contactUIds": [str(by_uid.uid), str(contact.uid)]}
        assert app.post(PATH, body).status == 204
        assert Contact.objects.filter(anonymized_at__isnull=False).count() == 2

    @pytest.mark.parametrize("body", [{}, {"contactIds": [], "contactUIds": None}])
    def test_somebody_must_be_named(self, app, body):
        assert app.post(PATH, body).sub_code == "NothingToAnonymize"

    def test_a_thousand_at_once_are_enough(self, app):
        assert app.post(PATH, {"contactIds": list(range(1, 1002))}).sub_code == "TooManyContacts"


@pytest.mark.django_db
class TestWhatStays:
    def test_fields_that_the_schema_keeps_stay_and_mandatory_ones_get_valid_placeholders(self, person, app):
        assert anonymize(app, person).status == 204
        read = app.get(f"/v1.0/contacts/{person.pk}/details").json["details"]
        assert read["relationship"] == {"segment": "affluent"}
        assert read["personalInformation"] == {"firstName": "Anonymized", "lastName": "Anonymized"}
        assert current_schema("contact").validate(read) == {}

    def test_the_history_keeps_paths_times_and_people_and_records_who_anonymized(self, person, app):
        before = list(person.entries.values_list("id", "sequence", "recorded_at", "paths").order_by("id"))
        anonymize(app, person)
        after = person.entries.order_by("id")
        assert list(after.values_list("id", "sequence", "recorded_at", "paths"))[:-1] == before
        assert {
            value for row in after for change in row.changes for value in (change["original"], change["target"])
        } == {None}
        last = after.last()
        assert last.initiator_application is not None
        assert "personalInformation.lastName" in last.paths

    def test_a_pending_request_is_cancelled_and_its_paths_stay(self, person, anna, app):
        anonymize(app, person)
        request = ChangeRequest.objects.get()
        assert (request.status, request.initiator_member, request.initiator_comment) == (Status.CANCELLED, anna, None)
        assert [change["path"] for change in changes_of(request)] == ["personalInformation.firstName"]

    def test_doing_it_again_changes_nothing(self, person, app):
        anonymize(app, person)
        person.refresh_from_db()
        state = (person.version, person.anonymized_at, Entry.objects.count())
        assert anonymize(app, person).status == 204
        person.refresh_from_db()
        assert (person.version, person.anonymized_at, Entry.objects.count()) == state

    def test_other_contacts_keep_everything(self, person, make_contact, app):
        other = make_contact()
        anonymize(app, person)
        assert app.get(f"/v1.0/contacts/{other.pk}/details").json["details"] == details()
        assert other.entries.get().changes[0]["target"] is not None


@pytest.mark.django_db
class TestAfterwards:
    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PATCH", "details", {"details": {"relationship": {"notes": "x"}}}),
            ("PUT", "details", {"details": details()}),
            ("PUT", "username", {"username": "heidi"}),
            ("POST", "external-connections", {"externalId": "X-1"}),
            ("PUT", "profile-picture", {"imageContentBase64": red_picture()}),
            ("DELETE", "profile-picture", None),
            ("POST", "communication-verification/resend", {"channel": "Email"}),
            ("POST", "communication-verification/verify", {"channel": "Email", "key": "123456"}),
            ("POST", "communication-verification/discontinue", {"channel": "Email"}),
        ],
    )
    def test_the_contact_refuses_changes(self, person, app, method, path, body):
        anonymize(app, person)
        answer = app.call(method, f"/v1.0/contacts/{person.pk}/{path}", body)
        assert (answer.status, answer.sub_code) == (422, "ContactAnonymized")

    def test_its_login_is_closed(self, person, app, anonymous):
        anonymous.token = person.token
        assert anonymous.get(f"/v1.0/contacts/{person.pk}/details").status == 200
        anonymize(app, person)
        assert anonymous.get(f"/v1.0/contacts/{person.pk}/details").status == 401

    def test_the_username_and_the_external_id_are_free_again(self, person, make_contact, app):
        anonymize(app, person)
        heir = make_contact(username="zebrowska")
        body = {"externalId": "PL-778899", "system": "CRM"}
        assert app.post(f"/v1.0/contacts/{heir.pk}/external-connections", body).status == 204


@pytest.mark.django_db
class TestCommand:
    def test_it_anonymizes_by_id_and_uid(self, make_contact, capsys):
        first, second = make_contact(), make_contact()
        call_command("anonymize_contacts", "--id", str(first.pk), "--uid", str(second.uid), "--yes")
        assert "2 of 2 contacts anonymized" in capsys.readouterr().out
        assert first.entries.first().initiator_system == "anonymize_contacts"

    def test_it_names_the_unknown(self, make_contact):
        with pytest.raises(CommandError, match=r"contactIds\[1\]"):
            call_command("anonymize_contacts", "--id", str(make_contact().pk), "--id", "2147483647", "--yes")
        assert not Contact.objects.filter(anonymized_at__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_a_dump_of_the_database_and_the_storage_hold_nothing_of_the_person(person, app, tmp_path):
    before = dump()
    assert [secret for secret in SECRETS if secret in before] == list(SECRETS)
    assert [file for file in tmp_path.rglob("*") if file.is_file()]
    assert anonymize(app, person).status == 204
    after = dump()
    assert [secret for secret in SECRETS if secret in after] == []
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def dump() -> str:
    settings = connection.settings_dict
    return subprocess.run(
        [
            _postgres_program("pg_dump"),
            "--inserts",
            f"--host={settings['HOST']}",
            f"--username={settings['USER']}",
            settings["NAME"],
        ],
        check=True,
        capture_output=True,
        text=True,
        env={"PGPORT": str(settings["PORT"] or "")},
    ).stdout
