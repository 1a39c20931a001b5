"""Choosing the entries of a contact's history."""

from django.db.models import Q, QuerySet

from audit.models import Entry
from audit.queries import latest_entries
from contacts.models import CONTACT_DETAILS, KINDS_OF_PAIRS, Contact


def timeline(contact: Contact, *, path: str | None = None) -> QuerySet[Entry]:
    """Return the history of a contact and of all that was merged into it, latest first, with what merged them.

    Of a contact that nothing was ever merged into, this is its history. With `path`, only changes to it or below it.
    Runs one query.
    """
    ids = list(Contact.objects.same_as([contact.pk]).order_by("pk").values_list("pk", flat=True))
    merges = Q(kind__in=KINDS_OF_PAIRS, subject_id=contact.pk)
    entries = Entry.objects.filter(Q(kind=CONTACT_DETAILS, subject_id__in=ids) | merges)
    if path is not None:
        entries = entries.filter(paths__contains=[path])
    return _with_reviewers(entries.with_people().select_related("initiator_application")).order_by("-pk")


def latest_history(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[Entry]:
    """Like `latest_entries`, with the change request behind each entry, if any, and its reviewer."""
    return _with_reviewers(latest_entries(kind=CONTACT_DETAILS, subject_id=contact_id, limit=limit, path=path))


def _with_reviewers(entries: QuerySet[Entry]) -> QuerySet[Entry]:
    return entries.select_related("change_request__review_member__user").defer(
        "initiator_contact__details", "change_request__paths"
    )
