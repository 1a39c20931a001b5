"""Imports from S3: django-storages with an S3 server on loopback."""

import pytest

from contacts.models import Contact
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.models import ImportJob, ImportKind, ImportStatus
from tests.importexport import test_export_s3
from tests.importexport.importing import SYSTEM, array, counts, lines, numbered, packed, stored, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
s3, bucket = test_export_s3.s3, test_export_s3.bucket


def names(bucket):
    return [stored.key for stored in bucket.objects.all()]


def test_files_are_stored_read_and_deleted(bucket, app, entry, celery_messages):
    files = ("a.json", lines(*numbered(entry, range(3_000)))), ("b.json", packed(array(entry("other"))))
    answer = upload(app, *files)
    assert sorted(answer.json["files"]) == sorted(names(bucket))
    started = app.post("/v1.0/contacts/import/sync").json["statusId"]
    run_job(started)
    job = ImportJob.objects.get(pk=started)
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED, (3_001, 0, 0, 0))
    assert names(bucket) == []


def test_what_is_no_good_is_not_stored(bucket, app, entry):
    assert upload(app, ("a.json", array(entry())), ("b.json", b"[{}")).status == 400
    assert names(bucket) == []


def test_a_storage_that_is_not_there_fails_the_sync_and_says_so(s3, bucket, entry, celery_messages):
    stored(array(entry()))
    job = start_sync(actor=SYSTEM, kind=ImportKind.CONTACTS)
    s3.stop()
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == (ImportStatus.FAILED, "FileUnavailable")
    assert "storage does not work" in job.error_message
    assert not Contact.objects.exists()
    s3.start()
