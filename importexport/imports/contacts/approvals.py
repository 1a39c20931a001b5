"""What of an entry of an existing contact has to be approved: its details, its identity, and who sees it."""

from collections.abc import Mapping

from accounts.actor import Actor
from changerequests.policies import Requirement, Stage, stages_between_types
from changerequests.queries.policies import binding_policies
from contacts.models import CONTACT_ACCESS, CONTACT_DETAILS, CONTACT_IDENTITY, CONTACT_SCHEMA, CONTACT_TYPES
from contacts.services.identity import TYPE
from contacts.snapshots import facts_of_contacts
from importexport.imports.approvals import Approvals, Changes, DetailsApprovals
from schemas.models import ListItem


class IdentityApprovals(Approvals):
    """Asks about identities. A type by which rules of any kind tell contacts apart waits for the stages of these."""

    def __init__(self, *, actor: Actor) -> None:
        super().__init__(kind=CONTACT_IDENTITY, actor=actor, facts=facts_of_contacts)

    def _requirements(self, changes: Changes) -> Mapping[int, Requirement]:
        found = dict(super()._requirements(changes))
        for pk, stages in self._stages_of_types(changes).items():
            own = found.get(pk, Requirement())
            others = sorted(stages.difference(own.stages), key=lambda stage: stage.name)
            found[pk] = Requirement((*own.stages, *others), own.paths | {TYPE}, own.policy_version)
        return found

    def _stages_of_types(self, changes: Changes) -> Mapping[int, set[Stage]]:
        """Return the stages by which the types of these contacts wait, without those whose type does not."""
        retyped = {pk: change for pk, found in changes.items() for change in found if change.path == TYPE}
        policies = binding_policies(self._actor) if retyped else []
        if not policies:
            return {}
        keys = dict(ListItem.objects.filter(list__key=CONTACT_TYPES).values_list("pk", "key"))
        stages = {
            pk: stages_between_types(policies, keys[change.original], keys[change.target])
            for pk, change in retyped.items()
        }
        return {pk: found for pk, found in stages.items() if found}


def contact_approvals(actor: Actor) -> list[Approvals]:
    """Return the approvals of all kinds of changes that an entry of an existing contact may make."""
    return [
        Approvals(kind=CONTACT_ACCESS, actor=actor, facts=facts_of_contacts),
        IdentityApprovals(actor=actor),
        DetailsApprovals(kind=CONTACT_DETAILS, schema_key=CONTACT_SCHEMA, actor=actor, facts=facts_of_contacts),
    ]
