"""Leases and outboxes: what imports, exports, checks, mails and keys have in common."""

from datetime import timedelta

import pytest
from django.utils import timezone

from contacts.models import Channel
from core.jobs import LOST_AFTER, MAX_ATTEMPTS, JobLease, JobLeaseLostError, jobs_to_send_again
from core.outbox import CLAIMED_FOR, MessageRefusedError, Outbox
from importexport.imports.jobs import claim as claim_import
from importexport.models import ExportJob, ExportKind, ImportJob, ImportKind
from schemas.models import SchemaDraft
from schemas.queries import current_schema

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas")]

LONG_AGO = timedelta(minutes=5)


def new_draft():
    schema = current_schema("contact")
    return SchemaDraft.objects.create(
        schema_id=schema.schema_id, base_id=schema.version_id, definition_text="{}", created_by_name="tests"
    )


def new_export():
    return ExportJob.objects.create(kind=ExportKind.CONTACTS, requested_by_system="tests")


def new_import():
    return ImportJob.objects.create(kind=ImportKind.CONTACTS, requested_by_system="tests", file_ids=[], total=9)


@pytest.fixture(params=[new_draft, new_export, new_import])
def job(request):
    return request.param()


def claim(job):
    return JobLease.claim(type(job).objects.all(), job.pk)


def go_silent(job, since=LONG_AGO):
    type(job).objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - since)


def test_a_job_is_claimed_once_until_its_worker_counts_as_lost(job):
    first = claim(job)
    assert (first.job.status, first.job.attempts, claim(job)) == ("Running", 1, None)
    go_silent(job, job.lost_after() - timedelta(seconds=5))
    assert claim(job) is None
    go_silent(job, job.lost_after() + timedelta(seconds=5))
    assert claim(job).job.attempts == 2


def test_a_worker_that_lost_its_job_writes_nothing(job):
    first = claim(job)
    first.write(total=3)
    go_silent(job)
    second = claim(job)
    for write in (lambda: first.write(total=7), first.locked):
        with pytest.raises(JobLeaseLostError):
            write()
    first.fail(error_message="in vain")
    job.refresh_from_db()
    assert (job.status, job.total, job.error_message) == ("Running", 3, "")
    second.fail(error_message="broken")
    job.refresh_from_db()
    assert (job.status, job.is_finished, job.error_message) == ("Failed", True, "broken")
    assert job.finished_at is not None
    with pytest.raises(JobLeaseLostError):
        second.write(total=8)
    assert claim(job) is None


def test_writing_is_a_sign_of_life(job):
    lease = claim(job)
    go_silent(job)
    lease.write(total=1)
    assert claim(job) is None


def test_beat_finds_the_jobs_whose_message_or_worker_got_lost(job):
    jobs = type(job).objects.all()
    assert list(jobs_to_send_again(jobs)) == []
    jobs.update(created_at=timezone.now() - LONG_AGO)
    assert list(jobs_to_send_again(jobs)) == [job]
    lease = claim(job)
    assert list(jobs_to_send_again(jobs)) == []
    go_silent(job)
    assert list(jobs_to_send_again(jobs)) == [job]
    lease.fail()
    assert list(jobs_to_send_again(jobs)) == []


@pytest.mark.parametrize("new", [new_draft, new_export])
def test_every_attempt_counts(new):
    job = new()
    type(job).objects.update(attempts=MAX_ATTEMPTS - 1)
    assert not claim(job).is_exhausted
    go_silent(job)
    assert claim(job).is_exhausted


def test_of_an_import_only_attempts_that_get_no_further_count():
    job = new_import()
    ImportJob.objects.update(attempts=MAX_ATTEMPTS + 7)
    assert not claim_import(job.pk).is_exhausted
    go_silent(job)
    ImportJob.objects.update(stalls=MAX_ATTEMPTS)
    assert claim_import(job.pk).is_exhausted


# ---- messages

OUTBOX = Outbox(due="is_key_due", claimed_at="claimed_at", due_since="requested_at", refused_at="refused_at")


@pytest.fixture
def channel(make_contact):
    return Channel.objects.create(
        contact=make_contact(), kind="Email", path="x", pending_value="x@y.ch", is_key_due=True
    )


def state(channel):
    channel.refresh_from_db()
    return channel.is_key_due, channel.claimed_at is not None


def test_a_message_is_claimed_once_and_is_no_longer_due_when_it_is_out(channel):
    with OUTBOX.claim(Channel.objects.all(), channel.pk, language="de") as claimed:
        assert (claimed.get(), state(channel), channel.language) == (channel, (True, True), "de")
        with OUTBOX.claim(Channel.objects.all(), channel.pk) as other:
            assert other is None
    assert state(channel) == (False, False)


def test_a_message_that_cannot_be_sent_stays_due_and_free(channel):
    with pytest.raises(OSError, match="down"), OUTBOX.claim(Channel.objects.all(), channel.pk):
        raise OSError("down")
    assert state(channel) == (True, False)


def test_a_message_that_is_refused_for_good_is_no_longer_due(channel):
    with OUTBOX.claim(Channel.objects.all(), channel.pk):
        raise MessageRefusedError("The mail server answered [550].")
    assert (state(channel), channel.refused_at is None) == ((False, False), False)
    Channel.objects.update(is_key_due=True)
    with OUTBOX.claim(Channel.objects.all(), channel.pk) as claimed:
        assert claimed.get().refused_at is None


def test_a_worker_whose_claim_another_one_took_ends_nothing(channel):
    with OUTBOX.claim(Channel.objects.all(), channel.pk) as first:
        Channel.objects.update(claimed_at=timezone.now() - CLAIMED_FOR - timedelta(seconds=1))
        with OUTBOX.claim(Channel.objects.all(), channel.pk) as second:
            assert (first.exists(), second.exists()) == (False, True)
            Channel.objects.update(claimed_at=timezone.now() + timedelta(seconds=1))
        assert state(channel) == (True, True)
    assert state(channel) == (True, True)


def test_messages_that_should_be_out_by_now_are_found(channel):
    assert not OUTBOX.overdue(Channel.objects.all()).exists()
    Channel.objects.update(requested_at=timezone.now() - LOST_AFTER - timedelta(seconds=1))
    assert OUTBOX.overdue(Channel.objects.all()).get() == channel
    Channel.objects.update(is_key_due=False)
    assert not OUTBOX.overdue(Channel.objects.all()).exists()
