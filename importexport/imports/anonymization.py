"""Anonymization: what imports hold of a person."""

from collections.abc import Sequence
from uuid import UUID

from contacts.models import ExternalConnection
from importexport.imports.jobs import discard_uploads
from importexport.imports.uploads import key_of
from importexport.models import ImportFailure, ImportFile, ImportKey, ImportKind


def erase_imports(contact_ids: Sequence[int]) -> None:
    """Delete the uploaded files that hold one of the contacts, and what was said of their entries.

    The contacts are found by their external ids, in whatever system: so this runs before those are erased. A sync that
    has such a file fails with its next batch, and says why.
    """
    connections = ExternalConnection.objects.filter(contact__in=contact_ids)
    external_ids = list(connections.values_list("external_id", flat=True))
    keys = [UUID(bytes=key_of(external_id)) for external_id in external_ids]
    holding = ImportKey.objects.filter(key__in=keys).values("file")
    discard_uploads(ImportFile.objects.filter(kind=ImportKind.CONTACTS, pk__in=holding))
    failures = ImportFailure.objects.filter(external_id__in=external_ids)
    failures.update(external_id=None, message="")
