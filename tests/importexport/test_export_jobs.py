"""Export jobs: requested, run once, rerun after a lost worker, and deleted on time."""

import errno
import threading
from array import array
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from django.utils import timezone

from accounts.actor import system_actor
from accounts.models import ClientApplication
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.tasks import delete_obsolete_files
from core import heartbeat
from core.jobs import LOST_AFTER, MAX_ATTEMPTS
from core.models import PendingFileDeletion
from importexport.exports import running
from importexport.exports.running import run_export
from importexport.exports.selection import Selection
from importexport.exports.services import request_export
from importexport.exports.tasks import expire_exports, resume_exports
from importexport.models import ExportJob, ExportKind, ExportStatus
from tests.fixtures import details
from tests.importexport.reading import read_csv

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

CONTACTS = "/v1.0/contacts/export"
LEGAL_ENTITIES = "/v1.0/legal-entities/export"
BY_NAME = 'query { contacts(where: { personalInformation: { lastName: { eq: "Sonderfall" } } }) { items { } } }'


@pytest.fixture
def ask(make_member, actor_of, celery_messages, default_schemas):
    """Asks for an export as a member who sees everything."""
    member = make_member(sees_all_contacts=True)

    def request(kind=ExportKind.CONTACTS, **selection):
        return request_export(actor=actor_of(member), selection=Selection(kind, **selection))

    return request


def elsewhere(action):
    """Does it on a connection of its own."""
    thread = threading.Thread(target=lambda: (action(), connection.close()))
    thread.start()
    thread.join()


def stored_files(directory):
    return sorted(path.name for path in directory.rglob("*.csv"))


def rows_of(job):
    job.refresh_from_db()
    assert job.status == ExportStatus.COMPLETED, job.error_message
    with default_storage.open(job.file_name, "rb") as file:
        return read_csv(file.read())


# ---- the whole way


def test_an_application_asks_for_an_export_a_worker_writes_it_and_the_application_gets_the_file(
    make_contact, app, worker, eventually
):
    contact = make_contact(details(personalInformation={"lastName": "Müller, Söhne"}))
    asked = app.post(CONTACTS)
    assert asked.status == 202
    path = f"{CONTACTS}/{asked.json['exportJobId']}"
    eventually(lambda: app.get(path).status != 202)
    got = app.get(path)
    assert got.status == 200
    assert [(row["id"], row["personalInformation.lastName"]) for row in read_csv(got.json)] == [
        (str(contact.pk), "Müller, Söhne")
    ]
    assert got.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert got.headers["Content-Disposition"].startswith('attachment; filename="contacts-')
    assert got.headers["Cache-Control"] == "private, no-store"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert int(got.headers["Content-Length"]) == len(got.json)


def test_while_it_waits_and_runs_the_answer_says_how_far_it_is(app, celery_messages, default_schemas):
    asked = app.post(CONTACTS).json["exportJobId"]
    assert celery_messages() == [("importexport.exports.tasks.run_export", [asked])]
    waiting = app.get(f"{CONTACTS}/{asked}")
    assert (waiting.status, waiting.json) == (202, {"status": "Pending", "processed": 0, "total": None})
    ExportJob.objects.update(status=ExportStatus.RUNNING, processed=40_000, total=100_000)
    runs = app.get(f"{CONTACTS}/{asked}")
    assert (runs.status, runs.json) == (202, {"status": "Running", "processed": 40_000, "total": 100_000})
    assert runs.headers["Retry-After"] == "2"


def test_pollers_see_the_rows_counted_while_the_work_is_under_way(ask, make_contact, monkeypatch, eventually):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.02)
    monkeypatch.setattr(running, "write_csv", lambda rows, columns, file, *, report: wait_at_half(report))
    goes_on = threading.Event()

    def wait_at_half(report):
        report(1)
        assert goes_on.wait(30)
        return array("i", [1, 2])

    make_contact()
    make_contact()
    job = ask()
    thread = threading.Thread(target=lambda: (run_export(job.pk), connection.close()))
    thread.start()
    eventually(lambda: ExportJob.objects.filter(status="Running", processed=1, total=2).exists())
    goes_on.set()
    thread.join()
    job.refresh_from_db()
    assert (job.status, job.processed, job.total) == ("Completed", 2, 2)


def test_all_rows_are_of_one_moment(make_contact, monkeypatch, ask):
    make_contact()
    write = running.write_csv

    def write_later(*args, **kwargs):
        elsewhere(make_contact)
        return write(*args, **kwargs)

    monkeypatch.setattr(running, "write_csv", write_later)
    job = ask()
    run_export(job.pk)
    assert len(rows_of(job)) == job.total == 1
    assert Contact.objects.count() == 2


def test_what_the_caller_sees_counts_as_of_running(make_contact, make_app, make_participant, api_of, celery_messages):
    participant = make_participant()
    application = make_app()
    inside, _outside = make_contact(participants=[participant]), make_contact()
    api_of(application).post(CONTACTS)
    application.participants.add(participant)
    job = ExportJob.objects.get()
    run_export(job.pk)
    assert [row["id"] for row in rows_of(job)] == [str(inside.pk)]


def test_a_caller_who_may_no_longer_export_gets_nothing(make_contact, make_app, make_member, api_of, celery_messages):
    make_contact()
    application, member, other = make_app(), make_member(sees_all_contacts=True), make_member(sees_all_contacts=True)
    for who in (application, member, other):
        api_of(who).post(CONTACTS)
    ClientApplication.objects.update(allowed_scopes="contacts.read")
    member.user.is_active = False
    member.user.save()
    other.user.user_permissions.clear()
    for job in ExportJob.objects.all():
        run_export(job.pk)
        job.refresh_from_db()
        assert (job.status, job.error_code, job.file_name) == ("Failed", "Forbidden", "")


def test_a_query_that_no_longer_fits_the_schema_says_so(ask, default_schemas):
    job = ask(query=BY_NAME)
    ExportJob.objects.update(query=BY_NAME.replace("lastName", "gone"))
    run_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.query) == ("Failed", "")
    assert "gone" in job.error_message


# ---- once, and again


def test_a_task_that_is_delivered_twice_does_its_work_once(ask, make_contact, storage_directory):
    make_contact()
    job = ask()
    run_export(job.pk)
    first = ExportJob.objects.values().get()
    run_export(job.pk)
    assert ExportJob.objects.values().get() == first
    assert len(stored_files(storage_directory)) == 1


def test_two_workers_at_once_do_it_once(ask, make_contact, storage_directory):
    make_contact()
    job = ask()
    threads = [threading.Thread(target=lambda: (run_export(job.pk), connection.close())) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows_of(job)) == job.attempts == 1
    assert len(stored_files(storage_directory)) == 1


def test_a_task_for_a_job_that_is_not_there_does_nothing(db):
    run_export(uuid4())


def vanish(job, *, attempts=1):
    """As a worker leaves it that was killed while it stored the file."""
    name = default_storage.save(f"exports/{job.pk}-{attempts}.csv", ContentFile(b"half"))
    silent_since = timezone.now() - LOST_AFTER - timedelta(seconds=1)
    ExportJob.objects.filter(pk=job.pk).update(
        status=ExportStatus.RUNNING, attempts=attempts, heartbeat_at=silent_since, processed=7, file_name=name
    )


def test_a_job_whose_worker_vanished_is_done_from_the_beginning(ask, make_contact, celery_messages, storage_directory):
    make_contact()
    job = ask()
    celery_messages()
    vanish(job)
    resume_exports()
    assert celery_messages() == [("importexport.exports.tasks.run_export", [str(job.pk)])]
    run_export(job.pk)
    assert len(rows_of(job)) == 1
    assert job.attempts == 2
    assert stored_files(storage_directory) == [f"{job.pk}-2.csv"]


def test_what_a_vanished_worker_left_goes_although_anonymization_has_taken_its_name(
    ask, make_contact, storage_directory
):
    make_contact()
    job = ask()
    vanish(job)
    ExportJob.objects.update(status=ExportStatus.PENDING, file_name="")
    run_export(job.pk)
    assert stored_files(storage_directory) == [f"{job.pk}-2.csv"]


def test_a_job_that_shows_signs_of_life_is_left_alone(ask, celery_messages):
    job = ask()
    celery_messages()
    ExportJob.objects.update(status=ExportStatus.RUNNING, attempts=1, heartbeat_at=timezone.now())
    resume_exports()
    run_export(job.pk)
    assert celery_messages() == []
    assert ExportJob.objects.get().attempts == 1


def test_a_job_whose_message_was_lost_is_sent_again(ask, celery_messages):
    job = ask()
    celery_messages()
    resume_exports()
    assert celery_messages() == []
    ExportJob.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    resume_exports()
    assert celery_messages() == [("importexport.exports.tasks.run_export", [str(job.pk)])]


def test_a_job_that_kills_every_worker_is_given_up(ask, storage_directory):
    job = ask()
    vanish(job, attempts=MAX_ATTEMPTS)
    run_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("Failed", "WorkerVanished")
    assert stored_files(storage_directory) == []


def test_a_worker_that_was_given_up_for_lost_changes_nothing_any_more(
    ask, make_contact, monkeypatch, storage_directory
):
    make_contact()
    write = running.write_csv

    def write_while_another_takes_the_job(*args, **kwargs):
        elsewhere(lambda: ExportJob.objects.update(attempts=2))
        return write(*args, **kwargs)

    monkeypatch.setattr(running, "write_csv", write_while_another_takes_the_job)
    job = ask()
    run_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.total) == ("Running", 2, None)
    assert stored_files(storage_directory) == []


# ---- what goes wrong


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "StorageFull"),
        (OSError(errno.EIO, "Input/output error"), "StorageUnavailable"),
        (RuntimeError("secret inside"), "StorageUnavailable"),
    ],
)
def test_a_storage_that_takes_no_file_fails_the_job_and_asking_again_works(
    error, code, app, make_contact, monkeypatch, celery_messages, storage_directory
):
    make_contact()

    def refuse(self, name, content):
        (storage_directory / "exports").mkdir(parents=True)
        (storage_directory / name).write_bytes(b"half of it")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "_save", refuse)
        first = app.post(CONTACTS).json["exportJobId"]
        run_export(first)
    answer = app.get(f"{CONTACTS}/{first}")
    assert (answer.status, answer.sub_code) == (422, "ExportFailed")
    assert "secret" not in answer.json["message"]
    assert ExportJob.objects.get().error_code == code
    assert stored_files(storage_directory) == []
    second = app.post(CONTACTS).json["exportJobId"]
    run_export(second)
    assert app.get(f"{CONTACTS}/{second}").status == 200


def test_a_full_disk_of_the_worker_fails_the_job_and_says_so(ask, make_contact, monkeypatch):
    make_contact()

    def no_room(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(running, "write_csv", no_room)
    job = ask()
    run_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("Failed", "StorageFull")
    assert "space" in job.error_message


def test_a_mistake_in_the_program_fails_the_job_and_tells_nothing_of_the_inside(ask, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(running, "write_csv", fail)
    job = ask()
    run_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("Failed", "General")
    assert "secret" not in job.error_message


def test_a_statement_that_the_database_breaks_off_fails_the_job(ask, monkeypatch):
    def break_off(*args, **kwargs):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(running, "write_csv", break_off)
    job = ask()
    run_export(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("Failed", "DatabaseUnavailable")


def test_the_reason_is_in_the_language_of_who_asked(app, monkeypatch, celery_messages):
    seen = []
    monkeypatch.setattr(
        running, "_written_and_stored", lambda job, heartbeat: seen.append(running.translation.get_language()) or 0
    )
    asked = app.post(CONTACTS, accept_language="de").json["exportJobId"]
    run_export(asked)
    assert seen == ["de"]


# ---- gone in time


def test_a_file_is_deleted_a_day_after_it_was_made_and_answers_404_then(
    app, make_contact, celery_messages, storage_directory
):
    make_contact()
    asked = app.post(CONTACTS).json["exportJobId"]
    run_export(asked)
    expire_exports()
    assert app.get(f"{CONTACTS}/{asked}").status == 200
    job = ExportJob.objects.get()
    assert job.expires_at - job.finished_at == timedelta(hours=24)
    ExportJob.objects.update(expires_at=timezone.now())
    assert app.get(f"{CONTACTS}/{asked}").status == 404
    expire_exports()
    assert stored_files(storage_directory) == []
    assert app.get(f"{CONTACTS}/{asked}").status == 404
    assert ExportJob.objects.filter(file_name="", total=1).exists()


def test_a_file_that_cannot_be_deleted_now_is_deleted_later(ask, make_contact, monkeypatch, storage_directory):
    make_contact()
    job = ask()
    run_export(job.pk)
    ExportJob.objects.update(expires_at=timezone.now())

    def fail(self, name):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "delete", fail)
        expire_exports()
    assert len(stored_files(storage_directory)) == 1
    delete_obsolete_files()
    assert stored_files(storage_directory) == []


def test_a_query_is_forgotten_once_the_export_is_done(ask, make_contact):
    make_contact(details(personalInformation={"lastName": "Sonderfall"}))
    make_contact()
    job = ask(query=BY_NAME)
    run_export(job.pk)
    assert len(rows_of(job)) == 1
    assert job.query == ""


# ---- anonymization


def anonymize(contact):
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])


def test_anonymizing_a_contact_deletes_every_file_with_contacts(ask, make_contact, storage_directory):
    contact = make_contact()
    with_contacts, without = ask(), ask(ExportKind.LEGAL_ENTITIES)
    for job in (with_contacts, without):
        run_export(job.pk)
    anonymize(contact)
    assert stored_files(storage_directory) == [f"{without.pk}-1.csv"]
    with_contacts.refresh_from_db()
    assert (with_contacts.file_name, with_contacts.expires_at <= timezone.now()) == ("", True)
    assert not PendingFileDeletion.objects.exists()


def test_an_export_that_waits_with_a_query_fails_when_a_contact_is_anonymized(ask, make_contact):
    contact = make_contact(details(personalInformation={"lastName": "Sonderfall"}))
    named, all_of_them = ask(query=BY_NAME), ask()
    anonymize(contact)
    named.refresh_from_db()
    all_of_them.refresh_from_db()
    assert (named.status, named.error_code, named.query) == ("Failed", "Interrupted", "")
    assert all_of_them.status == "Pending"


def test_an_export_that_runs_while_a_contact_is_anonymized_starts_again_without_it(
    ask, make_contact, monkeypatch, storage_directory
):
    contact = make_contact(details(personalInformation={"lastName": "Sonderfall"}))
    write = running.write_csv

    def write_while_one_is_anonymized(*args, **kwargs):
        elsewhere(lambda: anonymize(contact))
        return write(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(running, "write_csv", write_while_one_is_anonymized)
        job = ask()
        run_export(job.pk)
    job.refresh_from_db()
    assert (job.status, stored_files(storage_directory)) == ("Pending", [])
    run_export(job.pk)
    assert "Sonderfall" not in str(rows_of(job))
