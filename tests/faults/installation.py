"""A production-like installation: servers that tests can stop and start, and processes that connect to them by URL."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import environ
import psutil
import psycopg
from psycopg import sql

from devstack.embedded import paths
from devstack.embedded.servers import ENVIRONMENT, Postgres, Valkey
from tests.devstack.stack import ROOT, free_port

# Generous, for heavily loaded hosts.
PATIENCE = 300


def wait_until(
    condition: Callable[[], object], otherwise: str, *, seconds: float = PATIENCE, log: "Process | None" = None
) -> None:
    """Wait for the condition. On timeout fail with `otherwise` and the end of the output of the process `log`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{otherwise}\n{log.output[-5000:] if log else ''}"
        time.sleep(0.05)


def limited(argv: list[str], file_kib: int | None) -> list[str]:
    """Return the command with a limit on the size of files (ulimit -f), which simulates a full disk."""
    return argv if file_kib is None else ["bash", "-c", f'ulimit -f {file_kib}; exec "$@"', "bash", *argv]


class OwnServer:
    """A PostgreSQL or Valkey server of this installation."""

    def __init__(self, server: Postgres | Valkey) -> None:
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, file_kib: int | None = None) -> None:
        """Start the server and wait until it is ready. `file_kib` limits the size of its files."""
        self.launch(file_kib=file_kib)
        wait_until(self._server.ready, f"{self._server.title} did not start")

    def launch(self, *, file_kib: int | None = None) -> None:
        (self._server.var / self._server.name).mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.make_private(paths.socket_directory(self._server.var))
        # The server expects an inherited lock file; here nothing else uses it.
        with tempfile.TemporaryFile() as lock, (self._server.var / f"{self._server.name}.log").open("ab") as log:
            argv = limited(self._server.command(lock.fileno()), file_kib)
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, env=ENVIRONMENT, cwd="/")

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def send(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Stop the server. SIGINT is a fast shutdown; SIGQUIT and SIGKILL simulate crashes."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None


class Installation:
    """Servers, files and settings of one installation, and the processes that tests start."""

    def __init__(self, folder: Path, *, var: Path | None = None) -> None:
        self.var = var or folder / "var"
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)
        self.postgres = OwnServer(Postgres(self.var))
        self.valkey = OwnServer(Valkey(self.var))
        self.processes: list[Process] = []

    def environment(self, **variables: str | None) -> dict[str, str]:
        """Return the environment that an operator would set, without variables of the test run. None unsets one."""
        usual: dict[str, str | None] = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "DATABASE_URL": paths.database_url(self.var),
            "REDIS_URL": paths.redis_url(self.var),
            "SECRET_KEY": "kontor-tests-" + "0123456789abcdef" * 4,
            "ALLOWED_HOSTS": "kontor.example",
            "BEHIND_PROXY": "1",
            "FILES_DIR": str(self.files),
            "KONTOR_VAR": str(self.var),
            "WEB_CONCURRENCY": "1",
        }
        return {name: value for name, value in (usual | variables).items() if value is not None}

    def manage(self, *arguments: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE * 3,
            check=False,
        )

    def database(self) -> psycopg.Connection:
        """Connect as the operator, with autocommit."""
        address = environ.Env.db_url_config(paths.database_url(self.var))
        return psycopg.connect(host=address["HOST"], user=address["USER"], dbname=address["NAME"], autocommit=True)

    def delete_from_cache(self, key: str) -> None:
        done = self.manage("shell", "-c", f"from django.core.cache import cache; cache.delete({key!r})")
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def without_database(self) -> Iterator[None]:
        self.postgres.stop()
        try:
            yield
        finally:
            self.postgres.start()

    @contextlib.contextmanager
    def without_room_for(self, table: str) -> Iterator[None]:
        """Replace the data file of a table by /dev/full, so that writes fail with ENOSPC. The table's rows are lost."""
        with self.database() as connection:
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
            row = connection.execute("SELECT pg_relation_filepath(%s)", [table]).fetchone()
        assert row is not None
        file = self.var / "postgres" / "data" / row[0]
        with self.without_database():
            file.unlink()
            file.symlink_to("/dev/full")
        try:
            yield
        finally:
            with self.without_database():
                file.unlink()
                file.touch(mode=0o600)
                # The server may run as another user.
                owner = file.parent.stat()
                os.chown(file, owner.st_uid, owner.st_gid)

    @contextlib.contextmanager
    def without_queue(self) -> Iterator[None]:
        self.valkey.stop(signal.SIGTERM)
        try:
            yield
        finally:
            self.valkey.start()

    @contextlib.contextmanager
    def with_silent_queue(self) -> Iterator[None]:
        """Suspend the queue's server: it accepts connections but does not respond."""
        self.valkey.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.valkey.send(signal.SIGCONT)

    @contextlib.contextmanager
    def without_storage(self) -> Iterator[None]:
        """Replace the storage directory by a file, so that not even root can write into it."""
        away = self.files.with_name("away")
        self.files.rename(away)
        self.files.write_text("")
        try:
            yield
        finally:
            self.files.unlink()
            away.rename(self.files)

    @contextlib.contextmanager
    def hasty_servers(self) -> Iterator[None]:
        """Run the servers within the block; PostgreSQL runs without fsync, for speed."""
        hasty = OwnServer(Postgres(self.var, durable=False))
        hasty.start()
        self.valkey.start()
        try:
            yield
        finally:
            self.valkey.stop(signal.SIGTERM)
            hasty.stop()

    def client(self, scopes: str) -> tuple[str, str]:
        """Create a client application; return its id and secret."""
        done = self.manage("create_client_app", f"app-{time.monotonic_ns()}", "--scopes", scopes, "--reason", "A test")
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        return made["client_id"], made["client_secret"]

    def web(self, *, file_kib: int | None = None, **variables: str) -> "Web":
        web = Web(self, free_port(), variables, file_kib=file_kib)
        self.processes.append(web)
        return web

    def worker(self, *arguments: str, file_kib: int | None = None, **variables: str) -> "Process":
        argv = [sys.executable, "-m", "celery", "--quiet", "--app", "config", "worker", "--concurrency=1"]
        argv += ["--without-gossip", "--without-mingle", *arguments]
        worker = Process("worker", limited(argv, file_kib), self.environment(**variables), self.var)
        self.processes.append(worker)
        return worker

    def beat(self, **variables: str) -> "Process":
        argv = [sys.executable, "-m", "celery", "--quiet", "--app", "config", "beat", "--pidfile="]
        beat = Process("beat", argv, self.environment(**variables), self.var)
        self.processes.append(beat)
        return beat

    def end(self) -> None:
        for process in self.processes:
            process.kill()
        self.postgres.stop(signal.SIGQUIT)
        self.valkey.stop(signal.SIGKILL)
        with contextlib.suppress(OSError):
            paths.socket_directory(self.var).rmdir()


class Process:
    """A process of the installation in its own session, with its output in files."""

    def __init__(self, name: str, argv: list[str], environment: dict[str, str], var: Path) -> None:
        self._stdout, self._stderr = (var / f"{name}-{time.monotonic_ns()}.{stream}" for stream in ("out", "err"))
        with self._stdout.open("w") as stdout, self._stderr.open("w") as stderr:
            self._process = subprocess.Popen(
                argv, cwd=ROOT, env=environment, stdout=stdout, stderr=stderr, start_new_session=True
            )

    @property
    def output(self) -> str:
        """What it wrote to standard output, then what it wrote to standard error."""
        return self._stdout.read_text() + self._stderr.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the log, which is on standard output; every line there must be JSON."""
        return [json.loads(line) for line in self._stdout.read_text().splitlines()]

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def group(self) -> list[psutil.Process]:
        """Return the processes that run in its process group, which may outlive it, parents first."""
        return sorted(filter(self._is_in_group, psutil.process_iter()), key=lambda process: len(process.parents()))

    def _is_in_group(self, process: psutil.Process) -> bool:
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            return os.getpgid(process.pid) == self._process.pid and process.status() != psutil.STATUS_ZOMBIE
        return False

    def kill(self) -> None:
        """Kill the whole process group without any cleanup."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def terminate(self) -> int:
        self._process.terminate()
        return self._process.wait(PATIENCE)


class Web(Process):
    """Gunicorn as in production, called like the proxy does."""

    def __init__(
        self, installation: Installation, port: int, variables: dict[str, str], *, file_kib: int | None = None
    ) -> None:
        self.port = port
        argv = [sys.executable, "-m", "gunicorn", "--config", "python:operations.gunicorn", "config.wsgi"]
        super().__init__(
            "web", limited(argv, file_kib), installation.environment(PORT=str(port), **variables), installation.var
        )
        wait_until(lambda: self.status("/health/live") == 200 or not self.lives, "the web server does not answer")
        assert self.lives, self.output
        self.token = ""

    def authorize(self, client: tuple[str, str]) -> None:
        body = f"grant_type=client_credentials&client_id={client[0]}&client_secret={client[1]}"
        answer = self.call("POST", "/connect/token", body, content_type="application/x-www-form-urlencoded")
        assert answer[0] == 200, answer
        self.token = answer[2]["access_token"]

    def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and the body, parsed if it is JSON."""
        sent = {"Host": "kontor.example", "X-Forwarded-Proto": "https", "Content-Type": content_type}
        if getattr(self, "token", ""):
            sent["Authorization"] = f"Bearer {self.token}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            content = response.read()
            is_json = response.headers.get("Content-Type", "").startswith("application/json")
            return response.status, dict(response.headers), json.loads(content) if is_json and content else content

    def status(self, path: str) -> int:
        try:
            return self.call("GET", path)[0]
        except OSError:
            return 0
