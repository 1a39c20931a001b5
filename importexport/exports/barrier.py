"""Keeps an export from reading a person while that person is being anonymized."""

from django.db import connection, transaction

# The advisory lock's number: arbitrary, and used for nothing else.
_LOCK = 0x4B4F_4558


def close_until_commit() -> None:
    """Exports that start now wait for the end of this transaction, and so does another one that closes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def await_open() -> None:
    """Returns once every transaction has ended that had closed the barrier by now."""
    with transaction.atomic():
        close_until_commit()
