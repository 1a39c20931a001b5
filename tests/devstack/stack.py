"""A stack in a process of its own, for tests that need all of it."""

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
Eventually = Callable[[Callable[[], object], str], None]


def _hear_interrupts() -> None:
    """As in a terminal: what a shell starts in the background ignores them, and so do the tests in it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class RunningStack:
    """A stack in a process of its own, its output in a file."""

    def __init__(
        self, var: Path, environment: dict[str, str], eventually: Eventually, *, options: Sequence[str] = ("--no-demo",)
    ) -> None:
        self._eventually = eventually
        self._output = var.with_suffix(".output")
        self.port = free_port()
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "runstack", *options, "--port", str(self.port)],
                cwd=ROOT,
                env={**environment, "WEB_CONCURRENCY": "1", "CELERY_CONCURRENCY": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_hear_interrupts,
            )
        self._eventually(lambda: "Ctrl-C stops" in self.output or self._process.poll() is not None, "not up")
        assert self._process.poll() is None, self.output
        self.descendants = psutil.Process(self._process.pid).children(recursive=True)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def status_of(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        return connection.getresponse().status

    def part(self, word: str) -> psutil.Process:
        """The first process on whose command line the word stands."""
        return next(process for process in self.descendants if word in process.cmdline())

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_code(self) -> int:
        return self._process.wait(120)

    def left_behind(self) -> list[psutil.Process]:
        return [process for process in self.descendants if process.is_running()]

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
