"""Every access check gives the result of a ten-line model, for arbitrary members, contacts and groups."""

from dataclasses import dataclass

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Member, Participant, User
from contactgroups.models import ContactGroup, EntityType, GroupMembership, LinkedEntity
from contacts.models import Contact, ContactAssignment, ContactParticipant
from tests.examples import examples
from tests.fixtures import without_triggers

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class World:
    """Everybody is a number. Members: who manages each; contacts: who looks after each, and where each belongs."""

    managers: list[int | None]
    sees_all: list[bool]
    assigned: list[frozenset[int]]
    participants: list[frozenset[int]]
    groups: list[frozenset[int]]
    linked: list[EntityType | None]
    caller: tuple[str, int]
    app_participants: frozenset[int]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    def subset(size: int) -> frozenset[int]:
        return frozenset(draw(st.sets(st.integers(0, size - 1), max_size=3))) if size else frozenset()

    members, contacts, participants = draw(st.integers(1, 6)), draw(st.integers(1, 4)), 2
    above = [draw(st.none() | st.integers(0, number - 1)) if number else None for number in range(members)]
    groups = [subset(contacts) for _ in range(draw(st.integers(1, 3)))]
    kind = draw(st.sampled_from(["app", "member", "contact"]))
    count = {"app": 1, "member": members, "contact": contacts}[kind]
    return World(
        managers=above,
        sees_all=[draw(st.integers(0, 5)) == 0 for _ in range(members)],
        assigned=[subset(members) for _ in range(contacts)],
        participants=[subset(participants) for _ in range(contacts)],
        groups=groups,
        linked=[draw(st.none() | st.sampled_from(EntityType)) for _ in groups],
        caller=(kind, draw(st.integers(0, count - 1))),
        app_participants=subset(participants),
    )


# ---- the model


def up_from(world, member):
    return {member} | (up_from(world, world.managers[member]) if world.managers[member] is not None else set())


def sees(world, caller, contact):
    kind, number = caller
    if kind == "contact":
        return number == contact
    if kind == "app":
        return not world.app_participants or bool(world.app_participants & world.participants[contact])
    return world.sees_all[number] or any(number in up_from(world, member) for member in world.assigned[contact])


def of_contact(world, contact, group):
    return contact in world.groups[group] if sees(world, world.caller, contact) else 404


def of_identity(world, member, group):
    kind, number = world.caller
    if kind == "contact":
        return 403
    if kind == "member" and not world.sees_all[number] and number not in up_from(world, member):
        return 404
    return any(sees(world, ("member", member), contact) for contact in world.groups[group])


def of_group(world, group):
    kind, number = world.caller
    sees_everything = world.sees_all[number] if kind == "member" else kind == "app" and not world.app_participants
    return sees_everything or any(sees(world, world.caller, contact) for contact in world.groups[group])


# ---- the system


class Rows:
    """The world in the database."""

    def __init__(self, world, contact_type, policy_id):
        users = User.objects.bulk_create(User(username=f"m{number}") for number in range(len(world.managers)))
        self.members = []
        for user, manager, sees_all in zip(users, world.managers, world.sees_all, strict=True):
            above = None if manager is None else self.members[manager]
            self.members.append(Member.objects.create(user=user, manager=above, sees_all_contacts=sees_all))
        self.participants = Participant.objects.bulk_create(Participant(name=f"p{number}") for number in range(2))
        with without_triggers():
            self.contacts = Contact.objects.bulk_create(
                Contact(type=contact_type, username=f"c{number}") for number in range(len(world.assigned))
            )
        for contact, assigned, participants in zip(self.contacts, world.assigned, world.participants, strict=True):
            ContactAssignment.objects.bulk_create(
                ContactAssignment(contact=contact, member=self.members[number]) for number in assigned
            )
            ContactParticipant.objects.bulk_create(
                ContactParticipant(contact=contact, participant=self.participants[number]) for number in participants
            )
        self.groups = ContactGroup.objects.bulk_create(ContactGroup() for _ in world.groups)
        for number, (group, contacts) in enumerate(zip(self.groups, world.groups, strict=True)):
            GroupMembership.objects.bulk_create(
                GroupMembership(group=group, contact=self.contacts[contact], access_policy_id=policy_id)
                for contact in contacts
            )
            if world.linked[number] is not None:
                LinkedEntity.objects.create(group=group, entity_type=world.linked[number], entity_id=number + 1)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_every_answer_is_the_one_of_the_model(contact_type, policy, make_app, api_of, world):
    with transaction.atomic():
        rows = Rows(world, contact_type, policy())
        kind, number = world.caller
        app = make_app(participants=[rows.participants[place] for place in world.app_participants])
        client = api_of({"app": [app], "member": rows.members, "contact": rows.contacts}[kind][number])

        def told(path):
            answer = client.get(f"/v1.0/{path}")
            return answer.json["hasAccess"] if answer.status == 200 else answer.status

        for place, group in enumerate(rows.groups):
            linked = world.linked[place]
            entity = f"{linked or EntityType.ACCOUNT}/{place + 1}/access"
            seen = client.get(f"/v1.0/contactgroups/{group.pk}").status == 200
            assert seen == of_group(world, place)
            for index, contact in enumerate(rows.contacts):
                right = of_contact(world, index, place)
                assert told(f"contact-groups/{group.pk}/contacts/{contact.pk}/access") == right
                assert told(f"contact-groups/contacts/{contact.pk}/{entity}") == (right if linked else 404)
            for index, member in enumerate(rows.members):
                right = of_identity(world, index, place)
                assert told(f"contact-groups/{group.pk}/identities/{member.uid}/access") == right
                expected = right if linked or right == 403 else 404
                assert told(f"contact-groups/identities/{member.uid}/{entity}") == expected
        transaction.set_rollback(True)
