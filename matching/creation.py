"""Refuses to create a contact that is there already, where the caller asks for that."""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from accounts.actor import Actor
from contacts.models import Contact
from core.errors import UnprocessableEntity
from matching.keys import hashed, keys_of
from matching.queries import candidates, current_reading
from matching.scoring import Verdict
from matching.services import make_keys_of

# In order: who creates two similar people at once never waits for the other while that one waits for it.
_LOCK = "SELECT pg_advisory_xact_lock(key) FROM (SELECT unnest(%s::bigint[]) AS key ORDER BY key OFFSET 0) AS sorted"


class CreationDuplicates:
    """What `contacts.duplicates` asks."""

    def refuse(self, *, actor: Actor, details: Mapping[str, Any], level: str) -> None:
        """Raise UnprocessableEntity `ProbableDuplicate` with the ids of contacts that the actor sees.

        Takes an advisory lock per blocking key until the transaction ends.
        """
        keys = sorted(map(hashed, keys_of(current_reading().person(details))))
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [keys])
        refused = {Verdict.PROBABLE} if level == Verdict.PROBABLE.value else {Verdict.PROBABLE, Verdict.POSSIBLE}
        found = [one for one in candidates(actor=actor, details=details) if one.match.verdict in refused]
        if found:
            raise UnprocessableEntity(
                _("There is a contact already that may be the same person."),
                sub_code="ProbableDuplicate",
                properties={"candidates": [str(candidate.contact.pk) for candidate in found]},
            )

    def created(self, contact: Contact) -> None:
        make_keys_of([contact.pk])
