"""`manage.py runstack`: runs everything that a trial needs, in one terminal."""

import contextlib
import fcntl
import hashlib
import http.client
import io
import os
import signal
import socket
import sys
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connections

from config.celery import app
from devstack import embedded
from devstack.management.processes import Child, Follower, Log

_ROOT = Path(__file__).resolve().parents[3]
_UP_SECONDS = 60
_WATCH_SECONDS = 0.5
# The beginning of Celery's warning about root and jobs in pickle, which Kontor does not accept.
_ROOT_WARNING = "You're running the worker with superuser privileges"
_WORKER = f"stack-{os.getpid()}@localhost"


class _StopRequested(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal. A BaseException, so that no handler of errors catches it."""


class _StopSignals:
    """Requests to stop. The first signal sets `stop`; a second one sets `hurry`, which ends the wait for running jobs.

    The first one raises only inside `interrupting`: a shutdown that has begun must not be interrupted.
    """

    def __init__(self) -> None:
        self.stop, self.hurry = threading.Event(), threading.Event()
        self._may_interrupt = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Handle the signals within the block, except a closed terminal that the caller ignores (nohup).

        Ctrl-C counts also where it is ignored: a shell without job control starts what is in the background so.
        """
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        if before[signal.SIGHUP] is signal.SIG_IGN:
            del before[signal.SIGHUP]
        for number in before:
            signal.signal(number, self._receive)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Raise _StopRequested within the block as soon as a signal arrives, or at once if one has."""
        self._may_interrupt = True
        try:
            self.check()
            yield
        finally:
            self._may_interrupt = False

    def check(self) -> None:
        """Raise _StopRequested if a signal has arrived."""
        if self.stop.is_set():
            raise _StopRequested

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.stop.is_set():
            self.hurry.set()
            return
        self.stop.set()
        if self._may_interrupt:
            raise _StopRequested


class Command(BaseCommand):
    help = "Runs database, queue, web server, worker and scheduler together, with demo data, until Ctrl-C."
    # The database is not running yet when Django would check it.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"))
        parser.add_argument("--port", type=int, default=os.environ.get("PORT", "8000"))
        parser.add_argument("--no-demo", action="store_true", help="leave the data as it is")

    def handle(self, *args: Any, host: str, port: int, no_demo: bool, **options: Any) -> None:
        var = embedded.var_directory()
        signals = _StopSignals()
        with _only_one(var, f"http://{_address(host)}:{port}/"), signals.caught():
            _refuse_used_port(host, port)
            Stack(var, host, port, signals).run(demo=not no_demo)


class Stack:
    """Starts the servers, sets up the database, runs the three processes, and stops everything."""

    def __init__(self, var: Path, host: str, port: int, signals: _StopSignals) -> None:
        self._var, self._host, self._port, self._signals = var, host, port, signals
        self._log = Log(var / "log" / "kontor.log")
        names = {"postgres": "db", "valkey": "queue"}
        self._followers = [Follower(name, embedded.log_file(var, server), self._log) for server, name in names.items()]
        self._children: list[Child] = []

    def run(self, *, demo: bool) -> None:
        """Run until a signal arrives. Raise CommandError if a part does not start or ends unexpectedly."""
        try:
            with ExitStack() as undo:
                with self._signals.interrupting():
                    self._say("starting the servers")
                    undo.enter_context(embedded.running(self._var))
                    undo.callback(connections.close_all)
                    notes = self._set_up(demo=demo)
                undo.callback(self._stop_children)
                self._start_children()
                self._await("the web server", self._web_answers)
                self._await("the worker", self._worker_answers)
                self._say(self._banner(notes))
                self._watch()
                self._say("stopping; Ctrl-C again does not wait for running jobs")
        except _StopRequested:
            self._say("stopping")
        except embedded.EmbeddedServerError as error:
            raise CommandError(str(error)) from error
        finally:
            self._follow()
            self._say("stopped")

    def _set_up(self, *, demo: bool) -> str:
        """Bring the database and the static files up to date. Return the notes about the demo data for the user."""
        self._say("setting up the database")
        call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        call_command("load_schemas", stdout=io.StringIO())
        _collect_static()
        notes = io.StringIO()
        # Servers from the environment may hold real data: there, `load_demo --force` has to ask for the demo.
        if demo and settings.EMBEDDED:
            self._say("loading the demo data")
            call_command("load_demo", stdout=notes, stderr=notes)
        # The processes have their own connections; this one would only be idle.
        connections.close_all()
        return notes.getvalue().strip()

    def _start_children(self) -> None:
        python = sys.executable
        # Quiet: no banner. A single worker need not spend a second looking for others.
        celery = [python, "-W", f"ignore:{_ROOT_WARNING}", "-m", "celery", "--quiet", "--app", "config"]
        alone = ["--without-mingle", "--without-gossip"]
        environment = {"KONTOR_VAR": str(self._var), "HOST": self._host, "PORT": str(self._port)}
        concurrency = os.environ.get("CELERY_CONCURRENCY", "2")
        commands = {
            "web": [python, "-m", "gunicorn", "--config", "python:operations.gunicorn", "config.wsgi"],
            "worker": [
                *celery,
                "worker",
                "--hostname",
                _WORKER,
                "--loglevel",
                "INFO",
                "--concurrency",
                concurrency,
                *alone,
            ],
            "beat": [*celery, "beat", "--loglevel", "INFO", "--pidfile="],
        }
        for name, argv in commands.items():
            # One at a time, so that those that have started are stopped if the next one fails.
            self._children.append(Child(name, argv, self._log, environment=environment, directory=_ROOT))

    def _stop_children(self) -> None:
        """Stop the processes in the order in which work flows: requests, then the schedule, then jobs."""
        for name in ("web", "beat", "worker"):
            for child in self._children:
                if child.name == name:
                    child.stop(self._signals.hurry)

    def _await(self, what: str, answers: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _UP_SECONDS
        while not answers():
            self._signals.check()
            self._check()
            if time.monotonic() > deadline:
                raise CommandError(f"{what} does not answer after {_UP_SECONDS} seconds; see the log above")
            time.sleep(0.1)

    def _watch(self) -> None:
        while not self._signals.stop.wait(_WATCH_SECONDS):
            self._check()

    def _check(self) -> None:
        """Raise CommandError if a process or server has ended."""
        self._follow()
        for child in self._children:
            if (status := child.exit_status()) is not None:
                raise CommandError(f"{child.name} ended unexpectedly ({status}); everything else is stopped")
        if (server := embedded.failed(self._var)) is not None:
            log = embedded.log_file(self._var, server)
            raise CommandError(f"{server} ended unexpectedly; everything else is stopped. Its log: {log}")

    def _follow(self) -> None:
        for follower in self._followers:
            follower.copy()

    def _web_answers(self) -> bool:
        connection = http.client.HTTPConnection(_address(self._host), self._port, timeout=_UP_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/")
            connection.getresponse()
            return True
        return False

    def _worker_answers(self) -> bool:
        return bool(app.control.ping(destination=[_WORKER], timeout=0.5))

    def _banner(self, notes: str) -> str:
        url = f"http://{_address(self._host)}:{self._port}"
        lines = ["", f"Kontor      {url}/", f"Admin       {url}/admin/", f"API pages   {url}/docs/"]
        lines += [f"Log         {self._var / 'log' / 'kontor.log'}", "Ctrl-C stops everything; the data stays.", ""]
        return "\n".join([*lines, *notes.splitlines(), *([""] if notes else [])])

    def _say(self, text: str) -> None:
        self._log.write("stack", text)


def _collect_static() -> None:
    """Collect the static files if any has changed: compressing them takes longer than the rest of the start."""
    found = (Path(storage.path(path)) for finder in get_finders() for path, storage in finder.list([]))
    state = "\n".join(f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in found)
    digest = hashlib.sha256(state.encode()).hexdigest()
    stamp = Path(settings.STATIC_ROOT).with_suffix(".collected")
    if not stamp.exists() or stamp.read_text() != digest:
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        stamp.write_text(digest)


@contextmanager
def _only_one(var: Path, url: str) -> Iterator[None]:
    """Hold the lock on the folder: two schedulers on one database would start every job twice.

    Raise CommandError, naming the address of the other stack, if it is taken.
    """
    var.mkdir(parents=True, exist_ok=True)
    with (var / "stack.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise CommandError(
                f"Kontor is already running from this folder, at {file.read()}. Stop it first, "
                "or choose another folder for the data: KONTOR_VAR=/some/other/folder"
            ) from error
        file.truncate(0)
        file.write(url)
        file.flush()
        yield


def _address(host: str) -> str:
    """Return the address at which a client on this machine reaches a server that listens on `host`."""
    return "127.0.0.1" if host in ("", "0.0.0.0") else host  # noqa: S104 - compared, not bound


def _refuse_used_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another: PORT=8001 make run"
            ) from error
