"""A contact's details as they were: today's, with the later entries of the ledger undone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import Any

import orjson
from django.db.models import Min
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.models import Entry
from contacts.models import CONTACT_DETAILS, Contact
from contacts.queries.details import ReadDetails
from core.documents import Document
from core.errors import UnprocessableEntity


@dataclass(frozen=True, slots=True)
class PastDetails:
    """The details of a contact at a moment, and their version then."""

    version: int
    details: Document


def details_as_of(*, contact_id: int, version: int, details: Mapping[str, Any], moment: datetime) -> PastDetails:
    """Return the details at a moment, given those of a version that was read. The caller has checked that it is seen.

    A version counts from the time that the history has for it. Of versions whose transactions overlapped, one that is
    recorded earlier than the one before it counts with that one: so what is returned was the document at some time.

    Runs one query, and two more if there are later versions. Raises UnprocessableEntity: `AsOfInFuture`;
    `AsOfBeforeCreation`; `ContactAnonymized` if the values of that time are erased.
    """
    if moment > timezone.now():
        raise UnprocessableEntity(_("This moment is still to come."), sub_code="AsOfInFuture")
    known = Entry.objects.of(CONTACT_DETAILS, contact_id).filter(sequence__lte=version)
    first = known.filter(recorded_at__gt=moment).aggregate(first=Min("sequence"))["first"]
    if first is None:
        return PastDetails(version, dict(details))
    if first == 1:
        raise UnprocessableEntity(_("The contact did not exist yet at this moment."), sub_code="AsOfBeforeCreation")
    later: Any = known.filter(sequence__gte=first).order_by("-sequence")
    if Contact.objects.filter(pk=contact_id, anonymized_at__isnull=False).exists():
        raise UnprocessableEntity(
            _("The contact was anonymized since: its earlier details are erased."), sub_code="ContactAnonymized"
        )
    found = reduce(lambda document, entry: entry.undone(document), later.only("changes"), dict(details))
    return PastDetails(first - 1, found)


def as_of(read: ReadDetails, moment: datetime) -> ReadDetails:
    """Return details that were read as they were at a moment. Raises like `details_as_of`."""
    found = details_as_of(contact_id=read.id, version=read.version, details=orjson.loads(read.details), moment=moment)
    return replace(read, version=found.version, details=orjson.dumps(found.details).decode())
