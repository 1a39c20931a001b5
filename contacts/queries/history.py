"""Choosing the entries of a contact's history."""

from django.db.models import QuerySet

from audit.models import Entry
from audit.queries import latest_entries
from contacts.models import CONTACT_DETAILS


def latest_history(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[Entry]:
    """Like `latest_entries`, with the change request behind each entry, if any, and its reviewer."""
    entries = latest_entries(kind=CONTACT_DETAILS, subject_id=contact_id, limit=limit, path=path)
    return entries.select_related("change_request__review_member__user").defer(
        "initiator_contact__details", "change_request__paths"
    )
