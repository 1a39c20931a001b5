"""The export API: permissions, immediate refusals and results."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from accounts.scopes import ALL_SCOPES
from importexport.models import ExportJob, ExportStatus
from tests.fixtures import details

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas")]

CONTACTS = "/v1.0/contacts/export"
LEGAL_ENTITIES = "/v1.0/legal-entities/export"
TEXT = {"content_type": "text/plain"}
SAMPLE = b"""query {
  contacts(
    where: {
      and: [{ personalInformation: { displayName: { contains: "Shannon" } } }]
    }
  ) {
    items {
    }
  }
}"""
LEGAL_ENTITY_SAMPLE = b"""query {
  legalentities(
    where: { and: [{ details: { name: { contains: "Globales" } } }] }
  ) {
    items {
      id
    }
  }
}"""


def completed(caller, path=CONTACTS):
    """The address of an export of the caller's whose file is there."""
    asked = caller.post(path).json["exportJobId"]
    name = default_storage.save(f"exports/{asked}-1.csv", ContentFile(b"id\r\n1\r\n"))
    now = timezone.now()
    ExportJob.objects.filter(pk=asked).update(
        status=ExportStatus.COMPLETED, file_name=name, finished_at=now, expires_at=now + timedelta(hours=24)
    )
    return f"{path}/{asked}"


@pytest.mark.parametrize("path", [CONTACTS, LEGAL_ENTITIES])
def test_applications_and_members_may_export_and_contacts_may_not(path, make_app, make_member, make_contact, api_of):
    for who, status in ((make_app(), 202), (make_member(), 202), (make_contact(), 403)):
        assert api_of(who).post(path).status == status
    without = [scope for scope in ALL_SCOPES if scope != "exports"]
    for who in (make_app(), make_member()):
        assert api_of(who, scopes=without).post(path).status == 403


@pytest.mark.parametrize("options", [{}, TEXT, {"content_type": ""}, {"raw": b"  \n", **TEXT}], ids=str)
def test_an_empty_body_asks_for_everything(options, app):
    assert app.post(CONTACTS, **options).status == 202
    assert ExportJob.objects.get().query == ""


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain; charset=utf-8", ""])
def test_the_sample_queries_of_the_reference_are_taken_as_printed(content_type, app):
    assert app.post(CONTACTS, raw=SAMPLE, content_type=content_type).status == 202
    assert app.post(LEGAL_ENTITIES, raw=LEGAL_ENTITY_SAMPLE, content_type=content_type).status == 202
    assert set(ExportJob.objects.values_list("kind", "query")) == {
        ("contacts", SAMPLE.decode()),
        ("legalentities", LEGAL_ENTITY_SAMPLE.decode()),
    }


@pytest.mark.parametrize(
    "query",
    [
        b"query {",
        b"not GraphQL",
        b"query { contacts(where: { noSuchField: { eq: 1 } }) { items { } } }",
        b"query { contacts(where: { id: { eq: true } }) { items { } } }",
        LEGAL_ENTITY_SAMPLE,
        b"\xff\xfe",
        b"query { contacts { items { } } } \x00",
    ],
    ids=str,
)
def test_a_query_with_a_mistake_is_refused_at_once(query, app):
    answer = app.post(CONTACTS, raw=query, **TEXT)
    assert (answer.status, answer.json["code"]) == (400, "BadRequest")
    assert not ExportJob.objects.exists()


def test_a_query_that_is_too_long_is_refused_before_it_is_read(app):
    assert app.post(CONTACTS, raw=b" " * 100_001, **TEXT).status == 413


@pytest.mark.parametrize(
    "body", [{"query": 1}, {"query": "x", "columns": []}, {"query": "not GraphQL"}, [], "text"], ids=str
)
def test_json_that_holds_no_query_is_refused(body, app):
    answer = app.post(CONTACTS, body)
    assert (answer.status, answer.json["code"]) == (400, "BadRequest")
    assert not ExportJob.objects.exists()


@pytest.mark.parametrize("body", [{}, {"query": None}, {"query": " "}, {"query": SAMPLE.decode()}], ids=str)
def test_json_asks_for_the_same_as_text(body, app):
    assert app.post(CONTACTS, body).status == 202
    assert ExportJob.objects.get().query == (body.get("query") or "").strip()


def test_no_other_body_is_taken(app):
    assert app.post(CONTACTS, raw=b"<query/>", content_type="application/xml").status == 415


def test_a_parameter_that_does_not_exist_is_refused(app):
    assert app.post(f"{CONTACTS}?format=xlsx").status == 400


def test_the_same_request_sent_again_exports_once(app):
    first = app.post(CONTACTS, raw=SAMPLE, idempotency_key="k-1", **TEXT)
    again = app.post(CONTACTS, raw=SAMPLE, idempotency_key="k-1", **TEXT)
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert ExportJob.objects.count() == 1
    other = app.post(CONTACTS, idempotency_key="k-1", **TEXT)
    assert (other.status, other.sub_code) == (422, "IdempotencyKeyReused")


def test_only_who_asked_gets_the_file(make_app, make_member, make_contact, api_of):
    application, member = api_of(make_app()), api_of(make_member())
    for owner, others in ((application, [member, api_of(make_app())]), (member, [application, api_of(make_member())])):
        path = completed(owner)
        assert owner.get(path).status == 200
        for other in others:
            assert other.get(path).status == 404


def test_the_path_of_the_other_kind_does_not_know_the_export(app):
    path = completed(app)
    assert app.get(path.replace("contacts", "legal-entities")).status == 404
    assert app.get(f"{CONTACTS}/{uuid4()}").status == 404
    assert app.get(f"{CONTACTS}/nothing").status == 404


@pytest.mark.parametrize("status", [ExportStatus.PENDING, ExportStatus.RUNNING, ExportStatus.FAILED])
def test_others_do_not_learn_how_far_an_export_is(status, app, make_app, api_of):
    asked = app.post(CONTACTS).json["exportJobId"]
    ExportJob.objects.update(status=status)
    assert api_of(make_app()).get(f"{CONTACTS}/{asked}").status == 404


def test_a_failed_export_says_why(app):
    asked = app.post(CONTACTS).json["exportJobId"]
    ExportJob.objects.update(status=ExportStatus.FAILED, error_code="StorageFull", error_message="No room.")
    answer = app.get(f"{CONTACTS}/{asked}")
    assert (answer.status, answer.sub_code, answer.json["message"]) == (422, "ExportFailed", "No room.")


def test_a_file_that_somebody_took_away_answers_404(app, storage_directory):
    path = completed(app)
    for file in storage_directory.rglob("*.csv"):
        file.unlink()
    assert app.get(path).status == 404


def test_a_storage_that_cannot_be_reached_answers_503(app, monkeypatch):
    path = completed(app)

    def fail(self, name, mode="rb"):
        raise ConnectionError("secret inside")

    monkeypatch.setattr(FileSystemStorage, "_open", fail)
    answer = app.get(path)
    assert answer.status == 503
    assert "secret" not in answer.json["message"]


def test_asking_and_looking_take_few_statements(app, count_queries, make_contact):
    make_contact(details())
    app.post(CONTACTS, raw=SAMPLE, **TEXT)
    with count_queries() as queries:
        asked = app.post(CONTACTS, raw=SAMPLE, **TEXT).json["exportJobId"]
    assert len(queries) <= 6
    with count_queries() as queries:
        app.get(f"{CONTACTS}/{asked}")
    assert len(queries) <= 2
