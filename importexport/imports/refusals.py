"""Changes of a sync that would wait, but that an import does not ask for: they are refused by their place."""

from collections.abc import Collection, Iterable, Mapping

from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.policies import names_contact_types
from changerequests.queries.policies import binding_policy, initiator_of, policies_now
from importexport.imports.approvals import FactsOf
from importexport.imports.entries import Entry

TYPE = "contactTypeId"


class Refusals:
    """Refuses what the policy of a kind makes wait. The paths are properties of entries, or all below the one named."""

    def __init__(self, *, kind: str, actor: Actor, facts: FactsOf, place: str | None = None) -> None:
        self._kind = kind
        self._actor = actor
        self._facts = facts
        self._place = place

    def refuse(self, changed: Mapping[int, tuple[Entry, Collection[str]]]) -> None:
        """Add faults to entries, by subject, that change these paths and may not. The subjects must be locked."""
        if not changed:
            return
        policy = binding_policy(self._actor, kind=self._kind)
        if policy is None:
            return
        facts = self._facts(list(changed), policy, initiator_of(self._actor, policy))
        for subject_id, (entry, paths) in changed.items():
            requirement = policy.requirement(paths, flagged=(), facts=facts[subject_id])
            for path in sorted({self._place or path for path in requirement.paths}):
                _refuse(entry, path)


def refuse_types(entries: Iterable[Entry], *, actor: Actor) -> None:
    """Refuse to give contacts another type where rules depend on it: a member could choose the rules that bind it."""
    entries = list(entries)
    if entries and (actor.is_member or actor.is_operator) and names_contact_types(policies_now()[0].values()):
        for entry in entries:
            _refuse(entry, TYPE)


def _refuse(entry: Entry, path: str) -> None:
    entry.refuse(path, _("Somebody else has to approve this change, which an import does not ask for."))
