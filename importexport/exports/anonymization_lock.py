"""Keeps an export from reading a person while that person is being anonymized."""

from django.db import connection, transaction

# The advisory lock's number: arbitrary, and used for nothing else.
_LOCK = 0x4B4F_4558


def hold_anonymization_lock() -> None:
    """Exports that start now wait for the end of this transaction, and so does another one that takes the lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def wait_for_anonymization() -> None:
    """Returns once every transaction has ended that holds the lock by now."""
    with transaction.atomic():
        hold_anonymization_lock()
