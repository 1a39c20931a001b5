"""Examines the database: connection, version, encoding, extensions, privileges, clock and migrations."""

import time
from collections.abc import Iterator

import psycopg
from django.conf import settings
from django.db import DatabaseError

from core import replica
from importexport.graphql.indexes import missing_indexes
from operations import privileges, probes
from operations.doctor.findings import Finding, error, ok, warning

OLDEST = 16
CLOCK_SECONDS = 2.0
BEHIND_BYTES = 16 * 2**20
EXTENSIONS = ("pg_trgm",)


def examine_database() -> Iterator[Finding]:
    """Connect, then examine version, encoding and collation, extensions, privileges, search indexes and clock."""
    try:
        with probes.database() as own:
            yield from _version(own)
            yield from _text(own)
            yield from _extensions(own)
            yield from _privileges(own)
            yield from _search_indexes()
            yield from _clock(own)
    except psycopg.Error as problem:
        yield error(
            f"PostgreSQL cannot be used: {described(problem)}",
            "Check DATABASE_URL (host, port, user, password, database), and that the server runs and lets us in.",
        )


def described(problem: psycopg.Error) -> str:
    """Return the first line of the error, which names hosts and users but no password."""
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]


def _version(own: psycopg.Connection) -> Iterator[Finding]:
    version = own.info.server_version
    text = f"PostgreSQL {version // 10_000}.{version % 10_000}"
    if version // 10_000 < OLDEST:
        yield error(f"{text} is too old", f"Upgrade the server to PostgreSQL {OLDEST} or newer.")
    else:
        yield ok(text)


def _text(own: psycopg.Connection) -> Iterator[Finding]:
    row = own.execute(
        """
        SELECT pg_encoding_to_char(encoding), datcollversion,
            pg_database_collation_actual_version(oid), coalesce(datlocale, datcollate)
        FROM pg_database WHERE datname = current_database()
        """
        if own.info.server_version >= 170_000
        else """
        SELECT pg_encoding_to_char(encoding), datcollversion,
            pg_database_collation_actual_version(oid), coalesce(daticulocale, datcollate)
        FROM pg_database WHERE datname = current_database()
        """
    ).fetchone()
    assert row is not None  # noqa: S101 - the current database always exists
    encoding, recorded, actual, collation = row
    if encoding == "UTF8":
        yield ok(f"encoding UTF8, collation {collation}")
    else:
        yield error(
            f"The encoding is {encoding}, which cannot hold every name",
            "Restore a backup into a new one: CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.",
        )
    if recorded != actual:
        yield error(
            f"The collation is of version {recorded}, the operating system has {actual}: indexes of texts may be wrong",
            "REINDEX DATABASE, then ALTER DATABASE ... REFRESH COLLATION VERSION.",
        )


def _extensions(own: psycopg.Connection) -> Iterator[Finding]:
    installed = {name for (name,) in own.execute("SELECT extname FROM pg_extension")}
    available = {name for (name,) in own.execute("SELECT name FROM pg_available_extensions")}
    for name in EXTENSIONS:
        if name in installed:
            yield ok(f"extension {name}")
        elif name in available:
            yield error(
                f"The extension {name} is not installed",
                f"manage.py migrate installs it; where the role may not, an administrator: CREATE EXTENSION {name}",
            )
        else:
            yield error(
                f"The server does not have the extension {name}", "Install PostgreSQL's contrib package on its host."
            )


def _privileges(own: psycopg.Connection) -> Iterator[Finding]:
    """Compare the privileges of the role with `operations.privileges`.

    A role that owns the tables lacks nothing, and can switch off every trigger. In the embedded profile that is meant.
    """
    row = own.execute(
        "SELECT current_user, rolsuper, has_schema_privilege('public', 'CREATE'),"
        " EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        "          AND pg_has_role(relowner, 'USAGE'))"
        " FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert row is not None  # noqa: S101 - the current role always exists
    role, is_superuser, may_create, is_owner = row
    if is_superuser or is_owner or may_create:
        if settings.EMBEDDED:
            yield ok(f"{role} owns the tables and runs Kontor, as the embedded profile does")
        else:
            what = (
                "is a superuser of the server" if is_superuser else "owns tables" if is_owner else "may create tables"
            )
            yield warning(
                f"{role} {what}, so its password opens everything that the database refuses to others",
                "Let one role own the tables and another one run Kontor: docs/upgrade.md.",
            )
    needed, present = privileges.needed_privileges(), privileges.present_privileges(own)
    existing = {name for (name,) in own.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    missing = sorted({table for table, _privilege, _column in needed - present} & existing)
    excess = sorted({f"{privilege} on {table}" for table, privilege, _column in present - needed})
    remedy = f"As the owner of the tables: manage.py grant_privileges {role}"
    if missing:
        yield error(f"{role} lacks privileges on {len(missing)} tables: {', '.join(missing[:5])}", remedy)
    if excess and not (is_superuser or is_owner):
        yield warning(f"{role} has {len(excess)} privileges that it does not need: {', '.join(excess[:5])}", remedy)
    if not (missing or excess):
        yield ok(f"privileges of {role}")


def _search_indexes() -> Iterator[Finding]:
    try:
        missing = missing_indexes()
    except DatabaseError as problem:
        yield error(f"The search indexes are not known: {type(problem).__name__}", "See the migrations.")
        return
    if missing:
        yield warning(
            f"{len(missing)} search indexes are missing, so filters of these texts are slow",
            "As the owner of the tables: manage.py search_indexes",
        )


def _clock(own: psycopg.Connection) -> Iterator[Finding]:
    before = time.time()
    row = own.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    after = time.time()
    assert row is not None  # noqa: S101 - a query without a table returns one row
    yield from clock("the database", row[0], before, after)


def clock(whose: str, shown: float, before: float, after: float) -> Iterator[Finding]:
    """Compare a remote clock, read between the local times `before` and `after`."""
    difference = max(before - shown, shown - after, 0.0)
    if difference > CLOCK_SECONDS:
        yield error(
            f"The clock of {whose} is {difference:.1f} seconds off from this host's",
            "Let both follow a time server (chrony, systemd-timesyncd): tokens and keys expire by the clock.",
        )
    else:
        yield ok(f"clock of {whose}")


def examine_replica() -> Iterator[Finding]:
    """Where one is configured, check that it is a replica, and how far it is behind."""
    if not replica.is_configured():
        return
    try:
        with probes.database() as primary, probes.database(alias=replica.REPLICA) as own:
            row = own.execute("SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn()::text").fetchone()
            assert row is not None  # noqa: S101 - a query without a table returns one row
            is_replica, position = row
            if not is_replica:
                yield error("The server of REPLICA_URL is not a replica, and is not used", "Let it follow the primary.")
                return
            row = primary.execute("SELECT pg_current_wal_flush_lsn() - %s::pg_lsn", [position]).fetchone()
            assert row is not None  # noqa: S101
    except psycopg.Error as problem:
        yield warning(
            f"The replica cannot be used, so the primary answers: {described(problem)}",
            "Check REPLICA_URL (host, port, user, password, database), and that the server runs and lets us in.",
        )
        return
    if row[0] > BEHIND_BYTES:
        yield warning(
            f"The replica is {row[0] // 2**20} MiB of the write-ahead log behind, so the primary answers",
            "See pg_stat_replication on the primary, and the log of the replica.",
        )
    else:
        yield ok("replica")


def examine_migrations() -> Iterator[Finding]:
    """Check that all migrations are applied."""
    try:
        missing = probes.missing_migrations()
    except psycopg.Error as problem:
        yield error(f"Not known: {described(problem)}", "See the database.")
        return
    if missing:
        yield error(f"{len(missing)} migrations are not applied: {', '.join(missing[:5])}", "Run manage.py migrate.")
    else:
        yield ok("all migrations are applied")
