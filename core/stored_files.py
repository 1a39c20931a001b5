"""Keeps stored files in step with the transactions that add and remove them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog
from django.core.files.storage import default_storage
from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import ServiceUnavailable
from core.models import PendingFileDeletion

log = structlog.get_logger("kontor.files")

# Longer than any request takes to store a file and commit its row.
STORING_TAKES = timedelta(hours=1)


@contextmanager
def storage_reached() -> Iterator[None]:
    """Context for access to the storage. Turns every exception of the storage into ServiceUnavailable."""
    try:
        yield
    except Exception as error:
        log.warning("storage_unavailable", exc_info=error)
        raise ServiceUnavailable(_("The storage cannot be reached right now; try again.")) from error


@contextmanager
def storing(*names: str) -> Iterator[None]:
    """Context for the transaction that stores files and commits their rows; that transaction calls `keep_files`.

    First registers the files for deletion, in a transaction of its own: if the other one rolls back or the process
    dies, a file has no row and nothing else would find it. Beat then deletes it.
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
    """Keep the files; call it in the transaction that writes their rows. Raises ServiceUnavailable if one is gone."""
    if PendingFileDeletion.objects.filter(name__in=names).delete()[0] != len(names):
        raise ServiceUnavailable(_("The storage cannot be reached right now; try again."))


def discard_file(name: str) -> None:
    """Delete a file after the commit; if the storage is unavailable then, beat retries."""
    PendingFileDeletion.objects.get_or_create(name=name)
    transaction.on_commit(lambda: delete_file(name), robust=True)


def delete_file(name: str) -> None:
    """Delete an obsolete file; do nothing if it is gone. If the storage fails, raises its error, and beat retries.

    Locks the entry, so that a concurrent `keep_files` either keeps the file or fails.
    """
    with transaction.atomic():
        if PendingFileDeletion.objects.filter(name=name).delete()[0]:
            default_storage.delete(name)
