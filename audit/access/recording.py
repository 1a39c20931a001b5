"""Recording who looked, behind the request: a thread of the process writes what its requests leave here.

A request only appends to a list in memory: it waits for nothing, and nothing that goes wrong here makes it fail. The
thread writes once a second with a connection of its own. So a process that is killed loses a second at most, and since
every process has a row with its begin, until when it has written, and its end, what is missing shows as a gap.
"""

import atexit
import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError
from prometheus_client import Counter

from accounts.actor import Actor
from audit.access.models import Door, Way
from audit.access.writing import Seen, begin, end, insert, note
from core.correlation import MAX_LENGTH
from core.own_connections import parameters_of

FLUSH_SECONDS = 1.0
# A process that was shown nothing says this often that nothing is missing.
HEARTBEAT_SECONDS = 10.0
# Rows that a process keeps while it cannot write; of a web server's process at full load, those of some minutes.
MOST_ROWS = 200_000
# As many are written by one statement.
BATCH_ROWS = 10_000
_SECONDS = 5

_LOST = Counter("kontor_access_rows_lost", "Rows of the access log that were dropped, because none could be written.")
_FAILURES = Counter("kontor_access_failures", "Times that the access log could not be written.")

log = structlog.get_logger("kontor.access")


@dataclass(slots=True)
class _Loss:
    since: float
    until: float
    rows: int


class Recorder:
    """What a process has recorded and not written yet, and the thread that writes it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start from nothing: also in the child of a fork, which has neither the thread nor the connection."""
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._waiting: deque[Seen] = deque()
        self._rows = 0
        self._loss: _Loss | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._process_id: int | None = None
        self._began_at = 0.0
        self._noted_at = 0.0
        self._program = ""

    # ---- in requests

    def put(self, seen: Seen) -> None:
        """Leave what was shown to be written. Drops and counts it if too much waits; raises nothing."""
        rows = len(seen.contact_ids)
        with self._lock:
            if self._rows + rows > MOST_ROWS:
                self._lose(seen.at, rows)
            else:
                self._waiting.append(seen)
                self._rows += rows
        if self._thread is None and settings.ACCESS_LOG_IN_BACKGROUND:
            self.start(Path(sys.argv[0]).name if len(sys.argv) < 2 else sys.argv[1])

    def _lose(self, at: float, rows: int) -> None:
        _LOST.inc(rows)
        if self._loss is None:
            self._loss = _Loss(at, at, 0)
        self._loss.until = max(self._loss.until, at)
        self._loss.rows += rows

    # ---- the thread

    def start(self, program: str) -> None:
        """Record the begin of this process, and write from now on. Waits for the database for some seconds at most."""
        with self._starting:
            if self._thread is not None:
                return
            self._program = program[:50]
            self._began_at = time.time()
            thread = threading.Thread(target=self._run, name="access log", daemon=True)
            own = self._connected(None)
            self._thread = thread
            self._own = own
            atexit.register(self.stop)
            thread.start()

    def stop(self) -> None:
        """Write what waits and the end of this process. Called again, does nothing."""
        thread = self._thread
        if thread is None or self._stopping.is_set():
            return
        self._stopping.set()
        thread.join(timeout=2 * _SECONDS)

    def _run(self) -> None:
        own = self._own
        while not self._stopping.wait(FLUSH_SECONDS):
            own = self._written(own)
        own = self._written(own)
        if own is not None and not self._waiting and self._process_id is not None:
            try:
                end(own, self._process_id, time.time())
            except psycopg.Error as error:
                log.warning("access_end_not_written", error=type(error).__name__)
            own.close()

    def _written(self, own: psycopg.Connection | None) -> psycopg.Connection | None:
        """Write what waits, and return the connection; None if it failed: all of it waits for the next time."""
        is_due = time.time() - self._noted_at >= HEARTBEAT_SECONDS
        if not (self._waiting or self._loss or is_due):
            return own
        own = self._connected(own)
        if own is None:
            return None
        try:
            self.flush(own)
        except psycopg.Error as error:
            _FAILURES.inc()
            log.warning("access_log_not_written", error=type(error).__name__, rows=self._rows)
            own.close()
            return None
        return own

    def _connected(self, own: psycopg.Connection | None) -> psycopg.Connection | None:
        """Return the connection, a new one if there is none, with the begin of this process on record; None if not."""
        try:
            if own is None or own.closed:
                own = psycopg.connect(**parameters_of(seconds=_SECONDS), autocommit=True)
            if self._process_id is None:
                self._process_id = begin(
                    own, host=socket.gethostname(), pid=os.getpid(), program=self._program, at=self._began_at
                )
        except (psycopg.Error, DatabaseError) as error:
            _FAILURES.inc()
            log.warning("access_log_unreachable", error=type(error).__name__, rows=self._rows)
            return None
        return own

    def flush(self, own: psycopg.Connection) -> int:
        """Write what waits, and return the number of rows. Raises psycopg.Error; what is not written waits again."""
        written = 0
        while True:
            with self._lock:
                until = time.time()
                batch, rows = self._taken()
                loss, self._loss = self._loss, None
            try:
                with own.transaction():
                    if batch:
                        insert(own, batch, process_id=self._process_id)
                    if self._process_id is not None and not self._waiting:
                        lost = None if loss is None else (loss.since, loss.until, loss.rows)
                        note(own, self._process_id, until, lost=lost)
                        loss = None
            except BaseException:
                with self._lock:
                    self._waiting.extendleft(reversed(batch))
                    self._rows += rows
                    self._merge(loss)
                raise
            with self._lock:
                self._merge(loss)
            self._noted_at = until
            written += rows
            if not self._waiting:
                return written

    def _taken(self) -> tuple[list[Seen], int]:
        """Take what one statement writes."""
        batch: list[Seen] = []
        rows = 0
        while self._waiting and rows < BATCH_ROWS:
            batch.append(self._waiting.popleft())
            rows += len(batch[-1].contact_ids)
        self._rows -= rows
        return batch, rows

    def _merge(self, loss: _Loss | None) -> None:
        if loss is None:
            return
        if self._loss is not None:
            loss = _Loss(
                min(loss.since, self._loss.since), max(loss.until, self._loss.until), loss.rows + self._loss.rows
            )
        self._loss = loss


recorder = Recorder()
os.register_at_fork(after_in_child=recorder.forget)


def current_correlation_id() -> str:
    """Return the correlation id of the log's lines: a body's own is the caller's text about a client."""
    return str(structlog.contextvars.get_contextvars().get("correlation_id", ""))[:MAX_LENGTH]


def looked(actor: Actor | None, contact_ids: Iterable[int], *, way: Way = Way.READ, door: Door = Door.API) -> None:
    """Record that the actor is shown these contacts. Raises nothing, and runs no statement.

    Called where an answer is made of rows. Staff without a member (None) are shown no contact.
    """
    ids = tuple(dict.fromkeys(contact_ids))
    if actor is None or not ids:
        return
    recorder.put(Seen(time.time(), ids, actor, way, door, current_correlation_id()))
