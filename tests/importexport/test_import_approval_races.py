"""Others ask for, or erase, what an import is about to ask for, on connections of their own."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.actor import member_actor
from changerequests.models import ChangeRequest, Proposal, Verdict
from changerequests.queries.revisions import current_digest
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import decide
from contactgroups.models import CONTACT_GROUP, ContactGroup, GroupMembership
from contactgroups.subjects import lock_contacts
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.waiting import open_waiting
from importexport.models import ImportJob, ImportKind, WaitingEntry
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.concurrency import until_somebody_waits, while_waiting
from tests.fixtures import details
from tests.importexport.importing import SYSTEM, array, faults, stored, synced

pytestmark = pytest.mark.django_db(transaction=True)
KELLER = {"personalInformation": {"lastName": "Keller"}}


@pytest.fixture
def anna(make_member):
    return member_actor(make_member("anna", sees_all_contacts=True))


@pytest.fixture
def job(entry, anna, monkeypatch):
    """A sync that has read its entries, E-1 and E-2, and not ended yet."""
    synced(array(entry("E-1"), entry("E-2")))
    renamed = details(personalInformation={"lastName": "Heusser"})
    names = stored(array(entry("E-1", details=renamed), entry("E-2", details=renamed)), actor=anna)
    job = start_sync(actor=anna, kind=ImportKind.CONTACTS, names=names)
    with monkeypatch.context() as patched:
        patched.setattr("importexport.imports.running.complete", lambda _lease: None)
        run_job(job.pk)
    assert WaitingEntry.objects.count() == 2
    return job


def contact_of(external_id):
    return Contact.objects.get(external_connections__external_id=external_id)


@transaction.atomic
def ended(job):
    locked = ImportJob.objects.select_for_update().get(pk=job.pk)
    open_waiting(locked)
    return locked


def test_a_request_that_is_being_opened_comes_first(job, anna):
    first, second = contact_of("E-1"), contact_of("E-2")
    done = while_waiting(
        lambda: ended(job), before=lambda: patch_details(actor=anna, contact_id=first.pk, patch=KELLER)
    )
    assert (done.awaiting_approval, done.failed) == (1, 1)
    assert "is pending review" in faults(done)[0][2]
    assert list(done.change_requests.get().subjects.values_list("subject_id", flat=True)) == [second.pk]
    assert ChangeRequest.objects.count() == 2


def test_a_contact_that_is_being_anonymized_is_not_asked_for(job):
    first, second = contact_of("E-1"), contact_of("E-2")
    done = while_waiting(lambda: ended(job), before=lambda: anonymize_contacts(actor=SYSTEM, contact_ids=[first.pk]))
    assert (done.awaiting_approval, done.failed) == (1, 1)
    assert list(done.change_requests.get().subjects.values_list("subject_id", flat=True)) == [second.pk]


def test_groups_are_changed_in_the_order_of_locks_contacts_first(make_contact, make_member, anna, default_schemas):
    """So that two who change the same groups and contacts do not wait for each other."""
    contacts = [make_contact() for _number in range(2)]
    set_policy(policy([stage()], [rule("Review")]), kind=CONTACT_GROUP)

    def companies(item):
        return [
            {"externalId": f"L-{pk}", "details": {"name": "Alp AG"}, "contacts": [{"id": pk, "accessPolicy": item}]}
            for pk in sorted(contact.pk for contact in contacts)
        ]

    synced(array(*companies("owner")), kind=ImportKind.LEGAL_ENTITIES)
    job = synced(array(*companies("read-only")), kind=ImportKind.LEGAL_ENTITIES, actor=anna)
    request = job.change_requests.get()
    decide(
        actor=member_actor(make_member("rita", reviews=True, sees_all_contacts=True)),
        change_request_id=request.pk,
        verdict=Verdict.APPROVE,
        digest=current_digest(request),
    )
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        lock_contacts([max(contact.pk for contact in contacts)])
        applied = pool.submit(on_its_own_connection, lambda: apply_approved_request(request.pk))
        until_somebody_waits()
        assert len(ContactGroup.objects.select_for_update(nowait=True)) == 2
    applied.result(timeout=20)
    assert set(GroupMembership.objects.values_list("access_policy__key", flat=True)) == {"read-only"}


def on_its_own_connection(call):
    try:
        return call()
    finally:
        connection.close()


def test_an_anonymization_during_the_opening_erases_what_was_asked_for(job):
    first = contact_of("E-1")
    while_waiting(lambda: anonymize_contacts(actor=SYSTEM, contact_ids=[first.pk]), before=lambda: ended(job))
    changes = dict(Proposal.objects.values_list("subject__subject_id", "changes"))
    assert {pk: change["target"] for pk, (change,) in changes.items()} == {
        first.pk: None,
        contact_of("E-2").pk: "Heusser",
    }
