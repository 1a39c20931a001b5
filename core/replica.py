"""Reading from a replica of the database (REPLICA_URL), never staler than what was committed when the reading began.

A function that only reads is decorated with `on_replica`. Before it runs, the replica must have replayed all that the
primary had committed by then: so a caller finds its own last write, whatever process has made it, and nobody sees what
was closed to it before. A replica that has not come so far, does not answer or is none any longer is left out, and the
primary answers. Writes, locks and whatever runs in a transaction of the primary stay there.
"""

import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from psycopg.errors import QueryCanceled

REPLICA = "replica"
# As long a reader waits for the replica, and it is left alone after it was too slow, or did not answer.
PATIENCE_SECONDS = 0.05
LEFT_ALONE_SECONDS = {"behind": 1.0, "unusable": 10.0}
_POLL_SECONDS = 0.005
# Whatever was committed is flushed.
_COMMITTED = "SELECT pg_current_wal_flush_lsn()::text"
_HAS_COME_TO = "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= %s::pg_lsn"

log = structlog.get_logger("kontor.replica")
P = ParamSpec("P")
R = TypeVar("R")
_alias: ContextVar[str] = ContextVar("alias", default=DEFAULT_DB_ALIAS)


class Router:
    """Sends what is read on behalf of `on_replica` to the replica, and everything else to the primary."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        # Compiled schemas are kept by the revision that the primary names, which may be younger.
        return DEFAULT_DB_ALIAS if model._meta.app_label == "schemas" else reading_alias()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS


def reading_alias() -> str:
    """Return the alias of the connection to read from now."""
    return DEFAULT_DB_ALIAS if connection.in_atomic_block else _alias.get()


def on_replica(read: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that only reads, and returns what it has read: it runs on the replica where it can.

    If the replica fails meanwhile, it runs again on the primary.
    """

    @wraps(read)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if not is_configured() or connection.in_atomic_block or not _replica.has_caught_up():
            return read(*args, **kwargs)
        token = _alias.set(REPLICA)
        try:
            return read(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            if not is_failure(error):
                raise
            log.warning("replica_failed", cause=type(error.__cause__).__name__)
        finally:
            _alias.reset(token)
        return read(*args, **kwargs)

    return run


def is_configured() -> bool:
    return REPLICA in settings.DATABASES


def is_failure(error: BaseException | None) -> bool:
    """Return whether the error is the replica's, and the primary might answer instead."""
    if _alias.get() != REPLICA or not isinstance(error, OperationalError | InterfaceError):
        return False
    return not isinstance(error.__cause__, QueryCanceled)


def raise_failure(errors: Iterable[BaseException | None]) -> None:
    """Raise the first of the errors that is the replica's, for `on_replica`, where another library has caught it."""
    for error in errors:
        if error is not None and is_failure(error):
            raise error


class _Replica:
    """What this process knows about the replica."""

    def __init__(self) -> None:
        self._left_alone_until = 0.0

    def has_caught_up(self) -> bool:
        """Return whether the replica shows all that has been committed. Waits for it for `PATIENCE_SECONDS`."""
        if time.monotonic() < self._left_alone_until:
            return False
        with connection.cursor() as cursor:
            cursor.execute(_COMMITTED)
            [committed] = cursor.fetchone()
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while not self._has_come_to(committed):
                if time.monotonic() > deadline:
                    self._leave_alone("behind")
                    return False
                time.sleep(_POLL_SECONDS)
        except (OperationalError, InterfaceError):
            connections[REPLICA].close()
            self._leave_alone("unusable")
            return False
        return True

    def _has_come_to(self, position: str) -> bool:
        with connections[REPLICA].cursor() as cursor:
            cursor.execute(_HAS_COME_TO, [position])
            is_replica, is_there = cursor.fetchone()
        if not is_replica:
            raise OperationalError("It is a primary itself, and goes its own way.")
        return bool(is_there)

    def _leave_alone(self, why: str) -> None:
        log.warning("replica_left_alone", why=why)
        self._left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS[why]


_replica = _Replica()
