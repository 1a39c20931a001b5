"""Anonymization of imports."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models.functions import Left

from contacts.models import ExternalConnection
from importexport.imports.jobs import discard_uploads
from importexport.imports.uploads import key_of
from importexport.models import (
    FILE_UNAVAILABLE,
    ImportFailure,
    ImportFile,
    ImportJob,
    ImportKey,
    ImportKind,
    WaitingEntry,
)

# A file without what its uploader called it.
NAMELESS: Mapping[str, Any] = {"original_name": "", "name": Left("name", ImportFile.NAMELESS)}


def erase_imports(contact_ids: Sequence[int]) -> None:
    """Delete uploaded files that contain any of the contacts, and clear failures and what waits of their entries.

    Must run before the external ids are erased, because it finds the entries by them, in any system. A running sync of
    such a file fails at its next batch, with a message that gives the reason.
    """
    connections = ExternalConnection.objects.filter(contact__in=contact_ids)
    external_ids = list(connections.values_list("external_id", flat=True))
    keys = [UUID(bytes=key_of(external_id)) for external_id in external_ids]
    holding = ImportKey.objects.filter(key__in=keys).values("file")
    _forget_names()
    discard_uploads(ImportFile.objects.filter(kind=ImportKind.CONTACTS, pk__in=holding), **NAMELESS)
    waiting = WaitingEntry.objects.filter(job__kind=ImportKind.CONTACTS, subject_id__in=contact_ids)
    waiting.update(external_id=None, changes=[], is_erased=True)
    failures = ImportFailure.objects.filter(external_id__in=external_ids)
    failures.update(external_id=None, message="")


def _forget_names() -> None:
    """Erase the names of the files that are gone, and what jobs say of them: nothing says any more who was in them."""
    gone = ImportFile.objects.filter(kind=ImportKind.CONTACTS, is_stored=False).exclude(original_name="")
    gone.update(**NAMELESS)
    ImportJob.objects.filter(kind=ImportKind.CONTACTS, error_code=FILE_UNAVAILABLE).update(error_message="")
