"""The log of each server is JSON, and nothing else is on its standard output, whatever happens to it."""

import socket

from tests.faults.installation import Installation, Process, wait_until
from tests.faults.test_database_restarts import new_contact


def events(process: Process) -> set[str]:
    """What the log has; each of its lines is read as JSON."""
    return {line["event"] for line in process.lines}


def test_standard_output_is_json_alone_from_the_start_of_each_server_to_its_stop(
    installation: Installation, client: tuple[str, str]
) -> None:
    web, worker, beat = installation.web(), installation.worker(), installation.beat()
    web.authorize(client)
    # Without a mail server and a gateway messages are in the log.
    addresses = {"contactInformation": {"email": "new@example.com", "mobile": "+41791234567"}}
    path = f"/v1.0/contacts/{new_contact(web)}/details"
    assert web.call("PATCH", path, {"details": addresses})[0] == 200
    wait_until(lambda: {"mail", "sms", "task"} <= events(worker), "no message was sent", log=worker)
    with installation.without_database():
        assert web.call("GET", path)[0] == 503
    assert web.call("POST", "/v1.0/contacts", "{")[0] == 400
    with socket.create_connection(("127.0.0.1", web.port)) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        assert connection.recv(1024)
    wait_until(lambda: any("beat: Starting" in event for event in events(beat)), "beat does not start", log=beat)
    for process in (web, worker, beat):
        assert process.terminate() == 0
    assert {"request", "database_unavailable"} <= events(web)
    assert "Warm shutdown" in worker.output
    assert any("ready" in event for event in events(worker))


def test_the_log_goes_where_it_is_asked_to_go(installation: Installation) -> None:
    web = installation.web(LOG_STREAM="stderr")
    web.call("GET", "/v1.0/contacts/1")
    assert web.lines == []
    assert '"event":"request"' in web.output
    done = installation.manage("check", LOG_STREAM="nowhere")
    assert done.returncode != 0
    assert "LOG_STREAM is stdout or stderr, not nowhere." in done.stderr
