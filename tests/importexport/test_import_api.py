"""The import API: permissions, responses and status."""

import pytest

from contacts.models import Contact, ExternalConnection
from contacts.services.anonymization import anonymize_contacts
from importexport.imports.running import run_job
from importexport.job_messages import import_needs_room
from importexport.models import ImportFailure, ImportFile, ImportJob, ImportStatus
from tests.importexport.importing import SYSTEM, array, lines, stored, synced, upload

pytestmark = pytest.mark.django_db
SYNC = "/v1.0/contacts/import/sync"


def status_of(api, job_id):
    return api.get(f"/v1.0/import/sync/{job_id}/status")


def sync(api, body=None, query=""):
    """Ask for a sync and run it."""
    answer = api.post(SYNC + query, body)
    if answer.status == 202:
        run_job(answer.json["statusId"])
    return answer


def test_upload_sync_and_status(app, entry):
    [name] = upload(app, ("contacts.json", array(entry("E-1"), entry("E-2", username=7)))).json["files"]
    started = app.post(SYNC)
    assert (started.status, list(started.json)) == (202, ["statusId"])
    zero = {"created": 0, "updated": 0, "unchanged": 0, "failed": 0, "awaitingApproval": 0}
    assert status_of(app, started.json["statusId"]).json == {
        "status": "Pending",
        "errorMessage": None,
        "failedExternalIds": [],
        "progress": {"total": 2, "processed": 0, **zero},
        "failures": [],
    }
    run_job(started.json["statusId"])
    assert status_of(app, started.json["statusId"]).json == {
        "status": "CompletedWithErrors",
        "errorMessage": "1 of 2 entries failed. Version 1 of the schema applied.",
        "failedExternalIds": ["E-2"],
        "progress": {"total": 2, "processed": 2, **zero, "created": 1, "failed": 1},
        "failures": [
            {"externalId": "E-2", "file": name, "path": "username", "message": "Entry 2: Expected a text."},
        ],
    }


def test_named_files_are_synced_and_the_others_wait(app, entry):
    first, second = upload(app, ("a.json", array(entry("E-1"))), ("b.json", lines(entry("E-2")))).json["files"]
    assert sync(app, {"files": [second]}).status == 202
    assert ExternalConnection.objects.get().external_id == "E-2"
    again = sync(app, {"files": [first, second]})
    assert (again.status, again.sub_code) == (422, "AlreadySynced")
    assert sync(app).status == 202
    nothing = sync(app)
    assert (nothing.status, nothing.sub_code) == (422, "NothingToSync")


def test_a_dry_run_is_asked_for_and_the_files_are_still_there_afterwards(app, entry):
    upload(app, ("a.json", array(entry())))
    dry = sync(app, query="?dryRun=true")
    assert status_of(app, dry.json["statusId"]).json["progress"]["created"] == 1
    assert not Contact.objects.exists()
    assert sync(app).status == 202
    assert Contact.objects.count() == 1


def test_others_files_and_syncs_are_not_there(app, entry, make_app, make_member, api_of):
    [name] = upload(app, ("a.json", array(entry()))).json["files"]
    for other in (api_of(make_app()), api_of(make_member(sees_all_contacts=True))):
        answer = sync(other, {"files": [name]})
        assert (answer.status, answer.sub_code) == (422, "UnknownImportFiles")
        assert sync(other).sub_code == "NothingToSync"
    started = sync(app)
    assert status_of(api_of(make_app()), started.json["statusId"]).status == 404
    for unknown in ("00000000-0000-4000-8000-000000000000", "7", "x" * 300):
        assert status_of(app, unknown).status == 404


def test_files_of_legal_entities_are_not_synced_as_contacts(app, entry):
    [name] = upload(app, ("a.json", array(entry())), kind="legal-entities").json["files"]
    assert sync(app, {"files": [name]}).sub_code == "UnknownImportFiles"
    assert sync(app).sub_code == "NothingToSync"


@pytest.mark.parametrize(
    ("body", "query", "place"),
    [
        ({"files": "a"}, "", "files"),
        ({"files": [7]}, "", "files[0]"),
        ({"force": True}, "", "force"),
        (None, "?dryRun=perhaps", "dryRun"),
        (None, "?dryrun=true", "dryrun"),
    ],
)
def test_a_request_of_the_wrong_shape_is_refused(app, body, query, place):
    answer = app.post(SYNC + query, body)
    assert (answer.status, answer.places) == (400, {place})


def test_messages_are_in_the_language_of_who_asked(app, entry):
    upload(app, ("a.json", array(entry(details={}))))
    started = app.post(SYNC, accept_language="de")
    assert ImportJob.objects.get(pk=started.json["statusId"]).language == "de"


def test_the_status_is_in_the_language_of_the_reader(app, entry):
    upload(app, ("a.json", array(entry(details={}))))
    job = sync(app).json["statusId"]
    for language, says in (("en", "1 of 1 entry failed"), ("de", "1 von 1")):
        answer = app.get(f"/v1.0/import/sync/{job}/status", accept_language=language)
        assert says in answer.json["errorMessage"]
    ImportJob.objects.update(status=ImportStatus.FAILED, error_message=import_needs_room())
    told = {
        app.get(f"/v1.0/import/sync/{job}/status", accept_language=language).json["errorMessage"]
        for language in ("en", "de", "fr", "it")
    }
    assert len(told) == 4
    ImportJob.objects.update(error_message="Something else.")
    answer = app.get(f"/v1.0/import/sync/{job}/status", accept_language="de")
    assert answer.json["errorMessage"] == "Something else."


def test_an_answer_holds_a_thousand_failures_and_the_counts_hold_all(app, entry):
    upload(app, ("a.json", lines(*(entry(f"E-{number}", username=7) for number in range(1_100)))))
    answer = status_of(app, sync(app).json["statusId"]).json
    assert (len(answer["failures"]), len(answer["failedExternalIds"])) == (1_000, 1_000)
    assert answer["progress"]["failed"] == 1_100
    assert ImportFailure.objects.count() == 1_100


def test_anonymizing_a_person_deletes_the_files_that_hold_it_and_what_was_said_of_it(app, entry):
    synced(array(entry("E-1"), entry("E-2")))
    synced(array(entry("E-1", username=7), entry("E-2", username=7)))
    assert set(ImportFailure.objects.values_list("external_id", flat=True)) == {"E-1", "E-2"}
    holding, other = (stored(array(entry(external_id))) for external_id in ("E-1", "E-2"))
    contact = Contact.objects.get(external_connections__external_id="E-1")
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    assert set(ImportFailure.objects.values_list("external_id", flat=True)) == {None, "E-2"}
    assert not ImportFile.objects.get(name=holding[0]).is_stored
    assert ImportFile.objects.get(name=other[0]).is_stored


def test_anonymizing_a_person_finds_its_files_by_every_spelling_of_its_id(app, entry):
    synced(array(entry("Zürich 1")))
    [name] = stored(array(entry(" Zu\u0308rich 1 ")))
    anonymize_contacts(actor=SYSTEM, contact_ids=[Contact.objects.get().pk])
    assert not ImportFile.objects.get(name=name).is_stored


def test_anonymizing_a_person_erases_the_names_of_files(app, entry):
    """Files are named after people."""
    upload(app, ("Spyri.json", array(entry("E-1"), entry("E-1"))))
    done = sync(app).json["statusId"]
    upload(app, ("Spyri too.json", array(entry("E-1"))))
    [kept] = upload(app, ("others.json", array(entry("E-2")))).json["files"]
    said = status_of(app, done).json["failures"][0]
    anonymize_contacts(actor=SYSTEM, contact_ids=[Contact.objects.get().pk])
    assert sorted(ImportFile.objects.values_list("original_name", flat=True)) == ["", "", "others.json"]
    assert not ImportFile.objects.filter(name__icontains="spyri").exists()
    assert ImportFile.objects.get(name=kept).is_stored
    # What the uploader called it is in no name of the API, so the status names the same file as before.
    assert status_of(app, done).json["failures"][0]["file"] == said["file"]


def test_a_sync_whose_file_was_deleted_fails_and_says_why(app, entry):
    synced(array(entry("E-1")))
    upload(app, ("a Spyri.json", array(entry("E-1"), entry("E-2"))))
    started = app.post(SYNC)
    anonymize_contacts(actor=SYSTEM, contact_ids=[Contact.objects.get().pk])
    run_job(started.json["statusId"])
    answer = status_of(app, started.json["statusId"]).json
    assert answer["status"] == ImportStatus.FAILED
    assert "anonymized" in answer["errorMessage"]
    assert "Spyri" not in answer["errorMessage"]
    assert Contact.objects.count() == 1
