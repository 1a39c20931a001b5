"""Two servers with synchronous replication: the first dies under load, the second takes over, nothing is lost."""

import json
import sys
import time
from collections.abc import Iterator

import pytest

from tests.faults.installation import Installation, wait_until
from tests.faults.mixed_load import BACK_IN_SECONDS, CHANGED, SCOPES, WARM, MixedLoad
from tests.faults.replication import Standby, address, kill_all
from tests.faults.test_database_restarts import assert_whole, new_contact
from tests.prepared import Prepare


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, prepare: Prepare) -> Iterator[tuple[Installation, Standby]]:
    """An installation and its standby, for whose copy each commit waits."""
    made = Installation(tmp_path_factory.mktemp("pair"))
    prepare(made.var)
    standby = None
    try:
        made.valkey.start()
        made.postgres.start()
        standby = Standby(made, tmp_path_factory.mktemp("standby"))
        standby.follow(synchronous=True)
        yield made, standby
    finally:
        made.end()
        if standby is not None:
            standby.end()


def test_probes_and_doctor_find_the_primary_among_several_hosts(pair: tuple[Installation, Standby]) -> None:
    installation, standby = pair
    alone = installation.web(DATABASE_URL=address(standby.var), READY_REQUIRES="database")
    assert alone.call("GET", "/health/ready")[0] == 503
    assert "takes no writes" in alone.output
    both = address(standby.var, installation.var)
    web = installation.web(DATABASE_URL=both, METRICS_TOKEN="of-tests")
    status, _, body = web.call("GET", "/health/ready")
    assert (status, body["checks"]["database"], body["checks"]["migrations"]) == (200, "ok", "ok")
    assert b"kontor_figures_up 1" in web.call("GET", "/metrics", Authorization="Bearer of-tests")[2]
    findings = json.loads(installation.manage("doctor", "--json", DATABASE_URL=both).stdout)["findings"]
    grades = {finding["grade"] for finding in findings if finding["part"] in {"database", "migrations", "people"}}
    assert "error" not in grades
    # What else the address asks for holds for probes, too.
    elsewhere = f"{both}?options=-c%20search_path%3Dnowhere"
    findings = json.loads(installation.manage("doctor", "--json", DATABASE_URL=elsewhere).stdout)["findings"]
    assert "error" in {finding["grade"] for finding in findings if finding["part"] == "migrations"}


def test_a_primary_that_takes_no_writes_is_not_ready_and_answers_503_until_it_does(
    pair: tuple[Installation, Standby],
) -> None:
    installation, _standby = pair
    web = installation.web()
    web.authorize(installation.client(SCOPES))
    path = f"/v1.0/contacts/{new_contact(web)}/details"

    def change() -> int:
        name = f"Spyri {time.monotonic_ns()}"
        return web.call("PATCH", path, {"details": {"personalInformation": {"lastName": name}}})[0]

    with installation.database() as database:
        database.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        database.execute("SELECT pg_reload_conf()")
        try:
            wait_until(lambda: change() == 503, "it takes writes")
            assert web.call("GET", path)[0] == 200
            wait_until(lambda: web.call("GET", "/health/ready")[0] == 503, "it is ready")
        finally:
            database.execute("SET default_transaction_read_only = off")
            database.execute("ALTER SYSTEM RESET default_transaction_read_only")
            database.execute("SELECT pg_reload_conf()")
    wait_until(lambda: change() == 200, "it takes no writes")


def test_no_acknowledged_change_is_lost_when_the_primary_dies_and_writes_are_back_soon(
    pair: tuple[Installation, Standby], capsys: pytest.CaptureFixture[str]
) -> None:
    installation, standby = pair
    web = installation.web(DATABASE_URL=address(installation.var, standby.var))
    web.authorize(installation.client(SCOPES))
    contacts = [new_contact(web) for _ in range(CHANGED)]
    kinds = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]["items"]
    load = MixedLoad(web, contacts, kinds[0]["id"])
    try:
        wait_until(lambda: len(load.answers) > WARM and load.succeeds(), "no load")
        kill_all(installation.postgres)
        wait_until(lambda: any(answer.status == 503 for answer in load.answers), "nothing failed")
        standby.promote()
        promoted = time.monotonic()
        wait_until(lambda: load.succeeds(since=promoted), "writes are not back", seconds=BACK_IN_SECONDS)
    finally:
        load.end()
    failed = [answer for answer in load.answers if answer.status >= 300]
    with capsys.disabled():
        sys.stdout.write(
            f"\nfailover: {len(load.answers)} requests, {len(failed)} failures, "
            f"longest gap of writes {load.longest_gap():.1f} s\n"
        )
    assert load.broken == []
    assert {answer.status for answer in failed} == {503}
    for contact in contacts:
        assert_whole(standby, contact, load)
    with standby.database() as database:
        query = "SELECT username, id FROM contacts_contact WHERE username LIKE 'new-%'"
        assert load.created.items() <= dict(database.execute(query).fetchall()).items()
