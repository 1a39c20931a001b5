"""`runstack` in a separate process, for tests that need the entire stack."""

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
    """Restore the default SIGINT handler: background processes of a shell, such as the tests, may ignore the signal."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class RunningStack:
    """A `runstack` process with its output in a file."""

    def __init__(
        self, var: Path, environment: dict[str, str], eventually: Eventually, *, options: Sequence[str] = ("--no-demo",)
    ) -> None:
        self._eventually = eventually
        self.var = var
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
        """Return the first process that has the word as an argument."""
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
