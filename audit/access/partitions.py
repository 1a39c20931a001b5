"""The monthly partitions of the access log: made ahead, and dropped when they are older than the retention."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection
from psycopg import sql

PREFIX = "audit_access_"

_PARTITIONS = """
    SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
     WHERE inhparent = 'public.audit_access'::regclass ORDER BY child.relname
"""
_IS_OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'public.audit_access'::regclass"


@dataclass(frozen=True, slots=True)
class Partition:
    """A month of the log."""

    name: str

    @property
    def month(self) -> date:
        return datetime.strptime(self.name.removeprefix(PREFIX), "%Y%m").replace(tzinfo=UTC).date()


def partitions() -> list[Partition]:
    """Return the partitions that there are, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS)
        return [Partition(name) for (name,) in cursor.fetchall()]


def make_partitions() -> int:
    """Make the partitions of this month and the next three, where they are missing; return how many were made.

    Any role may: a function of the table's owner does it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.audit_make_access_partitions()")
        (made,) = cursor.fetchone()
    return int(made)


def old_partitions(*, months: int, today: date | None = None) -> list[Partition]:
    """Return the partitions whose last row is older than so many months; none if the log is kept for good (0)."""
    if not months:
        return []
    now = today or datetime.now(UTC).date()
    year, month = divmod(now.year * 12 + now.month - 1 - months, 12)
    return [part for part in partitions() if part.month < date(year, month + 1, 1)]


def may_drop() -> bool:
    """Return whether the current role owns the log: the role that runs Kontor owns nothing where there are two."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_OWNER)
        (is_owner,) = cursor.fetchone()
    return bool(is_owner)


def drop_old_partitions(*, months: int) -> list[str]:
    """Drop the partitions that are older than so many months, and return their names. The current role must own them.

    Runs outside of a transaction, and blocks nobody who reads or writes the others.
    """
    dropped = []
    for part in old_partitions(months=months):
        name = sql.Identifier("public", part.name)
        with connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("ALTER TABLE public.audit_access DETACH PARTITION {} CONCURRENTLY").format(name).as_string()
            )
            cursor.execute(sql.SQL("DROP TABLE {}").format(name).as_string())
        dropped.append(part.name)
    return dropped
