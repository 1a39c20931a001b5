"""With a hundred thousand groups, an access check is two statements that use indexes."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.db import connection

from accounts.models import Member
from contactgroups.models import ContactGroup, LinkedEntity
from contacts.models import Contact

pytestmark = [pytest.mark.django_db, pytest.mark.scale]
SIZES = {"members": 10_000, "contacts": 20_000, "groups": 100_000}

# Ten members below each; every contact has one member and one participant, every group two contacts and one account.
FILL = """
    INSERT INTO accounts_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                               date_joined)
         SELECT '', false, 'bulk-' || n, '', '', '', true, true, now() FROM generate_series(1, %(members)s) AS n;
    INSERT INTO accounts_member (id, uid, user_id, manager_id, sees_all_contacts)
         SELECT 1000000 + n, gen_random_uuid(), id, CASE WHEN n > 1 THEN 1000000 + (n + 8) / 10 END, false
           FROM (SELECT id, split_part(username, '-', 2)::int AS n
                   FROM accounts_user WHERE username LIKE 'bulk-%%') AS numbered;
    INSERT INTO contacts_contact (id, uid, type_id, username, details, version, created_at)
         SELECT 1000000 + n, gen_random_uuid(), %(type)s, 'bulk-' || n, '{}', 1, now()
           FROM generate_series(1, %(contacts)s) AS n;
    INSERT INTO audit_entry (kind, subject_id, sequence, initiator_system, changes, paths)
         SELECT 'contact-details', 1000000 + n, 1, 'tests', '[]', '{}' FROM generate_series(1, %(contacts)s) AS n;
    INSERT INTO contacts_contactassignment (contact_id, member_id)
         SELECT 1000000 + n, 1000001 + n %% %(members)s FROM generate_series(1, %(contacts)s) AS n;
    INSERT INTO contacts_contactparticipant (contact_id, participant_id)
         SELECT 1000000 + n, %(participant)s FROM generate_series(1, %(contacts)s) AS n WHERE n %% 2 = 0;
    INSERT INTO contactgroups_contactgroup (id, created_at)
         SELECT 1000000 + n, now() FROM generate_series(1, %(groups)s) AS n;
    INSERT INTO contactgroups_groupmembership (group_id, contact_id, access_policy_id)
         SELECT 1000000 + n, 1000001 + (n + shift) %% %(contacts)s, %(policy)s
           FROM generate_series(1, %(groups)s) AS n, (VALUES (0), (7)) AS shifts(shift);
    INSERT INTO contactgroups_linkedentity (group_id, entity_type, entity_id)
         SELECT 1000000 + n, 'Account', n FROM generate_series(1, %(groups)s) AS n;
"""
TABLES = [
    "accounts_user",
    "accounts_member",
    "contacts_contact",
    "contacts_contactassignment",
    "contacts_contactparticipant",
    "contactgroups_contactgroup",
    "contactgroups_groupmembership",
    "contactgroups_linkedentity",
]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


def plan_of(sql: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    return list(nodes((orjson.loads(found) if isinstance(found, str) else found)[0]["Plan"]))


def test_access_checks_look_into_indexes(
    contact_type, policy, make_app, make_participant, make_member, api_of, count_queries
):
    zurich = make_participant()
    with connection.cursor() as cursor:
        # The rows are made up as they should be: checking each foreign key would take longer than the test.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(FILL, {**SIZES, "type": contact_type.pk, "participant": zurich.pk, "policy": policy()})
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
        cursor.execute(f"ANALYZE {', '.join(TABLES)}")
    top, low = Member.objects.get(pk=1_000_001), Member.objects.get(pk=1_001_500)
    contact = Contact.objects.get(assignments__member=low, username="bulk-11499")
    group = ContactGroup.objects.filter(memberships__contact=contact).first()
    account = LinkedEntity.objects.get(group=group).entity_id
    questions = [
        f"/v1.0/contact-groups/{group.pk}/contacts/{contact.pk}/access",
        f"/v1.0/contact-groups/contacts/{contact.pk}/Account/{account}/access",
    ]
    of_members = [
        question
        for member in (top, low, make_member())
        for question in (
            f"/v1.0/contact-groups/{group.pk}/identities/{member.uid}/access",
            f"/v1.0/contact-groups/identities/{member.uid}/Account/{account}/access",
        )
    ]
    for caller in (make_app(), make_app(participants=[zurich]), top, low, contact):
        client = api_of(caller)
        for question in questions if caller is contact else (*questions, *of_members):
            with count_queries() as queries:
                answer = client.get(question)
            assert answer.status in (200, 404), answer.json
            assert len(queries) <= 2
            plan = plan_of(queries.captured_queries[-1]["sql"])
            scanned = {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}
            assert not scanned & set(TABLES), (caller, question, scanned)
            assert any("Index" in node["Node Type"] for node in plan)
