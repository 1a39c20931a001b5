"""Which changes of a sync have to be approved: the same as if they were made one by one."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from accounts.actor import Actor
from changerequests.models import RequestSubject
from changerequests.policies import Facts, Initiator, KindPolicy, Requirement
from changerequests.queries.policies import applicable_policy, binding_policy, initiator_of
from changerequests.services.opening import open_already
from contacts.kinds.creation import CreationKind
from contacts.plans import required_for
from core.documents import Change, Document, changes_between
from importexport.imports.entries import Entry, Waiting
from schemas.queries import current_schema

Item = TypeVar("Item")
# The changes of each subject, by its id.
Changes = Mapping[int, Sequence[Change]]
FactsOf = Callable[[Changes, KindPolicy, Initiator], Mapping[int, Facts]]


class CreationApprovals:
    """Asks the policy of a kind about what a sync's entries would create."""

    def __init__(self, *, kind: CreationKind, actor: Actor) -> None:
        self._kind = kind
        self._actor = actor

    def waiting(
        self, items: Sequence[Item], document: Callable[[Item], Document]
    ) -> list[tuple[Item, Sequence[Change], Requirement]]:
        """Return the items that must be approved, each with its changes and what they wait for.

        `document` is called only if something may have to wait at all.
        """
        policy = binding_policy(self._actor, kind=self._kind.key) if items else None
        if policy is None:
            return []
        documents = [document(item) for item in items]
        changes = [changes_between({}, whole) for whole in documents]
        requirements = self._kind.requirements(
            documents,
            [[change.path for change in found] for found in changes],
            policy=policy,
            initiator=initiator_of(self._actor, policy),
        )
        found = zip(items, changes, requirements, strict=True)
        return [(item, asked, requirement) for item, asked, requirement in found if requirement]


class Approvals:
    """Asks the policy of a kind about the changes that a sync's entries make to subjects of this kind."""

    def __init__(self, *, kind: str, actor: Actor, facts: FactsOf) -> None:
        self.kind = kind
        self._actor = actor
        self._facts = facts

    def require(self, asked: Mapping[int, tuple[Entry, Sequence[Change]]]) -> None:
        """Have the entries wait, by subject, whose changes must be approved, whole.

        Refuses those whose subject has an open request. The subjects must be locked. Follows today's policy, even if
        the sync began under an earlier one.
        """
        changes = {subject_id: changes for subject_id, (_entry, changes) in asked.items() if changes}
        requirements = self._requirements(changes) if changes else {}
        waiting = {subject_id: requirement for subject_id, requirement in requirements.items() if requirement}
        for subject_id, requirement in waiting.items():
            asked[subject_id][0].waiting[self.kind] = Waiting(subject_id, changes[subject_id], requirement)
        for subject_id, request_id in self._open_requests(waiting):
            asked[subject_id][0].refuse_as(open_already(request_id))

    def _requirements(self, changes: Changes) -> Mapping[int, Requirement]:
        """Return what the changes of each subject must wait for."""
        policy = self._policy()
        if policy is None:
            return {}
        facts = self._facts(changes, policy, initiator_of(self._actor, policy))
        return self._required_by(policy, changes, facts)

    def _policy(self) -> KindPolicy | None:
        return binding_policy(self._actor, kind=self.kind)

    def _required_by(
        self, policy: KindPolicy, changes: Changes, facts: Mapping[int, Facts]
    ) -> Mapping[int, Requirement]:
        return {
            pk: policy.requirement([change.path for change in found], flagged=(), facts=facts[pk])
            for pk, found in changes.items()
        }

    def _open_requests(self, waiting: Mapping[int, Requirement]) -> list[tuple[int, int]]:
        """Return subject and request of each open request about what has to wait."""
        if not waiting:
            return []
        subjects = RequestSubject.objects.filter(kind=self.kind, subject_id__in=list(waiting), is_open=True)
        return list(subjects.values_list("subject_id", "request"))


class DetailsApprovals(Approvals):
    """Asks about details that follow a schema, by the flags of its current version."""

    def __init__(self, *, kind: str, schema_key: str, actor: Actor, facts: FactsOf) -> None:
        super().__init__(kind=kind, actor=actor, facts=facts)
        self._schema_key = schema_key

    def _policy(self) -> KindPolicy | None:
        # The addresses of clients who log in wait without a rule, too.
        return applicable_policy(self._actor, kind=self.kind)

    def _required_by(
        self, policy: KindPolicy, changes: Changes, facts: Mapping[int, Facts]
    ) -> Mapping[int, Requirement]:
        schema = current_schema(self._schema_key)
        return {
            pk: required_for(schema, [change.path for change in found], policy, facts[pk])
            for pk, found in changes.items()
        }
