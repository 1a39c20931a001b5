"""Files are stored before their row is committed: failures in between leave no orphaned files."""

from base64 import b64encode
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F
from PIL import Image

from contacts.models import ProfilePicture
from contacts.tasks import delete_obsolete_files
from core.errors import ServiceUnavailable
from core.models import PendingFileDeletion
from core.stored_files import STORING_TAKES, delete_file, keep_files, storing

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "pictures/one.png"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    default = {"BACKEND": "core.storage.WholeFilesStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    return tmp_path


@pytest.fixture
def refusing_pictures():
    """The database takes no picture: the transaction is rolled back after its file was stored."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contacts_profilepicture ADD CONSTRAINT none CHECK (file = '') NOT VALID")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE contacts_profilepicture DROP CONSTRAINT none")


def files(folder):
    return [file.name for file in folder.rglob("*") if file.is_file()]


def picture():
    content = BytesIO()
    Image.new("RGB", (80, 40), "red").save(content, "PNG")
    return {"imageContentBase64": b64encode(content.getvalue()).decode()}


def store():
    default_storage.save(NAME, ContentFile(b"content"))


def an_hour_later():
    PendingFileDeletion.objects.update(since=F("since") - STORING_TAKES)


def test_a_picture_whose_row_is_refused_is_deleted_within_a_minute(app, make_contact, refusing_pictures, folder):
    assert app.put(f"/v1.0/contacts/{make_contact().pk}/profile-picture", picture()).status == 500
    assert len(files(folder)) == 1
    delete_obsolete_files()
    assert files(folder) == []
    assert not PendingFileDeletion.objects.exists()


def test_a_picture_of_nobody_that_the_caller_sees_leaves_nothing(app, folder):
    assert app.put("/v1.0/contacts/4711/profile-picture", picture()).status == 404
    delete_obsolete_files()
    assert (files(folder), PendingFileDeletion.objects.count()) == ([], 0)


def test_a_picture_that_is_kept_stays(app, make_contact, folder):
    assert app.put(f"/v1.0/contacts/{make_contact().pk}/profile-picture", picture()).status == 204
    assert not PendingFileDeletion.objects.exists()
    delete_obsolete_files()
    assert files(folder) == [ProfilePicture.objects.get().file.name.removeprefix("pictures/")]


def test_the_file_of_a_process_that_died_is_deleted_once_nobody_can_be_storing_it_any_more(folder):
    died = storing(NAME)
    died.__enter__()
    store()
    delete_obsolete_files()
    assert files(folder) == ["one.png"]
    an_hour_later()
    delete_obsolete_files()
    assert files(folder) == []
    died.__exit__(None, None, None)


def test_who_took_too_long_commits_no_row_without_a_file(folder):
    with storing(NAME):
        store()
        # Beat, after the hour that storing may take.
        delete_file(NAME)
        with pytest.raises(ServiceUnavailable):
            keep_files(NAME)


def test_a_file_that_was_kept_is_not_deleted_by_who_read_before_that_it_was_due(folder):
    with storing(NAME), transaction.atomic():
        store()
        keep_files(NAME)
    delete_file(NAME)
    assert files(folder) == ["one.png"]
