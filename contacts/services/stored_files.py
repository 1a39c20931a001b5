"""Stored files come and go with the transaction that says so."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.models import PendingFileDeletion
from core.errors import ServiceUnavailable

log = structlog.get_logger("kontor.files")

# Longer than any request takes to store a file and to commit the row that names it.
STORING_TAKES = timedelta(hours=1)


@contextmanager
def storage_reached() -> Iterator[None]:
    """Around what reads from or writes to the storage. Raises ServiceUnavailable for whatever the storage raises."""
    try:
        yield
    except Exception as error:
        log.warning("storage_unavailable", exc_info=error)
        raise ServiceUnavailable(_("The storage cannot be reached right now; try again.")) from error


@contextmanager
def storing(*names: str) -> Iterator[None]:
    """Around the transaction that stores files and commits the rows that name them, which calls `keep_files`.

    Notes the names before, in a transaction of its own: a file whose transaction was rolled back, or whose process
    died, has no row, so nobody else would ever find it. Beat deletes it then.
    """
    due = timezone.now() + STORING_TAKES
    PendingFileDeletion.objects.bulk_create(PendingFileDeletion(name=name, since=due) for name in names)
    try:
        yield
    except BaseException:
        with suppress(DatabaseError):
            PendingFileDeletion.objects.filter(name__in=names).update(since=timezone.now())
        raise


def keep_files(*names: str) -> None:
    """In the transaction whose rows name the files: they stay. Raises ServiceUnavailable where one was given up."""
    if PendingFileDeletion.objects.filter(name__in=names).delete()[0] != len(names):
        raise ServiceUnavailable(_("The storage cannot be reached right now; try again."))


def discard_file(name: str) -> None:
    """Delete a file once the transaction is committed; if the storage cannot be reached then, beat tries again."""
    PendingFileDeletion.objects.get_or_create(name=name)
    transaction.on_commit(lambda: delete_file(name), robust=True)


def delete_file(name: str) -> None:
    """Delete an obsolete file; harmless when it is gone. Raises what the storage raises, and keeps the file noted.

    Locks the note, so that a file that is kept at the same moment either stays or is refused.
    """
    with transaction.atomic():
        if PendingFileDeletion.objects.filter(name=name).delete()[0]:
            default_storage.delete(name)
