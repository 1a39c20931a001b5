"""What `contacts.duplicates` asks when a contact is created or changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import connection

from accounts.actor import Actor
from contacts.duplicates import Duplicate
from matching.keys import stored_keys
from matching.pairs import distinguish, forget_pairs
from matching.queries import MOST, alike, current_reading
from matching.scoring import Verdict
from matching.services import make_keys_of

# In order: who writes two similar people at once never waits for the other while that one waits for it.
_LOCK = "SELECT pg_advisory_xact_lock(key) FROM (SELECT unnest(%s::bigint[]) AS key ORDER BY key OFFSET 0) AS sorted"


class WrittenDuplicates:
    """Compares what is written with the contacts that the actor sees."""

    def wait(self, details: Mapping[str, Any]) -> None:
        """Take an advisory lock per blocking key until the transaction ends."""
        keys = stored_keys(current_reading().person(details))
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [keys])

    def found(
        self,
        *,
        actor: Actor,
        details: Mapping[str, Any],
        contact_id: int | None,
        before: Mapping[str, Any] | None,
    ) -> Sequence[Duplicate]:
        candidates = alike(actor=actor, details=details, contact_id=contact_id, before=before)
        return [
            Duplicate(one.contact, one.match.score, one.match.verdict is Verdict.PROBABLE, one.match.reasons)
            for one in candidates[:MOST]
        ]

    def written(self, contact_id: int) -> None:
        make_keys_of([contact_id])

    def distinguish(self, *, actor: Actor, contact_id: int, others: Sequence[Duplicate], reason: str) -> None:
        distinguish(
            actor=actor,
            pairs={(contact_id, other.contact.pk): other.score for other in others},
            reason=reason,
        )

    def paths(self) -> Sequence[str]:
        return current_reading().paths

    def forget(self, contact_ids: Collection[int]) -> None:
        forget_pairs(contact_ids)
