"""Every admin list runs at most twelve queries, and the same number for 10, 200 and 10,000 rows.

A registered model without rows here fails the test, so that every new list gets a budget.
"""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count, islice, pairwise
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import ClientApplication, Member, Participant, User
from benchmarks.change_requests import RENAMING, insert_requests
from changerequests.models import Absence, Holiday
from contactgroups.models import ContactGroup, EntityType, GroupMembership, LinkedEntity
from contacts.models import ExternalSystem
from events.models import Webhook
from importexport.models import ExportJob, ImportJob
from legalentities.models import LegalEntity
from matching.models import Pair
from schemas.models import List, ListItem, Schema, SchemaVersion
from tests.fixtures import without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.usefixtures("default_schemas")]

MOST_QUERIES = 12
FEW, MANY, VERY_MANY = 10, 200, 10_000
GROWS_LARGE = ("contacts.Contact", "changerequests.ChangeRequest", "accounts.Member", "matching.Pair")
numbers = count(1)

Rows = Callable[[Member, int], object]


def users(viewer: Member, size: int) -> list[User]:
    return User.objects.bulk_create(User(username=f"row-{next(numbers)}") for _ in range(size))


def members(viewer: Member, size: int) -> list[Member]:
    made = Member.objects.bulk_create(Member(user=user, manager=viewer) for user in users(viewer, size))
    participant = Participant.objects.create(name=f"Of members {next(numbers)}")
    through = Member.participants.through
    through.objects.bulk_create(through(member=member, participant=participant) for member in made)
    return made


# Bulk inserts in SQL, because creating Django objects would take most of the tests' time.
PEOPLE = """
WITH people AS (
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, %(prefix)s || number, '{}', 1, now() FROM generate_series(1, %(size)s) number
    RETURNING id
), assigned AS (
    INSERT INTO contacts_contactassignment (contact_id, member_id) SELECT id, %(member)s FROM people
), segregated AS (
    INSERT INTO contacts_contactparticipant (contact_id, participant_id) SELECT id, %(participant)s FROM people
)
SELECT id FROM people ORDER BY id
"""
REQUESTS = """
SELECT id AS subject_id, CASE WHEN waits THEN 1 ELSE 3 END AS status, now() AS created_at,
       %(initiator)s AS initiator_id, CASE WHEN NOT waits THEN now() END AS reviewed_at,
       CASE WHEN NOT waits THEN %(reviewer)s::integer END AS reviewer_id, %(paths)s AS paths, %(changes)s AS changes
FROM unnest(%(contacts)s) WITH ORDINALITY AS listed (id, place), LATERAL (SELECT place %% 2 = 0 AS waits) AS told
"""


def contacts(viewer: Member, size: int) -> list[int]:
    """Create contacts assigned to a member below the viewer, the costliest visibility check; return their ids."""
    kind = ListItem.objects.get(list__key="contact-type", key="client")
    below = members(viewer, 1)[0]
    participant = Participant.objects.create(name=f"Of contacts {next(numbers)}")
    values = {"type": kind.pk, "member": below.pk, "participant": participant.pk, "size": size}
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(PEOPLE, {**values, "prefix": f"row-{next(numbers)}-"})
        return [number for (number,) in cursor.fetchall()]


def change_requests(viewer: Member, size: int) -> None:
    reviewers = members(viewer, 2)
    people = {"initiator": reviewers[0].pk, "reviewer": reviewers[1].pk, "contacts": contacts(viewer, size)}
    with without_triggers():
        insert_requests(REQUESTS, {**people, **RENAMING})


def pairs(viewer: Member, size: int) -> None:
    people = contacts(viewer, size + 1)
    Pair.objects.bulk_create(
        Pair(lower_id=one, higher_id=other, score=0.5 + number / (2 * size))
        for number, (one, other) in enumerate(pairwise(people))
    )


def absences(viewer: Member, size: int) -> None:
    today = timezone.now().date()
    Absence.objects.bulk_create(
        Absence(member=member, substitute=viewer, starts_on=today, ends_on=today) for member in members(viewer, size)
    )


def holidays(viewer: Member, size: int) -> None:
    begin = date(2027, 1, 1)
    Holiday.objects.bulk_create(
        Holiday(date=begin + timedelta(days=next(numbers)), name="Holiday") for _ in range(size)
    )


def contact_groups(viewer: Member, size: int) -> list[ContactGroup]:
    policy = ListItem.objects.filter(list__key="access-policy").first()
    made = ContactGroup.objects.bulk_create(ContactGroup(name=f"Group {next(numbers)}") for _ in range(size))
    GroupMembership.objects.bulk_create(
        GroupMembership(group=group, contact_id=contact, access_policy=policy)
        for group, contact in zip(made, contacts(viewer, size), strict=True)
    )
    return made


def legal_entities(viewer: Member, size: int) -> None:
    groups = contact_groups(viewer, size)
    with without_triggers(), transaction.atomic():
        made = LegalEntity.objects.bulk_create(LegalEntity(details={"name": f"AG {number}"}) for number in range(size))
        LinkedEntity.objects.bulk_create(
            LinkedEntity(group=group, entity_type=EntityType.LEGAL_ENTITY, entity_id=row.pk)
            for group, row in zip(groups, made, strict=True)
        )


def participants(viewer: Member, size: int) -> None:
    Participant.objects.bulk_create(Participant(name=f"Participant {next(numbers)}") for _ in range(size))


def applications(viewer: Member, size: int) -> None:
    made = ClientApplication.objects.bulk_create(
        ClientApplication(name=f"App {number}", client_id=f"client-{number}") for number in islice(numbers, size)
    )
    participant = Participant.objects.create(name=f"Of applications {next(numbers)}")
    through = ClientApplication.participants.through
    through.objects.bulk_create(through(clientapplication=row, participant=participant) for row in made)


def schemas(viewer: Member, size: int) -> None:
    for row in Schema.objects.bulk_create(Schema(key=f"row-{next(numbers)}") for _ in range(size)):
        row.current_version = versions_of(row, 1)[0]
        row.save()


def versions_of(schema: Schema, size: int) -> list[SchemaVersion]:
    return SchemaVersion.objects.bulk_create(
        SchemaVersion(schema=schema, number=100 + next(numbers), definition={}, json_schema={}, published_by_name="Row")
        for _ in range(size)
    )


def lists(viewer: Member, size: int) -> None:
    above = List.objects.get(key="country")
    List.objects.bulk_create(List(key=f"row-{next(numbers)}", names={"en": "Row"}, parent=above) for _ in range(size))


def list_items(viewer: Member, size: int) -> None:
    above = ListItem.objects.get(list__key="country", key="CH")
    owner = List.objects.get(key="state")
    ListItem.objects.bulk_create(
        ListItem(list=owner, key=f"row-{next(numbers)}", names={"en": "Row"}, parent=above) for _ in range(size)
    )


def webhooks(viewer: Member, size: int) -> None:
    owner = ClientApplication.objects.create(name=f"Of webhooks {next(numbers)}")
    Webhook.objects.bulk_create(
        Webhook(application=owner, url=f"https://receiver.example/{number}") for number in range(size)
    )


ROWS: dict[str, Rows] = {
    "accounts.ClientApplication": applications,
    "accounts.Member": members,
    "accounts.Participant": participants,
    "accounts.User": users,
    "auth.Group": lambda _viewer, size: Group.objects.bulk_create(
        Group(name=f"G {next(numbers)}") for _ in range(size)
    ),
    "changerequests.Absence": absences,
    "changerequests.ChangeRequest": change_requests,
    "changerequests.Holiday": holidays,
    "contactgroups.ContactGroup": contact_groups,
    "contacts.Contact": contacts,
    "contacts.ExternalSystem": lambda _viewer, size: ExternalSystem.objects.bulk_create(
        ExternalSystem(name=f"S {next(numbers)}") for _ in range(size)
    ),
    "events.Webhook": webhooks,
    "importexport.ExportJob": lambda viewer, size: ExportJob.objects.bulk_create(
        ExportJob(kind="contacts", requested_by_member=viewer) for _ in range(size)
    ),
    "importexport.ImportJob": lambda viewer, size: ImportJob.objects.bulk_create(
        ImportJob(kind="contacts", requested_by_member=viewer, file_ids=[], total=0) for _ in range(size)
    ),
    "legalentities.LegalEntity": legal_entities,
    "matching.Pair": pairs,
    "schemas.List": lists,
    "schemas.ListItem": list_items,
    "schemas.Schema": schemas,
    "schemas.SchemaVersion": lambda _viewer, size: versions_of(Schema.objects.get(key="contact"), size),
}
REGISTERED = {model._meta.label: model for model in admin.site._registry}


@pytest.fixture
def viewer(make_member: Callable[..., Member]) -> Member:
    """A member with all permissions who sees only its own contacts and those of members below it."""
    return make_member("viewer", is_superuser=True)


@pytest.fixture
def queries_of(
    admin_of: Callable[..., Any], viewer: Member, count_queries: Callable[[], Any]
) -> Callable[[str], list[str]]:
    def run(label: str) -> list[str]:
        opts = REGISTERED[label]._meta
        browser = admin_of(viewer)
        address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
        browser.get(address)  # fills the caches of schemas and lists
        with count_queries() as queries:
            answer = browser.get(address)
            assert answer.status_code == 200
        assert len(answer.context["cl"].result_list) > 0
        return [query["sql"] for query in queries.captured_queries]

    return run


def test_every_list_has_its_rows_here() -> None:
    # The policies are a page, which shows the latest versions alone; so are the access log and the changelog, whose
    # budgets `tests/contacts/test_admin_who_looked.py` and `tests/changerequests/test_admin_changelog.py` have.
    assert REGISTERED.keys() - {"changerequests.PolicyVersion", "audit.Access", "audit.Entry"} == ROWS.keys()


@pytest.mark.parametrize("label", sorted(ROWS))
def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    label: str, viewer: Member, queries_of: Callable[[str], list[str]]
) -> None:
    ROWS[label](viewer, FEW)
    few = queries_of(label)
    ROWS[label](viewer, MANY - FEW)
    many = queries_of(label)
    assert len(few) <= MOST_QUERIES, [sql[:150] for sql in few]
    assert len(many) == len(few), [sql[:150] for sql in many]


@pytest.mark.scale
@pytest.mark.parametrize("label", GROWS_LARGE)
def test_a_list_takes_as_many_queries_for_ten_thousand_rows(
    label: str, viewer: Member, queries_of: Callable[[str], list[str]]
) -> None:
    ROWS[label](viewer, FEW)
    few = queries_of(label)
    ROWS[label](viewer, VERY_MANY - FEW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    very_many = queries_of(label)
    assert len(very_many) == len(few) <= MOST_QUERIES, [sql[:150] for sql in very_many]
