"""If a worker is killed at any moment, the next one ends with the same database as an undisturbed run."""

import random
import time
from uuid import uuid4

import pytest
from django.db import connection
from redis import Redis

from contacts.models import Contact, ContactParticipant, ExternalConnection
from devstack import embedded
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.tasks import resume_imports, run_import
from importexport.models import ImportFailure, ImportJob, ImportKind, ImportStatus
from tests.fixtures import details, without_triggers
from tests.importexport.importing import SYSTEM, counts, lines, numbered, stored, synced
from tests.importexport.workers import Workers, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
ENTRIES = 1_500


@pytest.fixture
def workers(storage_directory, monkeypatch):
    queue = f"imports-{uuid4().hex}"
    monkeypatch.setattr(run_import, "delay", lambda *args: run_import.apply_async(args, queue=queue))
    workers = Workers(queue, storage_directory)
    yield workers
    workers.end()
    Redis.from_url(embedded.redis_url(embedded.var_directory())).delete(queue)


def snapshot():
    """Everything that an import writes of contacts, without ids and times."""
    return (
        sorted(Contact.objects.values_list("username", "details__personalInformation", "version", "type")),
        sorted(
            (
                (contact.username, *entry)
                for contact in Contact.objects.all()
                for entry in contact.entries.values_list("sequence", "changes", "paths", "initiator_system", "comment")
            ),
            key=str,
        ),
        sorted(ExternalConnection.objects.values_list("contact__username", "system", "external_id")),
        sorted(ContactParticipant.objects.values_list("contact__username", "participant__name")),
        list(ImportFailure.objects.order_by("file", "position", "pk").values_list("position", "path", "message")),
    )


def empty():
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE contacts_contact, importexport_importjob, importexport_importfile CASCADE")


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_several_moments_it_ends_as_if_nothing_had_been(
    entry, default_schemas, make_participant, workers, settings, seed
):
    settings.IMPORT_BATCH_ENTRIES = 25
    make_participant("Zurich")
    base = lines(*numbered(entry, range(0, ENTRIES, 3)))
    heidi = details(personalInformation={"lastName": "Heidi"})
    mixed = [
        entry(
            f"E-{number}", details=heidi if number % 2 else details(), participants=["Zurich"] if number % 5 else None
        )
        for number in range(ENTRIES)
    ]
    mixed[10::50] = [{**one, "username": 7} for one in mixed[10::50]]
    mixed += mixed[:40]
    contents = lines(*mixed[:500]), lines(*mixed[500:])

    synced(base)
    undisturbed = start_sync(actor=SYSTEM, kind=ImportKind.CONTACTS, names=stored(*contents))
    run_job(undisturbed.pk)
    expected, expected_counts = snapshot(), counts(ImportJob.objects.get(pk=undisturbed.pk))
    assert all(expected_counts)
    empty()

    synced(base)
    job = start_sync(actor=SYSTEM, kind=ImportKind.CONTACTS, names=stored(*contents))
    draw = random.Random(seed)
    state = ImportJob.objects.filter(pk=job.pk)
    kills = sorted(draw.sample(range(len(mixed)), 4))
    for moment in kills:
        workers.start()
        wait_for(lambda moment=moment: state.get().processed >= moment, otherwise=f"stuck before {moment}")
        time.sleep(draw.random() * 0.1)
        workers.kill()
        assert sum(counts(state.get())) == state.get().processed
        # Beat, which finds the job once its worker counts as lost. The message of the dead worker is still out.
        time.sleep(1.1)
        settings.IMPORT_LOST_AFTER_SECONDS = 1
        resume_imports()
    workers.start()
    wait_for(lambda: state.get().is_finished, otherwise="never done")
    done = state.get()
    assert (done.status, counts(done)) == (ImportStatus.COMPLETED_WITH_ERRORS, expected_counts)
    assert done.attempts > 1
    assert snapshot() == expected
