"""Concurrent, repeated and interrupted syncs, unavailable storage, and dry runs."""

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError, connection
from django.utils import timezone, translation
from django.utils.translation import get_language
from psycopg import errors as postgres
from structlog.testing import capture_logs

from audit.models import Entry
from contacts.models import CONTACT_DETAILS, Contact, ContactParticipant, ExternalConnection
from core.errors import UnprocessableEntity
from core.jobs import MAX_ATTEMPTS, JobLeaseLostError
from importexport.imports import running
from importexport.imports.contacts import statements
from importexport.imports.jobs import claim
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.tasks import resume_imports, tidy_imports
from importexport.models import (
    ImportFile,
    ImportJob,
    ImportKey,
    ImportKind,
    ImportStatus,
    SupersededEntry,
)
from schemas.models import SchemaVersion
from schemas.queries import current_schema
from schemas.services.schemas import publish_schema
from tests.fixtures import details
from tests.importexport.importing import SYSTEM, array, counts, faults, lines, numbered, stored, synced

pytestmark = pytest.mark.slow

CONTACTS = ImportKind.CONTACTS


def started(*contents, **options):
    names = stored(*contents)
    return start_sync(actor=SYSTEM, kind=CONTACTS, names=names, **options)


def read(job):
    return ImportJob.objects.get(pk=job.pk)


def in_threads(*calls):
    """Run the calls at once, each on a connection of its own."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            barrier.wait(timeout=10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


# ---- what is chosen


@pytest.mark.django_db
def test_a_sync_takes_what_was_uploaded_and_not_synced_in_the_order_of_the_uploads(entry):
    first, second = stored(array(entry("E-1"))), stored(array(entry("E-2")))
    job = start_sync(actor=SYSTEM, kind=CONTACTS)
    assert job.file_ids == list(ImportFile.objects.order_by("pk").values_list("pk", flat=True))
    assert (job.total, job.status) == (2, ImportStatus.PENDING)
    with pytest.raises(UnprocessableEntity) as nothing:
        start_sync(actor=SYSTEM, kind=CONTACTS)
    assert nothing.value.sub_code == "NothingToSync"
    with pytest.raises(UnprocessableEntity) as again:
        start_sync(actor=SYSTEM, kind=CONTACTS, names=[*second, *first])
    assert again.value.sub_code == "AlreadySynced"


@pytest.mark.django_db
def test_the_files_of_a_sync_are_deleted_when_it_is_done_and_the_hashes_too(entry, django_capture_on_commit_callbacks):
    [name] = stored(array(entry("E-1"), entry("E-1")))
    job = start_sync(actor=SYSTEM, kind=CONTACTS)
    with django_capture_on_commit_callbacks(execute=True):
        run_job(job.pk)
    assert not default_storage.exists(name)
    assert not ImportFile.objects.get().is_stored
    assert not ImportKey.objects.exists()
    assert not SupersededEntry.objects.exists()


@pytest.mark.django_db
def test_uploads_that_nobody_syncs_go_after_a_month(entry, django_capture_on_commit_callbacks):
    names = stored(array(entry("E-1")), array(entry("E-2")))
    ImportFile.objects.filter(name=names[0]).update(uploaded_at=timezone.now() - timedelta(days=31))
    with django_capture_on_commit_callbacks(execute=True):
        tidy_imports()
    assert [default_storage.exists(name) for name in names] == [False, True]
    assert start_sync(actor=SYSTEM, kind=CONTACTS).total == 1


# ---- dry runs


@pytest.mark.django_db
def test_a_dry_run_counts_as_if_and_keeps_nothing_but_its_report(entry, make_participant, settings):
    settings.IMPORT_BATCH_ENTRIES = 2
    make_participant("Zurich")
    synced(array(entry("E-1"), entry("E-2")))
    before = list(Contact.objects.values()), list(Entry.objects.values()), list(ExternalConnection.objects.values())
    content = array(
        entry("E-1", details=details(personalInformation={"lastName": "Heidi"}), participants=["Zurich"]),
        entry("E-2"),
        entry("E-3"),
        entry("E-4", username=7),
        entry("E-3"),
    )
    names = stored(content)
    dry = start_sync(actor=SYSTEM, kind=CONTACTS, names=names, is_dry_run=True)
    run_job(dry.pk)
    dry = read(dry)
    assert (dry.status, counts(dry)) == (ImportStatus.COMPLETED_WITH_ERRORS, (1, 1, 1, 2))
    after = list(Contact.objects.values()), list(Entry.objects.values()), list(ExternalConnection.objects.values())
    assert after == before
    assert not ContactParticipant.objects.exists()
    real = start_sync(actor=SYSTEM, kind=CONTACTS, names=names)
    run_job(real.pk)
    assert counts(read(real)) == counts(dry)
    assert faults(real) == faults(dry)


# ---- once and only once


@pytest.mark.django_db(transaction=True)
def test_a_task_that_is_delivered_twice_works_once(entry, default_schemas):
    job = started(lines(*numbered(entry, range(300))))
    in_threads(*[lambda: run_job(job.pk)] * 3)
    assert (read(job).status, counts(read(job)), read(job).attempts) == (ImportStatus.COMPLETED, (300, 0, 0, 0), 1)
    run_job(job.pk)
    assert Contact.objects.count() == 300
    assert read(job).attempts == 1


@pytest.mark.django_db
def test_a_worker_that_was_given_up_for_lost_writes_nothing_any_more(entry):
    job = started(array(entry()))
    first = claim(job.pk)
    assert claim(job.pk) is None
    ImportJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    second = claim(job.pk)
    assert (first.job.attempts, second.job.attempts) == (1, 2)
    with pytest.raises(JobLeaseLostError):
        first.locked()
    assert second.locked().pk == job.pk


@pytest.mark.django_db
def test_beat_sends_lost_jobs_again(entry, monkeypatch):
    sent = []
    monkeypatch.setattr("importexport.imports.tasks.run_import.delay", sent.append)
    forgotten, running_job, lost = (started(array(entry(f"E-{number}"))) for number in range(3))
    claim(running_job.pk)
    claim(lost.pk)
    long_ago = timezone.now() - timedelta(minutes=5)
    ImportJob.objects.filter(pk=forgotten.pk).update(created_at=long_ago)
    ImportJob.objects.filter(pk=lost.pk).update(heartbeat_at=long_ago)
    resume_imports()
    assert set(sent) == {str(forgotten.pk), str(lost.pk)}


@pytest.mark.django_db
def test_what_stops_every_worker_is_not_tried_for_ever(entry):
    job = started(array(entry()))
    for _time in range(MAX_ATTEMPTS):
        claim(job.pk)
        ImportJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    run_job(job.pk)
    assert (read(job).status, read(job).error_code) == (ImportStatus.FAILED, "GaveUp")


# ---- at once


@pytest.mark.django_db(transaction=True)
def test_overlapping_syncs_at_once_do_not_deadlock_and_do_nothing_twice(entry, default_schemas, settings):
    settings.IMPORT_BATCH_ENTRIES = 50
    forward = numbered(entry, range(400))
    changed = [{**one, "details": details(personalInformation={"lastName": "Heidi"})} for one in reversed(forward)]
    jobs = [started(lines(*forward)), started(lines(*changed)), started(array(*forward[200:], *forward[:200]))]
    in_threads(*[lambda job=job: run_job(job.pk) for job in jobs])
    found = [read(job) for job in jobs]
    assert [job.status for job in found] == [ImportStatus.COMPLETED] * 3
    assert sum(job.created for job in found) == 400
    assert all(sum(counts(job)) == job.total == 400 for job in found)
    assert Contact.objects.count() == ExternalConnection.objects.count() == 400
    versions = Entry.objects.filter(kind=CONTACT_DETAILS).count()
    assert versions == sum(job.created + job.updated for job in found)


@pytest.mark.django_db(transaction=True)
def test_clients_change_contacts_while_they_are_imported(entry, default_schemas, make_app, api_of, settings):
    settings.IMPORT_BATCH_ENTRIES = 20
    synced(lines(*numbered(entry, range(100))))
    ids = list(Contact.objects.order_by("pk").values_list("pk", flat=True))
    api = api_of(make_app())
    changed = [
        {**one, "details": details(personalInformation={"lastName": "Heidi"})} for one in numbered(entry, range(100))
    ]
    job = started(lines(*changed))

    def patch(pks):
        body = {"details": {"personalInformation": {"lastName": "Peter"}}}
        return [api.patch(f"/v1.0/contacts/{pk}/details", body).status for pk in pks]

    _done, forwards, backwards = in_threads(lambda: run_job(job.pk), lambda: patch(ids), lambda: patch(reversed(ids)))
    assert (read(job).status, sum(counts(read(job)))) == (ImportStatus.COMPLETED, 100)
    assert {*forwards, *backwards} == {200}
    for contact in Contact.objects.all():
        assert list(contact.entries.order_by("sequence").values_list("sequence", flat=True)) == list(
            range(1, contact.version + 1)
        )


@pytest.mark.django_db
def test_a_batch_that_loses_a_race_is_tried_again_with_open_eyes(entry, make_contact, monkeypatch):
    """Somebody takes the username after the batch has looked and before it writes."""
    job = started(array(entry("E-1", username="wanted"), entry("E-2")))
    look = statements.usernames
    raced = []

    def usernames(cursor, wanted):
        found = look(cursor, wanted)
        if not raced:
            raced.append(True)
            make_contact(username="WANTED")
        return found

    monkeypatch.setattr(statements, "usernames", usernames)
    run_job(job.pk)
    # Within one transaction the rival's contact goes with the batch that failed, so the second try succeeds.
    assert raced
    assert (read(job).status, counts(read(job))) == (ImportStatus.COMPLETED, (2, 0, 0, 0))


# ---- what fails


@pytest.mark.django_db
def test_a_storage_that_breaks_off_fails_the_sync_and_the_next_one_goes_on(entry, monkeypatch, settings):
    settings.IMPORT_BATCH_ENTRIES = 10
    monkeypatch.setattr("importexport.imports.reading.CHUNK_BYTES", 1000)
    names = stored(lines(*numbered(entry, range(40))))
    job = start_sync(actor=SYSTEM, kind=CONTACTS, names=names)
    opened = running.open_stored

    class Breaking:
        def __init__(self, file):
            self.file, self.left = opened(file), 6_000

        def read(self, size):
            self.left -= size
            if self.left < 0:
                raise OSError(errno.EIO, "Input/output error", "/secret/place")
            return self.file.read(size)

        def close(self):
            self.file.close()

    monkeypatch.setattr(running, "open_stored", Breaking)
    run_job(job.pk)
    failed = read(job)
    assert (failed.status, failed.error_code) == (ImportStatus.FAILED, "FileUnavailable")
    assert "Input/output error" in failed.error_message
    assert "secret" not in failed.error_message
    assert 0 < failed.processed < 40
    monkeypatch.setattr(running, "open_stored", opened)
    again = start_sync(actor=SYSTEM, kind=CONTACTS)
    assert again.pk == job.pk
    run_job(job.pk)
    assert (read(job).status, counts(read(job))) == (ImportStatus.COMPLETED, (40, 0, 0, 0))
    assert Entry.objects.filter(kind=CONTACT_DETAILS).count() == 40


@pytest.mark.django_db
def test_who_asked_learns_which_file_is_gone_and_the_log_does_not(entry):
    """Files are named after people."""
    names = stored(lines(*numbered(entry, range(3))))
    job = start_sync(actor=SYSTEM, kind=CONTACTS, names=names)
    ImportFile.objects.filter(name=names[0]).update(is_stored=False)
    with capture_logs() as logged:
        run_job(job.pk)
    failed = read(job)
    assert (failed.status, failed.error_code) == (ImportStatus.FAILED, "FileUnavailable")
    assert names[0] in failed.error_message
    assert [line["code"] for line in logged if line["event"] == "import_failed"] == ["FileUnavailable"]
    assert names[0] not in str(logged)


@pytest.mark.django_db
def test_a_failed_sync_with_another_file_begins_a_new_one_that_finds_what_was_done(entry, settings):
    settings.IMPORT_BATCH_ENTRIES = 1
    names = stored(array(entry("E-1")), array(entry("E-2")))
    gone = ImportFile.objects.get(name=names[1])
    content = default_storage.open(gone.name).read()
    default_storage.delete(gone.name)
    job = start_sync(actor=SYSTEM, kind=CONTACTS, names=names)
    run_job(job.pk)
    assert (read(job).status, counts(read(job))) == (ImportStatus.FAILED, (1, 0, 0, 0))
    with default_storage.open(gone.name, "wb") as file:
        file.write(content)
    stored(array(entry("E-3")))
    new = start_sync(actor=SYSTEM, kind=CONTACTS)
    assert new.pk != job.pk
    run_job(new.pk)
    assert (read(new).status, counts(read(new))) == (ImportStatus.COMPLETED, (2, 0, 1, 0))


@pytest.mark.django_db
def test_a_file_that_is_no_longer_what_was_uploaded_fails_the_sync(entry):
    [name] = stored(array(entry("E-1"), entry("E-2")))
    job = start_sync(actor=SYSTEM, kind=CONTACTS)
    default_storage.delete(name)
    with default_storage.open(name, "wb") as file:
        file.write(array(entry("E-1")))
    run_job(job.pk)
    assert read(job).status == ImportStatus.FAILED
    assert "has changed since it was uploaded" in read(job).error_message


@pytest.mark.django_db
def test_a_full_database_fails_the_sync_and_says_so(entry, monkeypatch):
    job = started(array(entry()))

    def full(*_args, **_kwargs):
        raise OperationalError("no space left") from postgres.DiskFull("could not extend file")

    monkeypatch.setattr("importexport.imports.contacts.importer.ContactImporter.apply", full)
    run_job(job.pk)
    assert (read(job).status, read(job).error_code) == (ImportStatus.FAILED, "DatabaseFull")
    assert "no space" in read(job).error_message


@pytest.mark.django_db
def test_a_database_that_goes_away_leaves_the_job_to_the_next_worker(entry, monkeypatch):
    job = started(array(entry()))

    def gone(*_args, **_kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr("importexport.imports.contacts.importer.ContactImporter.apply", gone)
        with pytest.raises(OperationalError):
            run_job(job.pk)
    assert read(job).status == ImportStatus.RUNNING
    ImportJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    run_job(job.pk)
    assert (read(job).status, counts(read(job))) == (ImportStatus.COMPLETED, (1, 0, 0, 0))


@pytest.mark.django_db
def test_a_fault_of_ours_fails_the_sync_and_tells_nothing_of_the_inside(entry, monkeypatch):
    job = started(array(entry()))
    monkeypatch.setattr("importexport.imports.contacts.importer.ContactImporter.apply", lambda *_: 1 / 0)
    run_job(job.pk)
    assert (read(job).status, read(job).error_code) == (ImportStatus.FAILED, "General")
    assert "zero" not in read(job).error_message


@pytest.mark.django_db
def test_a_member_whose_login_is_closed_imports_nothing(entry, make_member, actor_of):
    member = make_member(sees_all_contacts=True)
    names = stored(array(entry()), actor=actor_of(member))
    job = start_sync(actor=actor_of(member), kind=CONTACTS, names=names)
    member.user.is_active = False
    member.user.save()
    run_job(job.pk)
    assert (read(job).status, read(job).error_code) == (ImportStatus.FAILED, "RequesterGone")


@pytest.mark.django_db
def test_a_member_who_may_no_longer_import_imports_nothing(entry, make_member, actor_of):
    member = make_member(sees_all_contacts=True)
    job = start_sync(actor=actor_of(member), kind=CONTACTS, names=stored(array(entry()), actor=actor_of(member)))
    member.user.user_permissions.clear()
    run_job(job.pk)
    assert (read(job).status, read(job).error_code) == (ImportStatus.FAILED, "RequesterGone")
    assert not Contact.objects.exists()


@pytest.mark.django_db
def test_what_is_read_ahead_speaks_the_language_of_who_asked():
    with translation.override("de"):
        assert list(running.ahead(iter([1, 2, 3]))) == [1, 2, 3]
        assert list(running.ahead(get_language() for _ in range(2))) == ["de", "de"]


# ---- one schema


@pytest.mark.django_db
def test_one_version_of_the_schema_applies_throughout_whatever_is_published_meanwhile(entry, monkeypatch, settings):
    settings.IMPORT_BATCH_ENTRIES = 1
    before = current_schema("contact")
    bad = entry("E-3", username=None)
    job = started(lines(entry("E-1"), entry("E-2"), bad))
    write = running._write

    def publish_and_stop(*args, **kwargs):
        write(*args, **kwargs)
        definition = {**before.definition_json, "elements": [*before.definition_json["elements"]]}
        definition["elements"].append({"key": "added", "type": "text", "label": {"en": "Added"}, "isMandatory": True})
        publish_schema(
            actor=SYSTEM,
            key="contact",
            definition_text=json.dumps(definition),
            concurrency_token=before.concurrency_token,
        )
        raise OperationalError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(running, "_write", publish_and_stop)
        with pytest.raises(OperationalError):
            run_job(job.pk)
    assert current_schema("contact").version_id != before.version_id
    ImportJob.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    run_job(job.pk)
    done = read(job)
    assert counts(done) == (2, 0, 0, 1)
    assert done.schema_version == SchemaVersion.objects.get(pk=before.version_id)
    assert f"Version {before.version_number} of the schema" in done.error_message
    assert counts(synced(array(entry("E-4")))) == (0, 0, 0, 1)


# ---- budgets


@pytest.mark.django_db
def test_the_statements_of_a_batch_do_not_grow_with_its_entries(entry, count_queries, make_participant, make_member):
    make_participant("Zurich")
    make_member("anna")

    def mixed(count, offset):
        relations = {"participants": ["Zurich"], "members": ["anna"]}
        news = [
            entry(
                f"N-{offset + n}", **relations, externalConnections=[{"system": "CRM", "externalId": f"C-{offset + n}"}]
            )
            for n in range(count)
        ]
        changed = [
            entry(
                f"E-{n}", details=details(personalInformation={"lastName": f"L{offset + n}"}), username=f"U{offset + n}"
            )
            for n in range(count)
        ]
        return lines(*news, *changed, *(entry(f"B-{n}", username=7) for n in range(count)))

    synced(lines(*numbered(entry, range(60))))
    numbers = []
    for count, offset in ((2, 1000), (60, 2000)):
        job = started(mixed(count, offset))
        with count_queries() as queries:
            run_job(job.pk)
        assert counts(read(job)) == (count, count, 0, count)
        numbers.append(len(queries))
    # Two of them record the usernames in the ledger, and two hold the systems of external ids.
    assert numbers[0] == numbers[1] <= 58
