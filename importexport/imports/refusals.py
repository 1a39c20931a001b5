"""Changes of a sync that would wait, but that an import does not ask for: they are refused by their place."""

from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.queries.policies import current_policy, initiator_of, may_wait
from importexport.imports.approvals import FactsOf
from importexport.imports.entries import Entry


class Refusals:
    """Refuses what the policy of a kind makes wait. Entries call its paths as the documents of the kind do."""

    def __init__(self, *, kind: str, actor: Actor, facts: FactsOf) -> None:
        self._kind = kind
        self._actor = actor
        self._facts = facts

    def refuse(self, changed: Mapping[int, tuple[Entry, Collection[str]]]) -> None:
        """Add faults to entries, by subject, that change these paths and may not. The subjects must be locked."""
        if not changed:
            return
        policy = current_policy(self._kind)
        if not may_wait(self._actor, policy):
            return
        facts = self._facts(list(changed), policy, initiator_of(self._actor, policy))
        for subject_id, (entry, paths) in changed.items():
            requirement = policy.requirement(paths, flagged=(), facts=facts[subject_id])
            for path in sorted(requirement.paths):
                entry.refuse(path, _("Somebody else has to approve this change, which an import does not ask for."))
