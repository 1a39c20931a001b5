"""Code and schema of the next version go live under a load of requests, and none of them fails.

With `-s` it prints how many requests there were, how many failed, and the longest gap.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.installation import PATIENCE, Installation, Web, wait_until
from tests.faults.next_version import version_in, with_another_column
from tests.faults.steady_load import SteadyLoad
from tests.faults.test_database_restarts import new_contact
from tests.fingerprints import ROOT

SCOPES = "contacts.read contacts.write schemas.read events.read"
# As systemd does it for each unit that has the socket (`Sockets=`).
WITH_SOCKET = 'exec 3<&"$FD"; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"'
GUNICORN = [sys.executable, "-m", "gunicorn", "--config", "python:operations.gunicorn", "config.wsgi"]
BEFORE_AND_AFTER_SECONDS = 1.5


class Upgraded:
    """The servers of one socket or port, in the versions that a test starts."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._installation, self._folder = installation, folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port = self.listener.getsockname()[1]

    def start(self, tree: Path, *, is_given_socket: bool = True) -> subprocess.Popen[bytes]:
        given = [self.listener.fileno()] if is_given_socket else []
        environment = self._installation.environment(
            WEB_CONCURRENCY="2",
            PORT=str(self.port),
            PWD=str(tree),
            METRICS_TOKEN="t" * 32,
            API_RATE="",
            FD=str(self.listener.fileno()),
        )
        argv = ["bash", "-c", WITH_SOCKET, "bash", *GUNICORN] if is_given_socket else GUNICORN
        with self._log.open("ab") as log:
            started = subprocess.Popen(
                argv, cwd=tree, env=environment, stdout=log, stderr=log, pass_fds=given, start_new_session=True
            )
        self.processes.append(started)
        return started

    @property
    def _log(self) -> Path:
        return self._folder / "web.log"

    def output(self) -> str:
        return self._log.read_text()

    def web(self) -> Web:
        """Return a client of the server."""
        web = Web.__new__(Web)
        web.port, web.token = self.port, ""
        return web

    def end(self) -> None:
        self.listener.close()
        for process in self.processes:
            # The group outlives the process that was replaced.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE)


@pytest.fixture
def upgraded(installation: Installation, tmp_path: Path) -> Iterator[Upgraded]:
    made = Upgraded(installation, tmp_path)
    yield made
    made.end()


def test_no_request_fails_while_code_and_schema_of_the_next_version_go_live(
    installation: Installation, upgraded: Upgraded, load: Callable[[Upgraded], SteadyLoad], tmp_path: Path
) -> None:
    old = upgraded.start(ROOT)
    running = load(upgraded)
    time.sleep(BEFORE_AND_AFTER_SECONDS)
    tree = with_another_column(version_in(tmp_path / "next", "next"))
    migrate = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity=0"]
    subprocess.run(migrate, cwd=tree, env=installation.environment(), check=True, timeout=PATIENCE)
    try:
        upgraded.start(tree)
        wait_until(lambda: "next" in running.latest_versions(), "the next version does not answer")
        old.send_signal(signal.SIGTERM)
        assert old.wait(PATIENCE) == 0
        time.sleep(BEFORE_AND_AFTER_SECONDS)
        running.end()
        print(f"\nsocket shared: {running.summary()}")  # noqa: T201
        assert running.failures == []
        assert running.latest_versions() == {"next"}
    finally:
        with installation.database() as connection:
            connection.execute("ALTER TABLE contacts_contact DROP COLUMN IF EXISTS next_version")
            connection.execute("DELETE FROM django_migrations WHERE name = '9999_next_version'")


def test_a_hang_up_loads_the_code_that_is_there_now_and_keeps_the_old_where_that_does_not_start(
    upgraded: Upgraded, load: Callable[[Upgraded], SteadyLoad], tmp_path: Path
) -> None:
    current = tmp_path / "current"

    def switch(tree: Path) -> None:
        current.unlink(missing_ok=True)
        current.symlink_to(tree, target_is_directory=True)

    switch(version_in(tmp_path / "one", "one"))
    upgraded.listener.close()
    first = upgraded.start(current, is_given_socket=False)
    running = load(upgraded)
    time.sleep(BEFORE_AND_AFTER_SECONDS)

    broken = version_in(tmp_path / "broken", "broken")
    (broken / "config" / "urls.py").write_text("This is no Python.")
    switch(broken)
    first.send_signal(signal.SIGHUP)
    wait_until(lambda: "SyntaxError" in upgraded.output(), "the broken version did not even start")
    wait_until(lambda: len(psutil.Process(first.pid).children()) == 2, "the broken version does not end")
    assert running.latest_versions() == {"one"}

    switch(version_in(tmp_path / "two", "two"))
    first.send_signal(signal.SIGHUP)
    assert first.wait(PATIENCE) == 0
    time.sleep(BEFORE_AND_AFTER_SECONDS)
    running.end()
    print(f"\nhang-up: {running.summary()}")  # noqa: T201
    assert running.failures == []
    assert running.latest_versions() == {"two"}


@pytest.fixture
def load(installation: Installation) -> Iterator[Callable[[Upgraded], SteadyLoad]]:
    """Start the load once the server answers."""
    started: list[SteadyLoad] = []

    def start(upgraded: Upgraded) -> SteadyLoad:
        web = upgraded.web()
        wait_until(lambda: web.status("/health/ready") == 200, "the server does not answer")
        web.authorize(installation.client(SCOPES))
        started.append(SteadyLoad(upgraded.port, web.token, new_contact(web)))
        return started[-1]

    yield start
    for running in started:
        running.end()
