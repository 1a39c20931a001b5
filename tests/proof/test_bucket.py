"""Copies of seals in a bucket with object lock, on an S3 server on loopback."""

from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError

from proof.bucket import BucketError
from proof.sealing import seal_ledger
from proof.verification.running import verify_all
from tests.importexport import test_export_s3

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
s3 = test_export_s3.s3


@pytest.fixture
def bucket(s3, settings, monkeypatch):
    host, port = s3.get_host_and_port()
    for variable in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{variable}", "tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings.SEAL_S3_BUCKET, settings.SEAL_S3_ENDPOINT_URL = f"seals-{uuid4()}", f"http://{host}:{port}"
    settings.SEAL_S3_CONFIG = test_export_s3.CLIENT
    resource = boto3.resource("s3", endpoint_url=settings.SEAL_S3_ENDPOINT_URL)
    return resource.create_bucket(Bucket=settings.SEAL_S3_BUCKET, ObjectLockEnabledForBucket=True)


def names(bucket):
    return [stored.key for stored in bucket.objects.all()]


def test_each_seal_is_an_object_that_is_locked_and_together_they_verify(
    bucket, seals, make_contact, settings, tmp_path
):
    bucket_name, settings.SEAL_S3_BUCKET = settings.SEAL_S3_BUCKET, ""
    make_contact()
    seal_ledger()
    make_contact()
    seal_ledger()
    settings.SEAL_S3_BUCKET = bucket_name
    make_contact()
    seal_ledger()
    assert names(bucket) == [f"seals/00000000000{number}.json" for number in (1, 2, 3)]
    (version, *_others) = bucket.object_versions.all()
    with pytest.raises(ClientError, match="AccessDenied"):
        version.delete()
    fetched = tmp_path / "fetched.jsonl"
    fetched.write_bytes(b"".join(stored.get()["Body"].read() for stored in bucket.objects.all()))
    assert fetched.read_bytes() == seals.read_bytes()
    assert verify_all(copies=fetched, processes=1).findings == []


def test_what_could_not_be_copied_is_copied_next_time(bucket, seals, make_contact, settings):
    address, settings.SEAL_S3_ENDPOINT_URL = settings.SEAL_S3_ENDPOINT_URL, "http://127.0.0.1:9"
    make_contact()
    with pytest.raises(BucketError):
        seal_ledger()
    settings.SEAL_S3_ENDPOINT_URL = address
    assert seal_ledger() == 0
    assert names(bucket) == ["seals/000000000001.json"]
