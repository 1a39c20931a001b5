"""Makes the blocking keys of contacts, in batches and in the background."""

from collections.abc import Callable, Sequence

from django.db import connection, transaction

from contacts.models import Contact
from matching.keys import stored_keys
from matching.models import MatchingKeys
from matching.queries import current_reading, outdated
from matching.reading import Reading

BATCH = 500


def make_keys(after_batch: Callable[[], object] = lambda: None) -> int:
    """Make the keys that are missing or made of other fields; return of how many contacts.

    One short transaction per batch, which locks its rows of keys and leaves out those that another one has locked.
    """
    made = 0
    while batch := _made_batch(current_reading()):
        made += batch
        after_batch()
    return made


def make_keys_of(contact_ids: Sequence[int]) -> None:
    """Make the keys of contacts that the caller's transaction has created."""
    _make(contact_ids, current_reading())


@transaction.atomic
def _made_batch(reading: Reading) -> int:
    rows = MatchingKeys.objects.filter(outdated(reading.version)).select_for_update(skip_locked=True)
    return _make(list(rows.order_by("contact_id").values_list("contact_id", flat=True)[:BATCH]), reading)


def _make(ids: Sequence[int], reading: Reading) -> int:
    # The rows are locked: who changes details now waits, and empties the keys again.
    version = reading.version
    documents = Contact.objects.filter(pk__in=ids).values_list("pk", "details")
    values = [(stored_keys(reading.person(details)), version, pk) for pk, details in documents]
    if values:
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE matching_matchingkeys SET keys = %s, made_by = %s WHERE contact_id = %s", values)
    return len(values)
