"""Pictures in S3: django-storages with an S3 server on loopback."""

from base64 import b64decode, b64encode
from io import BytesIO

import pytest
from PIL import Image

from contacts.models import ProfilePicture
from contacts.tasks import delete_obsolete_files
from core.models import PendingFileDeletion
from tests.importexport import test_export_s3

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.stack]
s3, bucket = test_export_s3.s3, test_export_s3.bucket


def names(bucket):
    return [stored.key for stored in bucket.objects.all()]


def picture(colour):
    content = BytesIO()
    Image.new("RGB", (80, 40), colour).save(content, "PNG")
    return {"imageContentBase64": b64encode(content.getvalue()).decode()}


@pytest.fixture
def path(make_contact):
    return f"/v1.0/contacts/{make_contact().pk}/profile-picture"


def test_a_picture_is_stored_read_replaced_and_deleted(bucket, app, path):
    assert app.put(path, picture("red")).status == 204
    [first] = names(bucket)
    answer = app.get(path)
    assert not answer.json["isDefaultImage"]
    content = b64decode(answer.json["imageContentBase64"])
    assert Image.open(BytesIO(content)).size == (80, 40)
    assert bucket.Object(first).get()["Body"].read() == content
    assert app.put(path, picture("blue")).status == 204
    [second] = names(bucket)
    assert second != first
    assert app.delete(path).status == 204
    assert names(bucket) == []
    assert app.get(path).json["isDefaultImage"]


def test_anonymization_leaves_no_picture(bucket, app, path):
    app.put(path, picture("red"))
    contact_id = ProfilePicture.objects.get().contact_id
    assert app.post("/v1.0/contacts/anonymize", {"contactIds": [contact_id]}).status == 204
    assert names(bucket) == []


def test_where_the_storage_is_not_there_nothing_changes_and_what_is_to_go_goes_later(s3, bucket, settings, app, path):
    app.put(path, picture("red"))
    [kept] = names(bucket)
    s3.stop()
    assert app.put(path, picture("blue")).status in (500, 503)
    assert ProfilePicture.objects.get().file.name == kept
    assert app.delete(path).status == 204
    assert PendingFileDeletion.objects.filter(name=kept).exists()
    s3.start()
    # Another port, the same bucket.
    host, port = s3.get_host_and_port()
    storage = settings.STORAGES["default"]
    storage = {**storage, "OPTIONS": {**storage["OPTIONS"], "endpoint_url": f"http://{host}:{port}"}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    delete_obsolete_files()
    assert not PendingFileDeletion.objects.exists()
    assert names_at(host, port, bucket.name) == []


def names_at(host, port, name):
    bucket = test_export_s3.boto3.resource("s3", endpoint_url=f"http://{host}:{port}").Bucket(name)
    return [stored.key for stored in bucket.objects.all()]
