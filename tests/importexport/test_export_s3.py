"""Exports in S3: django-storages with an S3 server on loopback."""

from array import array
from unittest import mock
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from importexport.exports.running import run_export
from importexport.exports.tasks import expire_exports
from importexport.models import ExportJob
from tests.importexport.reading import read_csv

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]

CONTACTS = "/v1.0/contacts/export"
CLIENT = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2}, signature_version="s3v4")


@pytest.fixture
def s3():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3, settings, monkeypatch):
    host, port = s3.get_host_and_port()
    for variable, value in {
        "ACCESS_KEY_ID": "tests",
        "SECRET_ACCESS_KEY": "tests",
        "DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    address = f"http://{host}:{port}"
    # The servers of one process share what they hold.
    name = f"kontor-{uuid4()}"
    place = {"LocationConstraint": "eu-central-1"}
    bucket = boto3.resource("s3", endpoint_url=address).create_bucket(Bucket=name, CreateBucketConfiguration=place)
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            # As patient as the settings are where there is a bucket.
            "OPTIONS": {"bucket_name": name, "endpoint_url": address, "client_config": CLIENT},
        },
    }
    return bucket


def exported(app):
    asked = app.post(CONTACTS).json["exportJobId"]
    run_export(asked)
    return f"{CONTACTS}/{asked}"


def names(bucket):
    return [stored.key for stored in bucket.objects.all()]


def test_a_file_is_stored_read_and_deleted(bucket, app, make_contact, celery_messages):
    contact = make_contact()
    path = exported(app)
    job = ExportJob.objects.get()
    assert names(bucket) == [job.file_name]
    got = app.get(path)
    assert [row["id"] for row in read_csv(got.json)] == [str(contact.pk)]
    assert int(got.headers["Content-Length"]) == len(got.json)
    ExportJob.objects.update(expires_at=job.finished_at)
    expire_exports()
    assert names(bucket) == []
    assert app.get(path).status == 404


def test_a_file_of_several_parts_comes_whole(bucket, app, make_contact, celery_messages, monkeypatch):
    make_contact()
    line = b"x" * 1023 + b"\n"
    lines = 20 * 1024

    def write_much(rows, columns, file, *, report):
        for _number in range(lines):
            file.write(line)
        return array("i", [1]) * lines

    with mock.patch("importexport.exports.running.write_csv", write_much):
        path = exported(app)
    got = app.get(path)
    assert len(got.json) == lines * len(line)
    assert got.json[-1024:] == line


def test_a_bucket_that_is_not_there_fails_the_job(bucket, app, make_contact, celery_messages):
    make_contact()
    bucket.delete()
    answer = app.get(exported(app))
    assert (answer.status, answer.sub_code) == (422, "ExportFailed")
    assert ExportJob.objects.get().error_code == "StorageUnavailable"


def test_a_storage_that_went_away_answers_503_until_it_is_back(
    bucket, s3, app, make_contact, celery_messages, settings
):
    make_contact()
    path = exported(app)
    options = settings.STORAGES["default"]["OPTIONS"]
    there = settings.STORAGES
    settings.STORAGES = {
        **there,
        "default": {**there["default"], "OPTIONS": {**options, "endpoint_url": "http://127.0.0.1:9"}},
    }
    assert app.get(path).status == 503
    settings.STORAGES = there
    assert app.get(path).status == 200
