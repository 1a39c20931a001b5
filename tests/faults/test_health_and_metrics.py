"""Monitoring of an installation: health checks, metrics and logs of a production-like web server."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.installation import Installation, Web, wait_until

TOKEN = "a-token-for-tests-that-is-long-enough"
OK = {"database": "ok", "migrations": "ok", "queue": "ok", "storage": "ok"}


@pytest.fixture(scope="module")
def web(standing_web: Callable[..., Web], client: tuple[str, str]) -> Web:
    web = standing_web(METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="2")
    web.authorize(client)
    return web


def readiness(web: Web, expected: dict[str, str]) -> bool:
    status, headers, body = web.call("GET", "/health/ready")
    assert headers["Cache-Control"] == "no-store"
    wanted = (200, "ready") if expected == OK else (503, "not ready")
    return (status, body) == (wanted[0], {"status": wanted[1], "checks": expected})


def metrics(web: Web) -> dict[str, float]:
    status, headers, page = web.call("GET", "/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    rows = (line.rsplit(" ", 1) for line in page.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def test_it_is_ready_only_while_database_queue_and_storage_do_their_work_and_alive_all_the_time(
    installation: Installation, web: Web
) -> None:
    wait_until(lambda: readiness(web, OK), "never ready")
    for broken, missed in (
        (installation.without_storage, ["storage"]),
        (installation.without_queue, ["queue"]),
        (installation.without_database, ["database", "migrations"]),
    ):
        with broken():
            expected = OK | dict.fromkeys(missed, "failed")
            wait_until(lambda expected=expected: readiness(web, expected), f"{missed} is not missed")
            assert web.status("/health/live") == 200
        wait_until(lambda: readiness(web, OK), f"{missed} is still missed")


def test_it_is_not_ready_before_the_migrations(installation: Installation, web: Web) -> None:
    with installation.database() as connection:
        connection.execute("UPDATE django_migrations SET app = 'another' WHERE app = 'contacts'")
        try:
            wait_until(lambda: readiness(web, OK | {"migrations": "failed"}), "the migration is not missed")
        finally:
            connection.execute("UPDATE django_migrations SET app = 'contacts' WHERE app = 'another'")


def test_what_is_not_required_is_told_and_the_process_is_ready_nevertheless(installation: Installation) -> None:
    web = installation.web(READY_REQUIRES="database,migrations", REDIS_URL="redis://127.0.0.1:1/0")
    status, _, body = web.call("GET", "/health/ready")
    assert (status, body["status"], body["checks"]) == (200, "ready", OK | {"queue": "failed"})


def test_probes_come_to_any_host_over_plain_http_and_only_read(web: Web) -> None:
    plain = {"Host": "10.0.0.7:8000", "X-Forwarded-Proto": "http"}
    for path in ("/health/live", "/health/ready"):
        assert web.call("GET", path, **plain)[0] == 200
        status, headers, _ = web.call("POST", path, "", **plain)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert web.call("GET", "/v1.0/schemas/contact", Host="10.0.0.7:8000")[0] == 400


def test_metrics_do_not_exist_without_a_token_in_the_settings_and_are_refused_to_who_has_another(
    installation: Installation, web: Web
) -> None:
    for authorization in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer \u00e9"):
        assert web.call("GET", "/metrics", Authorization=authorization)[0] == 401
    assert installation.web().call("GET", "/metrics", Authorization="Bearer ")[0] == 404


def test_metrics_count_the_requests_of_all_workers_by_route_and_show_what_waits(web: Web) -> None:
    for _ in range(12):
        assert web.status("/v1.0/contacts/2147483647/details") == 404
    labels = 'method="GET",route="/v1.0/contacts/<int:contactId>/details"'
    seen = metrics(web)
    assert seen[f'kontor_requests_total{{{labels},status="404"}}'] == 12
    assert seen[f"kontor_request_seconds_count{{{labels}}}"] == 12
    assert seen["kontor_figures_up"] == 1
    for name in ("kontor_pending_requests", "kontor_queue_length", 'kontor_jobs{kind="outcome",state="pending"}'):
        assert seen[name] == 0
    # Addresses that somebody makes up are one row, not one each.
    for number in range(3):
        web.status(f"/made-up-{number}")
    assert metrics(web)['kontor_requests_total{method="GET",route="none",status="404"}'] == 3


def test_every_line_of_the_log_is_an_object_and_that_of_a_request_says_who_called_what(web: Web) -> None:
    web.call("POST", "/v1.0/contacts/check-something", {"secret": "Spyri"}, X_Correlation_ID="walk-7")
    status, _, _ = web.call("GET", "/v1.0/schemas/contact?language=de", X_Correlation_ID="walk-8")
    assert status == 200
    found = [line for line in web.lines if line.get("correlation_id") == "walk-8"]
    assert len(found) == 1
    line = found[0]
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 200)
    assert (line["route"], line["actor_kind"]) == ("v1.0/schemas/<slug:key>", "app")
    assert isinstance(line["actor_id"], int)
    assert line["milliseconds"] > 0
    assert "Spyri" not in web.output
    assert not [line for line in web.lines if "health" in str(line.get("route"))]


def test_requests_are_answered_whatever_becomes_of_the_files_of_the_metrics(
    installation: Installation, client: tuple[str, str], tmp_path: Path
) -> None:
    directory = tmp_path / "metrics"
    directory.mkdir()
    web = installation.web(METRICS_TOKEN=TOKEN, PROMETHEUS_MULTIPROC_DIR=str(directory))
    web.authorize(client)
    shutil.rmtree(directory)
    # The next one finds no directory for its files.
    worker = web.group()[-1]
    worker.kill()
    worker.wait()
    for _ in range(3):
        assert web.status("/v1.0/contacts/2147483647/details") == 404
    seen = metrics(web)
    assert seen["kontor_figures_up"] == 1
    assert not [name for name in seen if name.startswith("kontor_requests")]
    told = [line["event"] for line in web.lines if line["level"] == "error"]
    assert [event for event in told if event.startswith("requests_")] == ["requests_not_counted"]


def test_a_server_that_replaces_itself_counts_on_and_deletes_its_own_files_alone(
    installation: Installation, client: tuple[str, str]
) -> None:
    web = installation.web(METRICS_TOKEN=TOKEN)
    web.authorize(client)
    web.status("/v1.0/contacts/2147483647/details")
    first, master = folders_of_metrics(web), web.group()[0]
    master.send_signal(signal.SIGHUP)
    wait_until(lambda: not web.lives, "the old server does not end", log=web)
    for _ in range(2):
        assert web.status("/v1.0/contacts/2147483647/details") == 404
    labels = 'method="GET",route="/v1.0/contacts/<int:contactId>/details",status="404"'
    assert metrics(web)[f"kontor_requests_total{{{labels}}}"] == 2
    second = folders_of_metrics(web)
    assert (len(first), len(second), first & second) == (1, 1, set())
    assert not any(folder.exists() for folder in first)
    web.group()[0].terminate()
    wait_until(lambda: not web.group(), "the new server does not end", log=web)
    assert not any(folder.exists() for folder in second)


def folders_of_metrics(web: Web) -> set[Path]:
    files = {Path(file.path) for process in web.group() for file in process.memory_maps()}
    return {file.parent for file in files if file.suffix == ".db"}
