"""`manage.py doctor` finds faults, gives remedies, and exits with a status that scripts can use."""

import json
import socket
import threading
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from devstack.embedded import paths
from tests.devstack.stack import free_port
from tests.faults.installation import Installation, wait_until


def doctor(installation: Installation, **variables: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """The exit status, and what is not well by part."""
    done = installation.manage("doctor", "--json", **variables)
    report = json.loads(done.stdout)
    assert report["healthy"] == (done.returncode == 0)
    unwell: dict[str, list[dict[str, Any]]] = {}
    for finding in report["findings"]:
        if finding["grade"] != "ok":
            assert finding["remedy"]
            unwell.setdefault(finding["part"], []).append(finding)
    return done.returncode, unwell


def errors(unwell: dict[str, list[dict[str, Any]]]) -> set[str]:
    return {part for part, findings in unwell.items() if any(finding["grade"] == "error" for finding in findings)}


def test_with_everything_running_it_finds_no_error(installation: Installation) -> None:
    worker = installation.worker()
    sent = installation.manage("shell", "-c", "from operations.tasks import note_beat; note_beat.delay()")
    assert sent.returncode == 0, sent.stderr
    wait_until(lambda: "note_beat" in worker.output, "the worker does nothing")
    # The mail server needs nothing but a greeting.
    mail = Controller(handler=None, hostname="127.0.0.1", port=free_port())
    mail.start()
    try:
        status, unwell = doctor(installation, EMAIL_URL=f"smtp://127.0.0.1:{mail.port}")
    finally:
        mail.stop()
    # Here a superuser runs Kontor, and the indexes of the schemas wait for the scheduler.
    assert status == 0, unwell
    assert set(unwell) <= {"database", "settings"}
    assert "superuser" in unwell["database"][0]["text"]

    told = installation.manage("doctor", EMAIL_URL="smtp://127.0.0.1:1")
    assert told.returncode == 1
    assert "error  mail: The mail server 127.0.0.1:1 cannot be used: ConnectionRefusedError" in told.stdout
    assert "-> Check EMAIL_URL" in told.stdout


def test_it_finds_that_nobody_works_and_that_what_pages_need_is_missing(
    installation: Installation, tmp_path: Any
) -> None:
    installation.delete_from_cache("operations.beat")
    status, unwell = doctor(installation, KONTOR_VAR=str(tmp_path))
    assert status == 1
    assert errors(unwell) == {"workers", "static files"}
    assert [finding["text"] for finding in unwell["workers"]] == [
        "No worker answers",
        "The scheduler has never been heard of",
    ]
    assert "collectstatic" in unwell["static files"][0]["remedy"]


def test_servers_that_are_elsewhere_are_found_within_seconds(installation: Installation) -> None:
    status, unwell = doctor(
        installation, DATABASE_URL="postgres://kontor:s3cret@127.0.0.1:1/kontor", REDIS_URL="redis://127.0.0.1:1/0"
    )
    assert status == 1
    assert errors(unwell) >= {"database", "migrations", "queue", "workers"}
    assert "s3cret" not in json.dumps(unwell)
    assert "DATABASE_URL" in unwell["database"][0]["remedy"]


def test_a_server_that_accepts_and_never_answers_is_found_too(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        held: list[socket.socket] = []
        threading.Thread(target=lambda: [held.append(silent.accept()[0]) for _ in range(50)], daemon=True).start()
        status, unwell = doctor(installation, DATABASE_URL=f"postgres://kontor@127.0.0.1:{port}/kontor")
        for connection in held:
            connection.close()
    assert status == 1
    assert "timeout" in unwell["database"][0]["text"]


@pytest.fixture
def role(installation: Installation) -> Any:
    """A role that owns nothing and has the privileges to run Kontor; and the URL under which it logs in."""
    url = paths.database_url(installation.var).replace("postgres://kontor@", "postgres://clerk@")
    with installation.database() as connection:
        connection.execute("CREATE ROLE clerk LOGIN")
        granted = installation.manage("grant_privileges", "clerk")
        assert granted.returncode == 0, granted.stderr
        indexed = installation.manage("search_indexes")
        assert indexed.returncode == 0, indexed.stderr
        yield connection, url
        connection.execute("DROP OWNED BY clerk")
        connection.execute("DROP ROLE clerk")


def test_privileges_that_are_missing_or_too_many_are_named(installation: Installation, role: Any) -> None:
    connection, url = role
    assert "database" not in doctor(installation, DATABASE_URL=url)[1]
    connection.execute("GRANT CREATE ON SCHEMA public TO clerk")
    connection.execute("GRANT DELETE, TRIGGER, UPDATE (recorded_at) ON audit_entry TO clerk")
    connection.execute("REVOKE INSERT ON contacts_contact FROM clerk")
    status, unwell = doctor(installation, DATABASE_URL=url)
    assert status == 1
    assert [finding["text"] for finding in unwell["database"]] == [
        "clerk may create tables, so its password opens everything that the database refuses to others",
        "clerk lacks privileges on 1 tables: contacts_contact",
        "clerk has 3 privileges that it does not need: "
        "DELETE on audit_entry, TRIGGER on audit_entry, UPDATE on audit_entry",
    ]


def test_a_role_that_owns_the_tables_it_works_with_is_found(installation: Installation, role: Any) -> None:
    connection, url = role
    connection.execute("ALTER TABLE contacts_channel OWNER TO clerk")
    try:
        unwell = doctor(installation, DATABASE_URL=url)[1]
    finally:
        connection.execute("ALTER TABLE contacts_channel OWNER TO kontor")
    assert [(finding["grade"], finding["text"]) for finding in unwell["database"]] == [
        ("warning", "clerk owns tables, so its password opens everything that the database refuses to others")
    ]


def test_an_empty_database_and_one_that_cannot_hold_every_name_are_found(installation: Installation) -> None:
    with installation.database() as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C' LOCALE_PROVIDER libc")
        try:
            url = paths.database_url(installation.var).rpartition("/")[0] + "/latin"
            status, unwell = doctor(installation, DATABASE_URL=url)
        finally:
            connection.execute("DROP DATABASE latin WITH (FORCE)")
    assert status == 1
    assert errors(unwell) >= {"database", "migrations"}
    told = " ".join(finding["text"] for finding in unwell["database"])
    assert "The encoding is LATIN1" in told
    assert "pg_trgm is not installed" in told
    assert "manage.py migrate" in unwell["migrations"][0]["remedy"]


def test_a_storage_that_cannot_be_written_is_found(installation: Installation) -> None:
    with installation.without_storage():
        status, unwell = doctor(installation)
    assert status == 1
    assert "FILES_DIR" in unwell["storage"][0]["remedy"]


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_a_setting_that_nothing_goes_without_is_named(installation: Installation, name: str) -> None:
    done = installation.manage("doctor", **{name: None})
    assert done.returncode == 1
    assert name in done.stderr
