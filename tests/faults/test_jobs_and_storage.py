"""The storage fails during an export and an import: the jobs end with a reason and succeed later."""

import csv
import json
import time
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.server import ThreadedMotoServer

from tests.devstack.stack import free_port
from tests.faults.installation import Installation, Web, wait_until
from tests.faults.test_backup_and_restore import files
from tests.faults.test_database_restarts import DETAILS, new_contact

# What an export reads and what every batch of an import asks for: whoever holds it holds the job in its middle.
EXPORT_READS = "LOCK TABLE contacts_externalconnection IN ACCESS EXCLUSIVE MODE"
IMPORT_WRITES = "LOCK TABLE contacts_contact IN SHARE MODE"
KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "eu-central-1"}
SMALL_KIB = 64


class Bucket:
    """One of a server of the test's own, which goes away and comes back with what it held."""

    def __init__(self) -> None:
        self._port = free_port()
        self._address = f"http://127.0.0.1:{self._port}"
        self._server: ThreadedMotoServer | None = None
        self.name = f"kontor-{time.monotonic_ns()}"
        self.variables = {"S3_BUCKET": self.name, "S3_ENDPOINT_URL": self._address, **KEYS}
        self.start()
        place = {"LocationConstraint": KEYS["AWS_DEFAULT_REGION"]}
        self._s3().create_bucket(Bucket=self.name, CreateBucketConfiguration=place)

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def names(self) -> list[str]:
        listed = self._s3().list_objects_v2(Bucket=self.name)
        return [found["Key"] for found in listed.get("Contents", [])]

    def _s3(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self._address,
            aws_access_key_id="tests",
            aws_secret_access_key="tests",
            region_name=KEYS["AWS_DEFAULT_REGION"],
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    bucket = Bucket()
    yield bucket
    bucket.stop()


@pytest.fixture
def started(installation: Installation, client: tuple[str, str]) -> Callable[..., Web]:
    def start(*, worker_kib: int | None = None, **variables: str) -> Web:
        """A web server that the client may call, and a worker."""
        web = installation.web(**variables)
        web.authorize(client)
        installation.worker(file_kib=worker_kib, **variables)
        return web

    return start


def entries(number: int) -> list[str]:
    """Names that no contact has."""
    return [f"imported-{time.monotonic_ns()}-{place}" for place in range(number)]


def upload(web: Web, *usernames: list[str]) -> None:
    """A file for each list of names."""
    kinds = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]["items"]
    person = {"contactTypeId": kinds[0]["id"], "details": DETAILS}
    parts = "".join(
        f'--limit\r\nContent-Disposition: form-data; name="files"; filename="{place}.json"\r\n\r\n'
        + "\n".join(json.dumps({"externalId": f"E-{name}", "username": name, **person}) for name in names)
        + "\r\n"
        for place, names in enumerate(usernames)
    )
    body = f"{parts}--limit--\r\n"
    answer = web.call("POST", "/v1.0/contacts/import", body, content_type="multipart/form-data; boundary=limit")
    assert answer[0] in (200, 201), answer


def start_sync(web: Web) -> str:
    status, _, started = web.call("POST", "/v1.0/contacts/import/sync", {})
    assert status == 202, started
    return str(started["statusId"])


def ended(web: Web, sync: str) -> dict[str, Any]:
    path = f"/v1.0/import/sync/{sync}/status"

    def asked() -> dict[str, Any]:
        answer: dict[str, Any] = web.call("GET", path)[2]
        return answer

    wait_until(lambda: asked()["status"] not in ("Pending", "Running"), "the import does not end", seconds=90)
    return asked()


def start_export(web: Web) -> str:
    status, _, asked = web.call("POST", "/v1.0/contacts/export", "", content_type="text/plain")
    assert status == 202, asked
    return f"/v1.0/contacts/export/{asked['exportJobId']}"


def exported(web: Web, path: str) -> tuple[int, Any]:
    wait_until(lambda: web.call("GET", path)[0] != 202, "the export does not end", seconds=90)
    status, _, body = web.call("GET", path)
    return status, body


def versions(installation: Installation, names: list[str]) -> list[tuple[int, int]]:
    """Of each contact with such a name its version, and how many entries it has."""
    with installation.database() as connection:
        return connection.execute(
            "SELECT contact.version, count(written.id) FROM contacts_contact contact "
            "LEFT JOIN audit_entry written "
            "ON written.kind = contact.entry_kind AND written.subject_id = contact.id "
            "WHERE contact.username = ANY(%s) GROUP BY contact.id",
            [names],
        ).fetchall()


def waits(installation: Installation, relation: str) -> bool:
    with installation.database() as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [relation]
        ).fetchone()
    return found != (0,)


def test_an_export_whose_bucket_goes_away_while_it_runs_fails_and_says_so_and_a_new_one_is_whole(
    installation: Installation, started: Callable[..., Web], bucket: Bucket
) -> None:
    web = started(**bucket.variables)
    contact = new_contact(web)
    with installation.database() as operator, operator.transaction():
        operator.execute(EXPORT_READS)
        export = start_export(web)
        wait_until(lambda: waits(installation, "contacts_externalconnection"), "the export does not run")
        bucket.stop()
    status, told = exported(web, export)
    assert (status, told["subCode"]) == (422, "ExportFailed")
    assert "The storage could not be reached" in told["message"]
    assert "127.0.0.1" not in str(told)
    bucket.start()
    assert bucket.names == []
    status, content = exported(web, start_export(web))
    assert (status, len(bucket.names)) == (200, 1)
    assert str(contact) in {row["id"] for row in csv.DictReader(StringIO(content.decode()))}


def test_an_import_whose_bucket_goes_away_while_it_runs_keeps_what_is_done_and_goes_on_from_there(
    installation: Installation, started: Callable[..., Web], bucket: Bucket
) -> None:
    web = started(**bucket.variables)
    first, second = entries(5), entries(5)
    upload(web, first, second)
    assert len(bucket.names) == 2
    with installation.database() as operator, operator.transaction():
        operator.execute(IMPORT_WRITES)
        sync = start_sync(web)
        wait_until(lambda: waits(installation, "contacts_contact"), "the import does not run")
        assert versions(installation, first) == []
        bucket.stop()
    failed = ended(web, sync)
    assert (failed["status"], failed["progress"]["created"]) == ("Failed", 5)
    assert "The file storage does not work" in failed["errorMessage"]
    assert "127.0.0.1" not in str(failed)
    # The batch that was under way is whole, and of the next file nothing is there.
    assert versions(installation, first) == [(1, 1)] * 5
    assert versions(installation, second) == []
    bucket.start()
    done = ended(web, start_sync(web))
    assert (done["status"], done["progress"]["failed"]) == ("Completed", 0)
    assert versions(installation, first + second) == [(1, 1)] * 10
    assert bucket.names == []


def test_an_export_for_which_the_disk_is_full_fails_and_says_so_and_leaves_no_file(
    installation: Installation, started: Callable[..., Web]
) -> None:
    web = started(worker_kib=SMALL_KIB)
    upload(web, entries(800))
    assert ended(web, start_sync(web))["status"] == "Completed"
    stored = files(installation.files)
    status, told = exported(web, start_export(web))
    assert (status, told["subCode"]) == (422, "ExportFailed")
    assert "There is no space left for the file." in told["message"]
    assert files(installation.files) == stored
    installation.processes[-1].kill()
    installation.worker()
    assert exported(web, start_export(web))[0] == 200
