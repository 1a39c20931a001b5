"""Kontor behind PgBouncer in transaction mode, as docs/database.md says, on three connections for all."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.installation import Installation, Web, wait_until
from tests.faults.pooler import POOL_SIZE, Pooler, block
from tests.faults.test_jobs_and_storage import ended, entries, exported, start_export, start_sync, upload
from tests.faults.two_roles import OWNER, PASSWORD, RUNTIME, make_roles, url_of
from tests.prepared import Prepare

SCOPES = "contacts.read contacts.write change-requests.read schemas.read exports imports events.read"
CONTACTS, ROUNDS = 4, 5


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory, prepare: Prepare) -> Iterator[tuple[Installation, dict[str, str]]]:
    """An installation of two roles, and the variables of processes behind the pooler."""
    made = Installation(tmp_path_factory.mktemp("pooled"))
    prepare(made.var, demo=True)
    pooler = None
    try:
        made.valkey.start()
        made.postgres.start()
        make_roles(made)
        with made.database() as database:
            database.execute(block("limits").replace("kontor", RUNTIME).encode())
            # Kontor's connections ask for another one, each for itself.
            database.execute("ALTER DATABASE kontor SET timezone = 'Europe/Zurich'")
        pooler = Pooler(made, role=RUNTIME, password=PASSWORD)
        yield made, pooler.variables()
    finally:
        if pooler is not None:
            pooler.end()
        made.end()


@pytest.fixture(scope="module")
def web(pooled: tuple[Installation, dict[str, str]]) -> Web:
    installation, variables = pooled
    installation.worker(**variables)
    return installation.web(**variables, METRICS_TOKEN="of-tests", WEB_CONCURRENCY="2")


def token_of(pooled: tuple[Installation, dict[str, str]], name: str) -> str:
    installation, variables = pooled
    done = installation.manage("issue_token", "--member", name, "--reason", "A test", **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_ready_and_doctor_finds_nothing(pooled: tuple[Installation, dict[str, str]], web: Web) -> None:
    installation, variables = pooled
    status, _, body = web.call("GET", "/health/ready")
    assert (status, set(body["checks"].values())) == (200, {"ok"})
    assert b"kontor_figures_up 1" in web.call("GET", "/metrics", Authorization="Bearer of-tests")[2]
    # As the owner of the tables, who builds the indexes one after the other without a transaction.
    built = installation.manage("search_indexes", DATABASE_URL=url_of(installation, OWNER))
    assert built.returncode == 0, built.stderr
    findings = json.loads(installation.manage("doctor", "--json", **variables).stdout)["findings"]
    of_database = [finding for finding in findings if finding["part"] in {"database", "migrations"}]
    assert {finding["grade"] for finding in of_database} == {"ok"}, of_database


def test_a_change_waits_for_a_second_person_and_events_name_it(
    pooled: tuple[Installation, dict[str, str]], web: Web
) -> None:
    installation, _variables = pooled
    anna, rita = token_of(pooled, "anna"), token_of(pooled, "rita")
    web.token = anna
    kinds = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]["items"]
    person = {"personalInformation": {"firstName": "Johanna", "lastName": "Heusser"}}
    new = {"contactTypeId": kinds[0]["id"], "username": "johanna.pooled", "details": person}
    created = [web.call("POST", "/v1.0/contacts", new, Idempotency_Key="once") for _ in range(2)]
    assert [answer[0] for answer in created] == [201, 201]
    assert created[0][2] == created[1][2]
    path = f"/v1.0/contacts/{created[0][2]['id']}"
    change = {"details": {"personalInformation": {"lastName": "Spyri"}}}
    assert web.call("PATCH", f"{path}/details", change)[2]["isApprovalRequired"] is True
    web.token = rita
    search = {"contactIds": [created[0][2]["id"]], "statusId": 1}
    (request,) = web.call("POST", "/v1.0/contacts/change-requests/search", search)[2]["results"]
    review = f"{path}/change-requests/{request['id']}/review"
    web.token = anna
    assert web.call("POST", review, {"isApproved": True})[0] == 403
    web.token = rita
    assert web.call("POST", review, {"isApproved": True})[0] == 204
    found = web.call("GET", f"{path}/details")[2]["details"]["personalInformation"]
    assert found["lastName"] == "Spyri"
    query = '{ contacts(where: {username: {eq: "johanna.pooled"}}) { items { id changeDate } } }'
    web.token = anna
    (item,) = web.call("POST", "/graphql", {"query": query})[2]["data"]["contacts"]["items"]
    assert item["id"] == created[0][2]["id"]
    # The moment is what it was, whatever the time zone of the server.
    history = f"/v1.1/contacts/{item['id']}/details/change-history/search"
    assert web.call("POST", history, {"pageSize": 1})[2]["results"][0]["executionDate"] == item["changeDate"]
    web.authorize(installation.client(SCOPES))
    types = [event["type"] for event in web.call("GET", "/v1.0/events?after=0&limit=1000")[2]["events"]]
    assert {"contact.created", "contact.changed"} <= set(types)


def test_jobs_run_and_clients_that_share_connections_do_not_meet(
    pooled: tuple[Installation, dict[str, str]], web: Web
) -> None:
    installation, _variables = pooled
    web.authorize(installation.client(SCOPES))
    names = entries(60)
    upload(web, names)
    sync = ended(web, start_sync(web))
    assert (sync["status"], sync["progress"]["created"]) == ("Completed", 60), sync
    status, body = exported(web, start_export(web))
    assert status == 200
    assert all(name in body.decode() for name in names)
    with installation.database() as database:
        query = "SELECT id FROM contacts_contact WHERE username = ANY(%s) ORDER BY id LIMIT %s"
        contacts = [pk for (pk,) in database.execute(query, [names, CONTACTS]).fetchall()]

        def change(contact: int) -> list[str]:
            """Change it again and again; return what was read each time."""
            path, seen = f"/v1.0/contacts/{contact}/details", []
            for number in range(ROUNDS):
                name = {"personalInformation": {"lastName": f"Of {contact} {number}"}}
                assert web.call("PATCH", path, {"details": name})[0] == 200
                seen.append(web.call("GET", path)[2]["details"]["personalInformation"]["lastName"])
            return seen

        with ThreadPoolExecutor(CONTACTS) as pool:
            seen = list(pool.map(change, contacts))
        assert seen == [[f"Of {contact} {number}" for number in range(ROUNDS)] for contact in contacts]
        backends = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
        assert database.execute(backends, [RUNTIME]).fetchone() in [(number + 1,) for number in range(POOL_SIZE)]
        # Nobody keeps a lock or a cursor on a connection that others use next.
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
        wait_until(lambda: database.execute(locks).fetchone() == (0,), "a lock stays")
