"""Stored files come and go with the transaction that says so."""

from django.core.files.storage import default_storage
from django.db import transaction

from contacts.models import ObsoleteFile


def discard_file(name: str) -> None:
    """Delete a file once the transaction is committed; if the storage cannot be reached then, beat tries again."""
    ObsoleteFile.objects.get_or_create(name=name)
    transaction.on_commit(lambda: delete_file(name), robust=True)


def delete_file(name: str) -> None:
    """Delete a discarded file; harmless when it is gone. Raises what the storage raises, and keeps the file noted."""
    default_storage.delete(name)
    ObsoleteFile.objects.filter(name=name).delete()
