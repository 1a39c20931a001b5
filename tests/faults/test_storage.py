"""With the storage unavailable or full, requests that need it get a 503, and the others work."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from random import Random
from typing import Any

import pytest
from PIL import Image

from tests.faults.installation import Installation, Web, wait_until
from tests.faults.test_backup_and_restore import files
from tests.faults.test_database_restarts import new_contact

SMALL_KIB = 32


def picture(seed: int) -> dict[str, str]:
    """One of noise, which does not get small."""
    content = BytesIO()
    Image.frombytes("RGB", (512, 512), Random(seed).randbytes(512 * 512 * 3)).save(content, "PNG")
    return {"imageContentBase64": b64encode(content.getvalue()).decode()}


def upload(web: Web) -> tuple[int, dict[str, str], Any]:
    lines = "\n".join(f'{{"externalId": "E-{number}", "username": "{"x" * 100}"}}' for number in range(1000))
    head = '--limit\r\nContent-Disposition: form-data; name="files"; filename="load.json"\r\n\r\n'
    body = f"{head}{lines}\r\n--limit--\r\n"
    return web.call("POST", "/v1.0/contacts/import", body, content_type="multipart/form-data; boundary=limit")


@contextmanager
def away(installation: Installation) -> Iterator[dict[str, Any]]:
    with installation.without_storage():
        yield {}


@contextmanager
def full(_installation: Installation) -> Iterator[dict[str, Any]]:
    yield {"file_kib": SMALL_KIB}


@contextmanager
def bucket_away(_installation: Installation) -> Iterator[dict[str, Any]]:
    keys = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "eu-central-1"}
    yield {"S3_BUCKET": "kontor", "S3_ENDPOINT_URL": "http://127.0.0.1:1", **keys}


@pytest.mark.parametrize("broken", [away, full, bucket_away])
def test_pictures_and_uploads_are_refused_until_it_is_back_and_leave_nothing_behind(
    installation: Installation, client: tuple[str, str], broken: Any
) -> None:
    web = installation.web()
    web.authorize(client)
    contact = new_contact(web)
    path = f"/v1.0/contacts/{contact}"
    assert web.call("PUT", f"{path}/profile-picture", picture(1))[0] == 204
    before = web.call("GET", f"{path}/profile-picture")[2]
    stored = files(installation.files)
    with installation.database() as connection:
        uploads = connection.execute("SELECT count(*) FROM importexport_importfile").fetchone()
    with broken(installation) as variables:
        suffering = installation.web(**variables)
        suffering.authorize(client)
        for status, headers, body in (
            suffering.call("PUT", f"{path}/profile-picture", picture(2)),
            upload(suffering),
        ):
            assert (status, headers["Retry-After"], body["code"]) == (503, "5", "General")
            assert str(installation.files) not in body["message"]
            assert "127.0.0.1" not in body["message"]
        if broken is not full:
            assert suffering.call("GET", f"{path}/profile-picture")[0] == 503
        # What has nothing to do with files goes on.
        assert suffering.call("GET", f"{path}/details")[0] == 200
        assert suffering.call("PATCH", f"{path}/details", {"details": {"relationship": {"notes": "x"}}})[0] == 200
        suffering.kill()
    assert files(installation.files) == stored
    assert web.call("GET", f"{path}/profile-picture")[2] == before
    with installation.database() as connection:
        assert connection.execute("SELECT count(*) FROM importexport_importfile").fetchone() == uploads
    assert web.call("PUT", f"{path}/profile-picture", picture(2))[0] == 204
    assert upload(web)[0] in (200, 201)


def test_an_export_that_cannot_be_stored_fails_and_says_so_and_succeeds_when_asked_again(
    installation: Installation, client: tuple[str, str], wait_for_export: Any
) -> None:
    web = installation.web()
    web.authorize(client)
    installation.worker()
    with installation.without_storage():
        status, _, body = wait_for_export(web)
    assert (status, body["subCode"]) == (422, "ExportFailed")
    assert str(installation.files) not in str(body)
    assert wait_for_export(web)[0] == 200


@pytest.fixture
def wait_for_export() -> Any:
    """Asks for an export, and returns what it ends with."""

    def ask(web: Web) -> tuple[int, dict[str, str], Any]:
        status, _, asked = web.call("POST", "/v1.0/contacts/export", "", content_type="text/plain")
        assert status == 202
        path = f"/v1.0/contacts/export/{asked['exportJobId']}"
        wait_until(lambda: web.call("GET", path)[0] != 202, "the export does not end", seconds=90)
        return web.call("GET", path)

    return ask
