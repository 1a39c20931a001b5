"""Stored files come and go with the transaction that says so."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext as _

from contacts.models import ObsoleteFile
from core.errors import ServiceUnavailable

log = structlog.get_logger("kontor.files")


@contextmanager
def storage_reached() -> Iterator[None]:
    """Around what reads from or writes to the storage. Raises ServiceUnavailable for whatever the storage raises."""
    try:
        yield
    except Exception as error:
        log.warning("storage_unavailable", exc_info=error)
        raise ServiceUnavailable(_("The storage cannot be reached right now; try again.")) from error


def discard_file(name: str) -> None:
    """Delete a file once the transaction is committed; if the storage cannot be reached then, beat tries again."""
    ObsoleteFile.objects.get_or_create(name=name)
    transaction.on_commit(lambda: delete_file(name), robust=True)


def delete_file(name: str) -> None:
    """Delete a discarded file; harmless when it is gone. Raises what the storage raises, and keeps the file noted."""
    default_storage.delete(name)
    ObsoleteFile.objects.filter(name=name).delete()
