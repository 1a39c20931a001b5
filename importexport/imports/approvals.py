"""Which changes of a sync have to be approved: the same as if they were made one by one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from accounts.actor import Actor, ActorKind
from changerequests.models import RequestSubject
from changerequests.policies import Facts, Initiator, KindPolicy, Requirement
from changerequests.queries.policies import binding_policy, current_policy, initiator_of, may_wait
from changerequests.services.opening import open_already
from contacts.kinds.creation import CreationKind
from contacts.models import CONTACT_DETAILS
from contacts.plans import required_for
from core.documents import Change, Document, changes_between
from importexport.imports.entries import Entry, Waiting
from schemas.queries import current_schema

Item = TypeVar("Item")
FactsOf = Callable[[Collection[int], KindPolicy, Initiator], Mapping[int, Facts]]


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
    """Asks the policy of a kind about the changes of a sync's entries."""

    def __init__(self, *, kind: str, schema_key: str, actor: Actor, facts: FactsOf) -> None:
        self._kind = kind
        self._schema_key = schema_key
        self._actor = actor
        self._facts = facts

    def require(self, asked: Mapping[int, tuple[Entry, Sequence[Change]]]) -> None:
        """Set `waiting` of the entries, by subject, whose changes must be approved.

        Refuses those whose subject has an open request. The subjects must be locked. Follows today's policy and the
        flags of today's schema, even if the sync began under an earlier one.
        """
        if not asked or not self._is_concerned():
            return
        policy = current_policy(self._kind)
        if not may_wait(self._actor, policy):
            return
        schema = current_schema(self._schema_key)
        facts = self._facts(list(asked), policy, initiator_of(self._actor, policy))
        for subject_id, (entry, changes) in asked.items():
            requirement = required_for(schema, [change.path for change in changes], policy, facts[subject_id])
            if requirement:
                entry.waiting = Waiting(subject_id, changes, requirement)
        self._refuse_those_with_open_requests([entry for entry, _changes in asked.values()])

    def _is_concerned(self) -> bool:
        """Return whether the actor's changes can wait at all. Applications never wait for a contact's details."""
        if self._actor.kind is ActorKind.APP:
            return self._kind != CONTACT_DETAILS
        return self._actor.is_member or self._actor.is_operator

    def _refuse_those_with_open_requests(self, entries: Sequence[Entry]) -> None:
        waiting = {entry.waiting.subject_id: entry for entry in entries if entry.waiting is not None}
        subjects = RequestSubject.objects.filter(kind=self._kind, subject_id__in=list(waiting), is_open=True)
        for subject_id, request_id in subjects.values_list("subject_id", "request"):
            waiting[subject_id].refuse_as(open_already(request_id))
