"""A worker may be killed while it imports what has to be approved, asks for it, and applies it: nothing is lost."""

import random
import time
from uuid import uuid4

import pytest
from redis import Redis

from accounts.actor import member_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Proposal, RequestSubject, Status, Verdict
from changerequests.queries.revisions import current_digest
from changerequests.services.deciding import Parts, decide
from changerequests.tasks import apply_approved, apply_unapplied
from contacts.kinds.creation import ContactCreationKind
from contacts.kinds.identity import ContactIdentityKind
from contacts.models import (
    CONTACT_ACCESS,
    CONTACT_CREATION,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    Contact,
    ContactAssignment,
    ReservedExternalId,
    WaitingContact,
)
from devstack import embedded
from importexport.imports.services import start_sync
from importexport.imports.tasks import resume_imports, run_import
from importexport.models import ImportJob, ImportKind, WaitingEntry
from tests.changerequests.policies import set_policy
from tests.fixtures import details
from tests.importexport.importing import counts, lines, numbered, stored, synced
from tests.importexport.workers import Workers, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
ENTRIES = 600


@pytest.fixture
def workers(storage_directory, monkeypatch):
    queue = f"imports-{uuid4().hex}"
    for task in (run_import, apply_approved):
        monkeypatch.setattr(task, "delay", lambda *args, task=task: task.apply_async(args, queue=queue))
    workers = Workers(queue, storage_directory)
    yield workers
    workers.end()
    Redis.from_url(embedded.redis_url(embedded.var_directory())).delete(queue)


def imported_with_kills(job, workers, settings, *, moments):
    """Run a sync whose worker is killed when so many entries are processed, or right after; return the job."""
    state, draw = ImportJob.objects.filter(pk=job.pk), random.Random(7)
    for moment in moments:
        workers.start()
        wait_for(lambda moment=moment: state.get().processed >= moment, otherwise=f"stuck before {moment}")
        time.sleep(draw.random() * 0.05)
        workers.kill()
        found = state.get()
        assert sum(counts(found)) + found.awaiting_approval == found.processed
        assert found.is_finished or not ChangeRequest.objects.exists()
        time.sleep(1.1)
        settings.IMPORT_LOST_AFTER_SECONDS = 1
        resume_imports()
    workers.start()
    wait_for(lambda: state.get().is_finished, otherwise="never done")
    workers.kill()
    return state.get()


def applied_with_kills(request, workers, *, moments):
    """Have an approved request applied by workers that are killed; return how many entries were."""
    applied, draw = RequestSubject.objects.filter(request=request, outcome="applied"), random.Random(7)
    for moment in moments:
        workers.start()
        wait_for(lambda moment=moment: applied.count() >= moment, otherwise=f"stuck before {moment}")
        time.sleep(draw.random() * 0.05)
        workers.kill()
        assert Entry.objects.filter(change_request=request).count() == applied.count()
        apply_unapplied()
    workers.start()
    wait_for(lambda: not request.subjects.filter(is_open=True).exists(), otherwise="never applied")
    workers.kill()
    return applied.count()


def mixed_entry(entry, number):
    """Two of three change a name that must be approved; every fourth who looks after it, every fifth the username."""
    heidi, noted = details(personalInformation={"lastName": "Heidi"}), details(relationship={"notes": "Met in Bern."})
    others = {"members": ["rita"]} if number % 4 == 0 else {}
    if number % 5 == 0:
        others["username"] = f"other-{number}"
    return entry(f"E-{number}", details=heidi if number % 3 else noted) | others


def test_entries_that_wait_are_neither_lost_nor_doubled(entry, default_schemas, make_member, workers, settings):
    settings.IMPORT_BATCH_ENTRIES = 25
    set_policy(ContactIdentityKind.profiles["strict"], kind=CONTACT_IDENTITY)
    anna, rita = make_member("anna", sees_all_contacts=True), make_member("rita", reviews=True, sees_all_contacts=True)
    synced(lines(*numbered(entry, range(ENTRIES))))
    mixed = [mixed_entry(entry, number) for number in range(ENTRIES)]
    actor = member_actor(anna)
    job = start_sync(actor=actor, kind=ImportKind.CONTACTS, names=stored(lines(*mixed), actor=actor))
    done = imported_with_kills(job, workers, settings, moments=(100, 350, ENTRIES))
    # An entry counts once, whatever waits of it.
    assert (*counts(done), done.awaiting_approval) == (0, 120, 0, 0, 480)
    assert not WaitingEntry.objects.exists()
    requests = {request.kind: request for request in done.change_requests.all()}
    assert ChangeRequest.objects.count() == len(requests) == 3
    subjects = {kind: request.subjects.count() for kind, request in requests.items()}
    assert subjects == {CONTACT_DETAILS: 400, CONTACT_ACCESS: 150, CONTACT_IDENTITY: 120}
    assert Proposal.objects.count() == 670
    request = requests[CONTACT_DETAILS]

    left_out = list(request.subjects.order_by("pk").values_list("pk", flat=True)[:10])
    decide(
        actor=member_actor(rita),
        change_request_id=request.pk,
        verdict=Verdict.APPROVE,
        digest=current_digest(request),
        parts=Parts(excluded_subject_ids=left_out),
    )
    assert applied_with_kills(request, workers, moments=(1, 120, 250)) == 390
    request.refresh_from_db()
    assert request.status == Status.APPROVED
    assert Contact.objects.filter(details__personalInformation__lastName="Heidi", version=2).count() == 390
    assert Entry.objects.filter(change_request=request).values("subject_id").distinct().count() == 390
    for kind in (CONTACT_ACCESS, CONTACT_IDENTITY):
        request = requests[kind]
        decide(
            actor=member_actor(rita),
            change_request_id=request.pk,
            verdict=Verdict.APPROVE,
            digest=current_digest(request),
        )
        assert applied_with_kills(request, workers, moments=(1, 60)) == subjects[kind]
    assert ContactAssignment.objects.filter(member=rita).count() == 150
    assert Contact.objects.filter(username__startswith="other-").count() == 120


def test_contacts_that_wait_are_neither_lost_nor_doubled(entry, default_schemas, make_member, workers, settings):
    settings.IMPORT_BATCH_ENTRIES = 25
    set_policy(ContactCreationKind.profiles["strict"], kind=CONTACT_CREATION)
    anna, rita = make_member("anna", sees_all_contacts=True), make_member("rita", reviews=True, sees_all_contacts=True)
    actor = member_actor(anna)
    names = stored(lines(*numbered(entry, range(200))), actor=actor)
    job = start_sync(actor=actor, kind=ImportKind.CONTACTS, names=names)
    done = imported_with_kills(job, workers, settings, moments=(50, 200))
    assert (*counts(done), done.awaiting_approval) == (0, 0, 0, 0, 200)
    request = ChangeRequest.objects.get()
    assert Proposal.objects.count() == WaitingContact.objects.count() == ReservedExternalId.objects.count() == 200
    decide(
        actor=member_actor(rita),
        change_request_id=request.pk,
        verdict=Verdict.APPROVE,
        digest=current_digest(request),
    )
    assert applied_with_kills(request, workers, moments=(1, 60)) == 200
    assert set(Contact.objects.values_list("pk", flat=True)) == set(WaitingContact.objects.values_list("pk", flat=True))
    assert not ReservedExternalId.objects.exists()
