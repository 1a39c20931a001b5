"""Prevents exports from reading a person during anonymization."""

from django.db import connection, transaction

# The key of the advisory lock: arbitrary, but unique in this database.
_LOCK = 0x4B4F_4558


def hold_anonymization_lock() -> None:
    """Take the advisory lock until the end of the transaction. Blocks new exports and other holders."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def wait_for_anonymization() -> None:
    """Wait until all transactions that now hold the lock have ended."""
    with transaction.atomic():
        hold_anonymization_lock()
