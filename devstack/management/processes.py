"""The processes of a running stack, and the log that collects their output."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

from devstack.embedded import launch

_FILE_BYTES = 10_000_000
_FILES = 3
_KILLED_SECONDS = 5
_COLOURS = {"stack": 37, "web": 36, "worker": 32, "beat": 33, "db": 34, "queue": 35}


class _PrefixFormatter(logging.Formatter):
    """Formats a line as `source | line`, with the source in colour on a terminal."""

    def __init__(self, *, coloured: bool) -> None:
        super().__init__()
        self._coloured = coloured

    def format(self, record: logging.LogRecord) -> str:
        source = record.name.rpartition(".")[2]
        prefix = f"{source:>6} |"
        if self._coloured:
            prefix = f"\033[{_COLOURS.get(source, 37)}m{prefix}\033[0m"
        return f"{prefix} {record.getMessage()}"


class Log:
    """The common log, on the terminal and in a rotated file. Safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        terminal = logging.StreamHandler(sys.stdout)
        terminal.setFormatter(_PrefixFormatter(coloured=sys.stdout.isatty()))
        file = RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8")
        file.setFormatter(_PrefixFormatter(coloured=False))
        # Not one of the project's loggers, because the processes have formatted these lines already.
        self._logger = logging.Logger("stack", logging.INFO)
        self._handlers: list[logging.Handler] = [terminal, file]

    def write(self, source: str, text: str) -> None:
        """Write each line of the text, prefixed with its source."""
        for line in text.splitlines():
            record = self._logger.makeRecord(f"stack.{source}", logging.INFO, "", 0, line.rstrip(), (), None)
            for handler in self._handlers:
                handler.handle(record)


@dataclass
class Child:
    """A process of the stack, in its own session, so that Ctrl-C on the terminal does not reach it directly."""

    name: str
    argv: Sequence[str]
    log: Log
    environment: Mapping[str, str]
    directory: Path
    stop_seconds: float = 20

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own programs
            launch.command(self.argv, death_signal=signal.SIGTERM),
            cwd=self.directory,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._copy_output, name=f"output of {self.name}", daemon=True)
        self._reader.start()

    def exit_status(self) -> str | None:
        """Return how the process ended (`exit code 1`, `SIGKILL`), or None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def stop(self, hurry: threading.Event) -> None:
        """Terminate the process, wait for it, then kill what is left of its session. `hurry` ends the wait."""
        self._process.terminate()
        deadline = time.monotonic() + self.stop_seconds
        while self._process.poll() is None and time.monotonic() < deadline and not hurry.wait(0.05):
            pass
        # The process may have left children behind in its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(_KILLED_SECONDS)
        self._reader.join(_KILLED_SECONDS)

    def _copy_output(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self.log.write(self.name, line)


class Follower:
    """Copies new lines of a server's log file to the common log."""

    def __init__(self, name: str, path: Path, log: Log) -> None:
        self._name, self._path, self._log = name, path, log
        self._position = path.stat().st_size if path.exists() else 0

    def copy(self) -> None:
        """Copy the lines that were completed since the last call."""
        if not self._path.exists():
            return
        if self._path.stat().st_size < self._position:
            self._position = 0
        with self._path.open("rb") as file:
            file.seek(self._position)
            text, newline, _ = file.read().rpartition(b"\n")
        self._position += len(text) + len(newline)
        self._log.write(self._name, text.decode(errors="replace"))
