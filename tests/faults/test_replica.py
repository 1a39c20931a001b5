"""Searches, GraphQL and exports read from a replica, and never show less than what was committed before."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.installation import Installation, Web, wait_until
from tests.faults.replication import Standby, address
from tests.faults.test_database_restarts import DETAILS
from tests.faults.test_jobs_and_storage import exported, start_export
from tests.prepared import Prepare

SCOPES = "contacts.read contacts.write change-requests.read schemas.read exports"
Pair = tuple[Installation, Standby, Web]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, prepare: Prepare) -> Iterator[Pair]:
    """An installation, a replica of its database, and a web server and a worker that may read from it."""
    made = Installation(tmp_path_factory.mktemp("pair"))
    prepare(made.var)
    standby = None
    try:
        made.valkey.start()
        made.postgres.start()
        standby = Standby(made, tmp_path_factory.mktemp("replica"))
        standby.follow(synchronous=False)
        variables = {"REPLICA_URL": address(standby.var)}
        made.worker(**variables)
        web = made.web(**variables, LOG_LEVEL="INFO")
        web.authorize(made.client(SCOPES))
        yield made, standby, web
    finally:
        made.end()
        if standby is not None:
            standby.end()


def create(web: Web) -> str:
    """Create a contact and return its username."""
    name = f"user-{time.monotonic_ns()}"
    kinds = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]["items"]
    status, _, made = web.call(
        "POST", "/v1.0/contacts", {"contactTypeId": kinds[0]["id"], "username": name, "details": DETAILS}
    )
    assert status == 201, made
    return name


def found(web: Web, name: str) -> list[Any]:
    """What GraphQL finds under the username."""
    query = f'{{ contacts(where: {{username: {{eq: "{name}"}}}}) {{ items {{ username }} }} }}'
    status, _, body = web.call("POST", "/graphql", {"query": query})
    assert (status, "errors" in body) == (200, False), body
    items: list[Any] = body["data"]["contacts"]["items"]
    return items


def reads(standby: Standby) -> int:
    """How often the standby has looked into the table of contacts."""
    with standby.database() as database:
        query = "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = %s"
        row = database.execute(query, ["contacts_contact"]).fetchone()
    assert row is not None
    return int(row[0])


def is_used(standby: Standby, web: Web) -> bool:
    """Whether the replica is asked again once it may be."""
    before = reads(standby)

    def asked() -> bool:
        found(web, create(web))
        return reads(standby) > before

    wait_until(asked, "the replica is not used", seconds=40)
    return True


def doctor(installation: Installation, standby: Standby) -> tuple[str, str]:
    """How well the replica is, and what is said of it."""
    told = installation.manage("doctor", "--json", REPLICA_URL=address(standby.var)).stdout
    [finding] = [finding for finding in json.loads(told)["findings"] if finding["part"] == "replica"]
    return finding["grade"], finding["text"]


def test_what_was_just_written_is_found_while_the_replica_does_not_show_it(pair: Pair) -> None:
    _installation, standby, web = pair
    assert is_used(standby, web)
    with standby.paused():
        name = create(web)
        with standby.database() as database:
            query = "SELECT count(*) FROM contacts_contact WHERE username = %s"
            assert database.execute(query, [name]).fetchone() == (0,)
        assert found(web, name) == [{"username": name}]
        status, body = exported(web, start_export(web))
        assert (status, name in body.decode()) == (200, True)
        assert web.call("POST", "/v1.0/contacts/change-requests/search", {})[0] == 200
    assert is_used(standby, web)


def test_an_export_is_read_from_the_replica_and_is_whole(pair: Pair) -> None:
    _installation, standby, web = pair
    name = create(web)
    before = reads(standby)
    status, body = exported(web, start_export(web))
    assert (status, name in body.decode()) == (200, True)
    wait_until(lambda: reads(standby) > before, "the replica was not asked")


def test_the_primary_answers_while_the_replica_is_gone_and_after_it_has_become_a_primary_itself(pair: Pair) -> None:
    installation, standby, web = pair
    assert is_used(standby, web)
    assert doctor(installation, standby) == ("ok", "replica")
    standby.stop()
    assert doctor(installation, standby)[0] == "warning"
    for _ in range(3):
        name = create(web)
        assert found(web, name) == [{"username": name}]
    assert any(line["event"] == "replica_left_alone" for line in web.lines)
    standby.start()
    assert is_used(standby, web)
    standby.promote()
    for _ in range(3):
        name = create(web)
        assert found(web, name) == [{"username": name}]
    grade, told = doctor(installation, standby)
    assert (grade, "is not a replica" in told) == ("error", True)
