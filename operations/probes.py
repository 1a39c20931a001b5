"""Probes of the servers that Kontor needs. A probe raises if its server does not work."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from uuid import uuid4

import psycopg
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import DEFAULT_DB_ALIAS
from django.db.migrations.loader import MigrationLoader
from redis import Redis

from core import valkey
from core.own_connections import parameters_of

SECONDS = 2
PROBE_FOLDER = "probes"


class UnusableError(Exception):
    """A server answers but is unusable. The message is for operators, never for callers."""


@contextmanager
def database(seconds: int = SECONDS, *, alias: str = DEFAULT_DB_ALIAS) -> Iterator[psycopg.Connection]:
    """Open a separate connection with a time limit, and a transaction on it that ends with the block.

    Its address and options are those of Kontor's own connections, with several hosts too. Raise psycopg.Error if none
    of the hosts can be used, or an answer takes longer than `seconds`.
    """
    with psycopg.connect(**parameters_of(alias=alias, seconds=seconds)) as own:
        # Not among the options of the connection, which a pooler refuses.
        own.execute(f"SET LOCAL statement_timeout = '{seconds}s'")
        yield own


def probe_database() -> None:
    """Probe the database. Raise psycopg.Error, or UnusableError where nothing can be written."""
    with database() as own:
        if own.execute("SHOW transaction_read_only").fetchone() != ("off",):
            raise UnusableError("The database takes no writes: it is a standby, or was set to read only.")


def probe_migrations() -> None:
    """Raise UnusableError if a migration of this code is unapplied. Migrations of newer code do not matter."""
    if missing := missing_migrations():
        raise UnusableError(f"{len(missing)} migrations are not applied: {', '.join(missing)}")


def missing_migrations() -> list[str]:
    """Return the unapplied migrations of this code as `app.name`. Raise psycopg.Error."""
    with database() as own:
        if own.execute("SELECT to_regclass('django_migrations') IS NULL").fetchone() == (True,):
            return [f"{app}.{name}" for app, name in sorted(_migrations_on_disk())]
        applied = {(app, name) for app, name in own.execute("SELECT app, name FROM django_migrations")}
    return [f"{app}.{name}" for app, name in sorted(_migrations_on_disk() - applied)]


@cache
def _migrations_on_disk() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


@contextmanager
def redis(seconds: float = SECONDS) -> Iterator[Redis]:
    """Open a client of the queue and cache server. Its calls raise redis.RedisError."""
    limits = {"socket_connect_timeout": seconds, "socket_timeout": seconds, "retry_on_timeout": False}
    with valkey.client(settings.REDIS_URL, **limits) as client:
        yield client


def probe_queue() -> None:
    """Probe the queue. Raise redis.RedisError."""
    with redis() as client:
        client.ping()


def probe_storage() -> None:
    """Write, read and delete a file. Raise UnusableError, or the error of the storage."""
    content = uuid4().hex.encode()
    name = default_storage.save(f"{PROBE_FOLDER}/{uuid4().hex}", ContentFile(content))
    try:
        with default_storage.open(name) as file:
            if file.read() != content:
                raise UnusableError("The storage gave back something else than what was written.")
    finally:
        default_storage.delete(name)
