"""What a member imports waits where its own changes would; the rest takes effect."""

import pytest

from accounts.actor import member_actor
from audit.models import Entry
from changerequests.digests import digest_of
from changerequests.models import ChangeRequest, Proposal, RequestSubject, Source, Status
from changerequests.queries.revisions import current_digest, proposals_of
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import Parts
from changerequests.services.withdrawing import cancel_change_request
from contacts.models import Channel, Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.errors import Forbidden, NotFound, PreconditionFailed
from importexport.imports import waiting
from importexport.imports.jobs import open_forgotten
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.models import ImportJob, ImportKind, ImportStatus, WaitingEntry
from legalentities.models import LegalEntity
from tests.changerequests.policies import make_group, policy, rule, set_policy, stage
from tests.fixtures import details
from tests.importexport.approving import approve, outcomes, waits
from tests.importexport.importing import SYSTEM, array, counts, faults, lines, stored, synced, upload

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NAME = "personalInformation.lastName"
NOTES = {"relationship": {"notes": "Met in Bern."}}
KELLER = {"personalInformation": {"lastName": "Keller"}}


@pytest.fixture
def anna(make_member):
    return make_member(
        "anna", permissions=["add_importjob", "view_importjob", "change_contact_details"], sees_all_contacts=True
    )


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def present(entry):
    """Contacts E-0 to E-9, named Spyri."""
    synced(lines(*(entry(f"E-{number}") for number in range(10))))
    return {
        contact.external_connections.get().external_id: contact
        for contact in Contact.objects.prefetch_related("external_connections").order_by("pk")
    }


def renamed(entry, number, name="Heusser", **overrides):
    return entry(f"E-{number}", details=details(personalInformation={"lastName": name}, **overrides))


def annotated(entry, number):
    return entry(f"E-{number}", details=details(**NOTES))


def names():
    rows = Contact.objects.order_by("pk").values_list("details__personalInformation__lastName", flat=True)
    return list(rows)


# ---- one person alone


def test_a_member_alone_changes_no_protected_field_by_an_import(present, entry, anna, rita, api_of):
    api = api_of(anna)
    upload(api, ("contacts.json", array(renamed(entry, 1))))
    job = api.post("/v1.0/contacts/import/sync").json["statusId"]
    run_job(job)
    assert set(names()) == {"Spyri"}
    progress = api.get(f"/v1.0/import/sync/{job}/status").json["progress"]
    assert progress == {
        "total": 1,
        "processed": 1,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "failed": 0,
        "awaitingApproval": 1,
    }
    request = waits(ImportJob.objects.get(pk=job))
    with pytest.raises(Forbidden):
        approve(anna, request)
    assert set(names()) == {"Spyri"}
    approve(rita, request)
    assert names()[1] == "Heusser"
    written = Entry.objects.get(change_request=request)
    assert (written.initiator_member, written.subject_id) == (anna, present["E-1"].pk)


def test_an_import_that_changes_many_asks_for_what_must_wait_and_does_the_rest(entry, anna, rita):
    synced(lines(*(entry(f"E-{number}") for number in range(300))))
    changed = [renamed(entry, number) if number % 10 == 0 else annotated(entry, number) for number in range(280)]
    job = synced(
        lines(*changed, *(entry(f"E-{number}") for number in range(280, 310)), entry("E-bad", username=7)),
        actor=member_actor(anna),
    )
    assert (*counts(job), job.awaiting_approval) == (10, 252, 20, 1, 28)
    assert (job.total, job.status) == (311, ImportStatus.COMPLETED_WITH_ERRORS)
    request = waits(job)
    assert (request.kind, request.source, request.subject_id) == ("contact-details", Source.IMPORT, None)
    assert (request.initiator_member, request.status, request.subjects.count()) == (anna, Status.PENDING, 28)
    assert request.paths == ["personalInformation", NAME]
    assert Contact.objects.filter(details__relationship__notes="Met in Bern.").count() == 252
    approve(rita, request)
    assert names().count("Heusser") == 28
    assert set(outcomes(request)) == {("applied", False)}


@pytest.mark.parametrize("who", ["app", "system"])
def test_applications_and_commands_import_at_once(present, entry, make_app, api_of, who):
    if who == "app":
        api = api_of(make_app())
        upload(api, ("contacts.json", array(renamed(entry, 1))))
        run_job(api.post("/v1.0/contacts/import/sync").json["statusId"])
    else:
        synced(array(renamed(entry, 1)))
    assert names()[1] == "Heusser"
    assert not ChangeRequest.objects.exists()


def test_creation_does_not_wait(entry, anna):
    job = synced(array(entry("E-1")), actor=member_actor(anna))
    assert (counts(job), job.awaiting_approval) == ((1, 0, 0, 0), 0)
    assert not ChangeRequest.objects.exists()


def test_a_dry_run_counts_what_would_wait_and_asks_for_nothing(present, entry, anna):
    job = synced(array(renamed(entry, 1)), actor=member_actor(anna), is_dry_run=True)
    assert (counts(job), job.awaiting_approval) == ((0, 0, 0, 0), 1)
    assert not ChangeRequest.objects.exists()
    assert not WaitingEntry.objects.exists()


def test_the_rest_of_an_entry_takes_effect_while_its_details_wait(present, entry, anna, rita):
    others = {"username": "other", "externalConnections": [{"system": "CRM", "externalId": "CRM-1"}]}
    job = synced(array(renamed(entry, 1) | others), actor=member_actor(anna))
    contact = present["E-1"]
    contact.refresh_from_db()
    assert (job.awaiting_approval, job.updated) == (1, 0)
    assert (contact.username, contact.version, contact.details) == ("other", 1, details())
    assert contact.external_connections.filter(system="CRM").exists()
    approve(rita, waits(job))
    contact.refresh_from_db()
    assert (contact.version, contact.details["personalInformation"]["lastName"]) == (2, "Heusser")


def test_an_approved_address_is_not_verified_as_that_of_no_import_is(present, entry, anna, rita):
    set_policy(policy([stage()], [rule("Review")]))
    address = {"contactInformation": {"email": "heidi@example.com"}}
    job = synced(array(entry("E-1", details=details(**address))), actor=member_actor(anna))
    approve(rita, waits(job))
    present["E-1"].refresh_from_db()
    assert present["E-1"].details["contactInformation"]["email"] == "heidi@example.com"
    assert not Channel.objects.pending().exists()


# ---- policies


def test_the_request_needs_the_stages_of_all_its_entries_in_the_order_of_the_policy(
    present, entry, anna, rita, make_member, make_participant
):
    zurich = make_participant("Zurich")
    present["E-2"].participants.add(zurich)
    carl = make_member("carl", reviews=True, sees_all_contacts=True)
    compliance = make_group("Compliance", carl)
    set_policy(
        policy(
            [stage("Review"), stage("Compliance", group=compliance)],
            [rule("Compliance", participants=[zurich.pk]), rule("Review", flaggedOnly=True)],
        )
    )
    job = synced(array(renamed(entry, 1), annotated(entry, 2), annotated(entry, 3)), actor=member_actor(anna))
    assert (job.awaiting_approval, job.updated) == (2, 1)
    request = waits(job)
    assert [found.name for found in request.revisions.get().stages.all()] == ["Review", "Compliance"]
    flags = {
        proposal.subject.subject_id: [change["isApprovalRequired"] for change in proposal.changes]
        for proposal in Proposal.objects.select_related("subject")
    }
    assert flags == {present["E-1"].pk: [True], present["E-2"].pk: [True]}
    approve(rita, request)
    assert set(names()) == {"Spyri"}
    approve(carl, request)
    assert names()[1] == "Heusser"


def test_under_strict_every_change_of_a_member_waits(present, entry, anna):
    set_policy(policy([stage()], [rule("Review")], is_digest_required=True))
    job = synced(array(annotated(entry, 1), renamed(entry, 2), entry("E-3")), actor=member_actor(anna))
    assert (counts(job), job.awaiting_approval) == ((0, 0, 1, 0), 2)


def test_rules_by_the_initiators_group_and_the_contact_type_count(present, entry, anna, contact_type):
    group = make_group("Trainees", anna)
    set_policy(policy([stage()], [rule("Review", initiatorGroups=[group.pk], contactTypes=[contact_type.key])]))
    assert synced(array(annotated(entry, 1)), actor=member_actor(anna)).awaiting_approval == 1
    anna.user.groups.clear()
    assert synced(array(annotated(entry, 2)), actor=member_actor(anna)).awaiting_approval == 0


def test_legal_entities_wait_too(default_schemas, anna, rita):
    set_policy(policy([stage()], [rule("Review")]), kind="legal-entity")
    entities = [{"externalId": f"L-{number}", "details": {"name": "Säntis AG"}} for number in range(3)]
    synced(array(*entities), kind=ImportKind.LEGAL_ENTITIES)
    entities[0]["details"] = {"name": "Rütli AG"}
    entities[1]["details"] = {"name": "Rigi AG"}
    job = synced(array(*entities), kind=ImportKind.LEGAL_ENTITIES, actor=member_actor(anna))
    assert (counts(job), job.awaiting_approval) == ((0, 0, 1, 0), 2)
    assert set(LegalEntity.objects.values_list("name", flat=True)) == {"Säntis AG"}
    request = waits(job)
    assert (request.kind, request.source) == ("legal-entity", Source.IMPORT)
    approve(rita, request)
    assert set(LegalEntity.objects.values_list("name", flat=True)) == {"Säntis AG", "Rütli AG", "Rigi AG"}


# ---- deciding


def test_a_reviewer_leaves_some_out(present, entry, anna, rita):
    job = synced(array(*(renamed(entry, number) for number in range(5))), actor=member_actor(anna))
    request = waits(job)
    left_out = list(request.subjects.order_by("pk").values_list("pk", flat=True)[1:3])
    approve(rita, request, parts=Parts(excluded_subject_ids=left_out))
    assert names()[:5] == ["Heusser", "Spyri", "Spyri", "Heusser", "Heusser"]
    assert outcomes(request) == [
        ("applied", False),
        ("excluded", False),
        ("excluded", False),
        ("applied", False),
        ("applied", False),
    ]


def test_a_digest_of_something_else_decides_nothing(present, entry, anna, rita):
    request = waits(synced(array(renamed(entry, 1), renamed(entry, 2)), actor=member_actor(anna)))
    assert current_digest(request) == digest_of(request, proposals_of(request))
    with pytest.raises(PreconditionFailed):
        approve(rita, request, digest="0" * 64)


def test_who_does_not_see_all_of_its_contacts_does_not_see_the_request(present, entry, anna, make_member):
    request = waits(synced(array(renamed(entry, 1), renamed(entry, 2)), actor=member_actor(anna)))
    near = make_member("near", reviews=True)
    present["E-1"].members.add(near)
    with pytest.raises(NotFound):
        approve(near, request)


def test_what_is_outdated_by_then_is_left_out_and_reported(present, entry, anna, rita):
    request = waits(synced(array(renamed(entry, 1), renamed(entry, 2)), actor=member_actor(anna)))
    patch_details(actor=SYSTEM, contact_id=present["E-1"].pk, patch=KELLER)
    approve(rita, request)
    assert outcomes(request) == [("outdated", False), ("applied", False)]
    assert names()[1:3] == ["Keller", "Heusser"]


# ---- other requests about the same contacts


def test_an_entry_whose_contact_has_an_open_request_fails_by_name(present, entry, anna):
    asked = patch_details(actor=member_actor(anna), contact_id=present["E-1"].pk, patch=KELLER).change_request
    job = synced(array(renamed(entry, 1), renamed(entry, 2), annotated(entry, 3)), actor=member_actor(anna))
    assert (counts(job), job.awaiting_approval) == ((0, 1, 0, 1), 1)
    assert faults(job) == [
        (1, None, f"Change request {asked.pk} is pending review. Cancel it or wait until it is decided.")
    ]
    assert job.failures.get().external_id == "E-1"
    assert list(waits(job).subjects.values_list("subject_id", flat=True)) == [present["E-2"].pk]


def test_a_contact_that_waits_in_an_import_takes_no_other_request(present, entry, anna, api_of):
    request = waits(synced(array(renamed(entry, 1), renamed(entry, 2)), actor=member_actor(anna)))
    answer = api_of(anna).patch(f"/v1.0/contacts/{present['E-1'].pk}/details", {"details": KELLER})
    assert (answer.status, answer.sub_code) == (422, "PendingChangeRequestExists")
    assert answer.json["properties"] == {"changeRequestId": [str(request.pk)]}
    cancel_change_request(actor=member_actor(anna), change_request_id=request.pk)
    assert api_of(anna).patch(f"/v1.0/contacts/{present['E-1'].pk}/details", {"details": KELLER}).status == 200


def interrupted(monkeypatch, entries, actor, meanwhile):
    """Run a sync of these entries; call `meanwhile` before its request is opened."""
    opened = waiting.open_waiting

    def after(job):
        meanwhile()
        opened(job)

    monkeypatch.setattr("importexport.imports.jobs.open_waiting", after)
    return synced(array(*entries), actor=actor)


def test_a_request_opened_while_the_import_runs_comes_first(present, entry, anna, monkeypatch):
    def ask():
        patch_details(actor=member_actor(anna), contact_id=present["E-1"].pk, patch=KELLER)

    job = interrupted(monkeypatch, [renamed(entry, 1), renamed(entry, 2)], member_actor(anna), ask)
    assert (counts(job), job.awaiting_approval, job.processed) == ((0, 0, 0, 1), 1, 2)
    assert "is pending review" in faults(job)[0][2]
    assert waits(job).subjects.get().subject_id == present["E-2"].pk


def test_if_nothing_can_be_asked_for_there_is_no_request(present, entry, anna, monkeypatch):
    def ask():
        patch_details(actor=member_actor(anna), contact_id=present["E-1"].pk, patch=KELLER)

    job = interrupted(monkeypatch, [renamed(entry, 1)], member_actor(anna), ask)
    assert (counts(job), job.awaiting_approval) == ((0, 0, 0, 1), 0)
    assert not job.change_requests.exists()


# ---- anonymization


def test_a_contact_anonymized_while_the_import_runs_is_not_asked_for(present, entry, anna, monkeypatch):
    def anonymize():
        anonymize_contacts(actor=SYSTEM, contact_ids=[present["E-1"].pk])
        assert WaitingEntry.objects.get(subject_id=present["E-1"].pk).changes == []

    job = interrupted(monkeypatch, [renamed(entry, 1), renamed(entry, 2)], member_actor(anna), anonymize)
    assert (counts(job), job.awaiting_approval, job.processed) == ((0, 0, 0, 1), 1, 2)
    assert faults(job)[0][2] == "The contact was anonymized and cannot be changed any more."
    assert job.failures.get().external_id is None
    assert waits(job).subjects.get().subject_id == present["E-2"].pk


def test_a_contact_anonymized_while_the_request_waits_is_left_out_and_erased(present, entry, anna, rita):
    request = waits(synced(array(renamed(entry, 1), renamed(entry, 2)), actor=member_actor(anna)))
    anonymize_contacts(actor=SYSTEM, contact_ids=[present["E-1"].pk])
    assert Proposal.objects.get(subject__subject_id=present["E-1"].pk).changes[0]["target"] is None
    approve(rita, request)
    assert outcomes(request) == [("excluded", False), ("applied", False)]
    assert names()[2] == "Heusser"


def test_a_request_is_cancelled_once_all_its_contacts_are_anonymized(present, entry, anna):
    request = waits(synced(array(renamed(entry, 1), renamed(entry, 2)), actor=member_actor(anna)))
    anonymize_contacts(actor=SYSTEM, contact_ids=[present["E-1"].pk, present["E-2"].pk])
    request.refresh_from_db()
    assert request.status == Status.CANCELLED


# ---- failed imports


def test_what_waits_of_an_import_that_fails_is_asked_for(present, entry, anna, settings, storage_directory):
    settings.IMPORT_BATCH_ENTRIES = 1
    names_of_files = stored(array(renamed(entry, 1)), array(renamed(entry, 2)), actor=member_actor(anna))
    job = start_sync(actor=member_actor(anna), kind=ImportKind.CONTACTS, names=names_of_files)
    second = storage_directory / names_of_files[1]
    content = second.read_bytes()
    second.unlink()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.awaiting_approval) == (ImportStatus.FAILED, 1)
    assert waits(job).subjects.get().subject_id == present["E-1"].pk
    second.write_bytes(content)
    resumed = start_sync(actor=member_actor(anna), kind=ImportKind.CONTACTS, names=names_of_files)
    run_job(resumed.pk)
    job.refresh_from_db()
    assert (job.status, job.awaiting_approval, resumed.pk) == (ImportStatus.COMPLETED, 2, job.pk)
    assert job.change_requests.count() == 2
    assert RequestSubject.objects.filter(is_open=True).count() == 2


def test_what_a_failing_worker_could_not_ask_for_is_asked_for_later(
    present, entry, anna, settings, storage_directory, monkeypatch
):
    settings.IMPORT_BATCH_ENTRIES = 1
    names_of_files = stored(array(renamed(entry, 1)), array(renamed(entry, 2)), actor=member_actor(anna))
    job = start_sync(actor=member_actor(anna), kind=ImportKind.CONTACTS, names=names_of_files)
    (storage_directory / names_of_files[1]).unlink()
    with monkeypatch.context() as patched:
        patched.setattr("importexport.imports.jobs.open_of_ended", lambda _job_id: None)
        run_job(job.pk)
    assert WaitingEntry.objects.count() == 1
    open_forgotten()
    assert waits(job).subjects.get().subject_id == present["E-1"].pk


# ---- the API


def test_the_api_calls_it_an_import(present, entry, anna, rita, api_of):
    request = waits(synced(array(renamed(entry, 1), renamed(entry, 2)), actor=member_actor(anna)))
    patch_details(actor=member_actor(anna), contact_id=present["E-3"].pk, patch=KELLER)
    api = api_of(rita)
    found = api.post("/v1.0/change-requests/search", {"kinds": ["import"]}).json["results"]
    assert [(row["id"], row["kind"], row["subjectCount"]) for row in found] == [(request.pk, "import", 2)]
    found = api.post("/v1.0/change-requests/search", {"kinds": ["contact-details"]}).json["results"]
    assert [row["kind"] for row in found] == ["contact-details"]
    shown = api.get(f"/v1.0/change-requests/{request.pk}").json
    entries = api.get(f"/v1.0/change-requests/{request.pk}/entries").json["results"]
    assert [one["subject"]["id"] for one in entries] == [present["E-1"].pk, present["E-2"].pk]
    assert entries[0]["subject"]["kind"] == "contact-details"
    body = {"isApproved": True, "digest": shown["digest"], "excludedEntryIds": [entries[0]["entryId"]]}
    assert api.post(f"/v1.0/change-requests/{request.pk}/review", body).status == 204
    apply_approved_request(request.pk)
    assert names()[1:3] == ["Spyri", "Heusser"]
