"""With PostgreSQL's disk full, requests fail cleanly, nothing is partially done, and no acknowledged change is lost."""

import time
from typing import Any

import psycopg
import pytest

from tests.faults.installation import Installation, Web, wait_until
from tests.faults.test_database_restarts import Load, assert_whole, new_contact
from tests.faults.test_jobs_and_storage import ended, entries, start_sync, upload

JOURNAL_KIB = 8 * 1024


@pytest.fixture
def web(installation: Installation, client: tuple[str, str]) -> Web:
    web = installation.web(LOG_LEVEL="INFO")
    web.authorize(client)
    return web


def rows_of(installation: Installation, contact: int) -> list[Any]:
    with installation.database() as connection:
        return connection.execute(
            "SELECT contact.version, contact.details, written.sequence, written.changes, channel.pending_value "
            "FROM contacts_contact contact JOIN audit_entry written "
            "ON written.kind = contact.entry_kind AND written.subject_id = contact.id "
            "LEFT JOIN contacts_channel channel ON channel.contact_id = contact.id "
            "WHERE contact.id = %s ORDER BY written.sequence",
            [contact],
        ).fetchall()


def test_a_change_that_finds_no_room_for_its_last_row_leaves_none_of_the_others(
    installation: Installation, web: Web
) -> None:
    contact = new_contact(web)
    path = f"/v1.0/contacts/{contact}/details"
    # Of one transaction: the notes and their entry are written before the address that waits for its key.
    change = {
        "relationship": {"notes": "Moved."},
        "contactInformation": {"email": f"new{time.monotonic_ns()}@example.com"},
    }
    before = rows_of(installation, contact)
    with installation.without_room_for("contacts_channel"):
        status, headers, body = web.call("PATCH", path, {"details": change})
        assert (status, headers["Retry-After"], body["code"]) == (503, "5", "General")
        assert "/dev/full" not in str(body)
        assert "contacts_channel" not in str(body)
        assert rows_of(installation, contact) == before
        # What needs no room there goes on.
        assert web.call("GET", path)[0] == 200
        assert web.call("PATCH", path, {"details": {"relationship": {"notes": "Not yet."}}})[0] == 200
    (told,) = [line for line in web.lines if line["event"] == "database_unavailable"]
    assert "53100" in str(told)
    status, _, body = web.call("PATCH", path, {"details": change})
    assert (status, body["hasPendingEmail"]) == (200, True)
    assert [row[2] for row in rows_of(installation, contact)] == [1, 2, 3]


def test_an_import_that_finds_no_room_fails_and_says_so_and_goes_on_when_there_is_some(
    installation: Installation, web: Web
) -> None:
    installation.worker()
    names = entries(3)
    with installation.without_room_for("contacts_externalconnection"):
        upload(web, names)
        failed = ended(web, start_sync(web))
        assert (failed["status"], failed["progress"]["created"]) == ("Failed", 0)
        assert "The database has no space left." in failed["errorMessage"]
        with installation.database() as connection:
            found = connection.execute("SELECT count(*) FROM contacts_contact WHERE username = ANY(%s)", [names])
            assert found.fetchone() == (0,)
    done = ended(web, start_sync(web))
    assert (done["status"], done["progress"]["created"]) == ("Completed", 3)


def test_a_journal_without_room_stops_the_server_and_every_acknowledged_change_is_there_afterwards(
    installation: Installation, web: Web
) -> None:
    contacts = [new_contact(web) for _ in range(4)]
    with installation.database() as connection:
        connection.execute("SELECT pg_switch_wal()")
    installation.postgres.stop()
    installation.postgres.start(file_kib=JOURNAL_KIB)
    load = Load(web, contacts)
    try:
        wait_until(load.succeeds, "no load")
        fill_the_journal(installation)
        wait_until(lambda: any(status == 503 for status, _, _ in load.answers), "nothing failed")
        # It cannot even recover, for which it would need room too.
        wait_until(lambda: not installation.postgres.lives, "it does not give up")
        installation.postgres.stop()
        installation.postgres.start()
        wait_until(load.succeeds, "it does not recover", seconds=20)
    finally:
        load.end()
        if not installation.postgres.lives:
            installation.postgres.start()
    assert load.broken == []
    # 500 for a change that the server died of: what the kernel says of too large a file it knows no better name for.
    failed = [(status, body["code"]) for status, _, body in load.answers if status != 200]
    assert (503, "General") in failed
    assert set(failed) <= {(500, "General"), (503, "General")}
    for contact in contacts:
        assert_whole(installation, contact, load)


def fill_the_journal(installation: Installation) -> None:
    """Until the server dies of it."""
    with pytest.raises(psycopg.Error), installation.database() as connection:
        connection.execute(
            "SELECT pg_logical_emit_message(false, 'tests', repeat('x', 1024 * 1024)) FROM generate_series(1, 64)"
        )
