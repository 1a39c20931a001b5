"""Any sequence of changes, merges, unmerges and anonymizations: every id leads somewhere, and nobody sees more."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import Actor, ActorKind, member_actor, system_actor
from contacts.models import Contact, ContactAssignment, ContactParticipant, Merge
from contacts.services.access import AccessChange, change_access
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.errors import NotFound, UnprocessableEntity
from merging.services.merging import merge_contacts
from merging.services.separating import unmerge_contacts
from tests.examples import examples
from tests.fixtures import details
from tests.merging.conftest import everything

SYSTEM = system_actor("tests")
CONTACTS = 4

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

numbers = st.integers(0, CONTACTS - 1)
names = st.sampled_from(["A", "B", None])
sides = st.sampled_from(["own", "other", None])
steps = st.one_of(
    st.tuples(st.just("change"), numbers, st.sampled_from(["firstName", "lastName", "middleName"]), names),
    st.tuples(st.just("give"), numbers, numbers, st.booleans()),
    st.tuples(st.just("merge"), numbers, numbers, sides),
    st.tuples(st.just("merge"), numbers, numbers, sides),
    st.tuples(st.just("unmerge"), numbers, numbers, st.none()),
    st.tuples(st.just("anonymize"), numbers, st.none(), st.none()),
)


class Model:
    """What is to be true, without a database: who answers for each contact, and who sees it."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids
        self.parent: dict[int, int] = {}
        self.anonymous: set[int] = set()

    def root(self, contact: int) -> int:
        while contact in self.parent:
            contact = self.parent[contact]
        return contact

    def same(self, contact: int) -> set[int]:
        return {other for other in self.ids if self.root(other) == self.root(contact)}


class Trial:
    """Contacts, of which each is seen by one member, and their model."""

    def __init__(self, contacts: list[Contact], members: list[Any]) -> None:
        self.ids = [contact.pk for contact in contacts]
        self.members = members
        self.model = Model(self.ids)
        # What each member was given: by itself, or by a merge of what somebody else was given.
        self.sights: dict[int, set[int]] = {}
        self.given = {member.pk: {contact.pk} for member, contact in zip(members, contacts, strict=True)}

    def do(self, step: tuple[str, Any, Any, Any]) -> None:
        """Take a step; one that is refused changes nothing."""
        action, number, with_, how = step
        before = [everything(Contact(pk=pk)) for pk in self.ids]
        is_taken = False
        with suppress(NotFound, UnprocessableEntity), transaction.atomic():
            getattr(self, action)(self.ids[number], with_, how)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            is_taken = True
        if not is_taken:
            assert [everything(Contact(pk=pk)) for pk in self.ids] == before

    def change(self, contact: int, key: str, value: str | None) -> None:
        patch_details(actor=SYSTEM, contact_id=contact, patch={"personalInformation": {key: value}})

    def give(self, contact: int, number: int, is_added: bool) -> None:
        member = self.members[number].pk
        change = AccessChange(**{"added_members" if is_added else "removed_members": frozenset([member])})
        change_access(actor=SYSTEM, wanted={self.model.root(contact): change})
        for one in self.model.same(contact):
            (self.given[member].add if is_added else self.given[member].discard)(one)

    def merge(self, contact: int, number: int, side: str | None) -> None:
        loser = self.ids[number]
        chosen = {"own": contact, "other": loser, None: None}[side]
        document = None if chosen is None else everything(Contact(pk=self.model.root(chosen)))["details"]
        merge_contacts(actor=SYSTEM, survivor_id=contact, loser_id=loser, details=document)
        both = self.model.same(contact) | self.model.same(loser)
        loser = self.model.root(loser)
        self.sights[loser] = {member for member, seen in self.given.items() if loser in seen}
        self.model.parent[loser] = self.model.root(contact)
        for seen in self.given.values():
            if seen & both:
                seen |= both

    def unmerge(self, contact: int, number: int, _how: None) -> None:
        loser = self.ids[number]
        unmerge_contacts(actor=SYSTEM, survivor_id=contact, loser_id=loser)
        del self.model.parent[loser]
        for member in self.sights[loser]:
            self.given[member] |= self.model.same(loser)

    def anonymize(self, contact: int, _with: None, _how: None) -> None:
        anonymize_contacts(actor=SYSTEM, contact_ids=[contact])
        self.model.anonymous |= self.model.same(contact)

    def check(self) -> None:
        rows = {row.pk: row for row in Contact.objects.filter(pk__in=self.ids)}
        visible = set(Contact.objects.visible_to(SYSTEM).filter(pk__in=self.ids).values_list("pk", flat=True))
        assert visible == {self.model.root(contact) for contact in self.ids}
        for contact in self.ids:
            root, row = self.model.root(contact), rows[contact]
            assert row.merged_into_id == (None if root == contact else root)
            assert Contact.objects.visible_to(SYSTEM).answering(contact).get().pk == root
            assert (row.anonymized_at is not None) == (contact in self.model.anonymous)
            for links in (ContactAssignment, ContactParticipant):
                of = links.objects.filter(contact=contact).order_by("pk")
                column = "member" if links is ContactAssignment else "participant"
                expected = links.objects.filter(contact=root).values_list(column, flat=True)
                assert set(of.values_list(column, flat=True)) == set(expected)
        for member in self.members:
            seen = set(Contact.objects.visible_with_merged(actor_of(member)).values_list("pk", flat=True))
            assert seen & set(self.ids) <= self.given[member.pk]
        merged = Merge.objects.filter(undone_by=None, loser__in=self.ids)
        assert dict(merged.values_list("loser", "survivor")) == self.model.parent


def actor_of(member: Any) -> Actor:
    actor = member_actor(member)
    assert actor.kind is ActorKind.MEMBER
    return actor


@given(steps=st.lists(steps, min_size=3, max_size=9))
@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_id_leads_to_one_contact_and_nobody_sees_more(make_contact, make_member, steps):
    with transaction.atomic():
        members = [make_member() for _number in range(CONTACTS)]
        trial = Trial([make_contact(members=[member]) for member in members], members)
        for step in steps:
            trial.do(step)
            trial.check()
        transaction.set_rollback(True)


documents = st.fixed_dictionaries(
    {},
    optional={
        "personalInformation": st.fixed_dictionaries(
            {"firstName": st.sampled_from(["A", "B"])},
            optional={
                "middleName": st.sampled_from(["C", "D"]),
                "nationalities": st.lists(st.sampled_from(["CH", "DE", "FR"]), min_size=1, max_size=2, unique=True),
            },
        ),
        "contactInformation": st.fixed_dictionaries({"email": st.sampled_from(["a@b.example", "c@d.example"])}),
    },
)


@given(own=documents, other=documents, side=sides, also=st.lists(documents, max_size=2))
@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_without_later_changes_all_are_as_before(make_contact, own, other, side, also):
    with transaction.atomic():
        survivor, loser, *others = (make_contact(details(**one)) for one in (own, other, *also))
        chosen = {"own": survivor.details, "other": loser.details, None: None}[side]
        contacts = [survivor, loser, *others]
        before = list(map(everything, contacts))
        for one in others:
            merge_contacts(actor=SYSTEM, survivor_id=loser.pk, loser_id=one.pk)
        merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk, details=chosen)
        unmerge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
        for one in others:
            unmerge_contacts(actor=SYSTEM, survivor_id=loser.pk, loser_id=one.pk)
        assert list(map(everything, contacts)) == before
        transaction.set_rollback(True)
