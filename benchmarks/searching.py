"""Searches over many rows: the whole request in this process, compared with the same query in handwritten SQL."""

from datetime import timedelta
from statistics import median
from typing import Any

import orjson
from django.db import connection
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from accounts.models import Member, User
from benchmarks.change_requests import RENAMING, TABLES, insert_requests
from benchmarks.data import RARE, tidy
from benchmarks.report import Figure, ratio
from benchmarks.rounds import timed
from importexport.graphql.indexes import keep_search_indexes

REQUESTS = 1_000_000
ASSIGNED = 2_000
PAGE = 50
TIMES = 5

# The same number for each contact; the newest requests are pending, at most one per contact.
FILL_REQUESTS = """
    SELECT contact.id AS subject_id, made.status,
           now() - made.number * interval '13 seconds' AS created_at,
           %(initiator)s AS initiator_id, CASE WHEN made.status = 2 THEN now() END AS reviewed_at,
           CASE WHEN made.status = 2 THEN %(reviewer)s::integer END AS reviewer_id,
           %(paths)s AS paths, %(changes)s AS changes
      FROM (SELECT number, CASE WHEN number < %(pending)s THEN 1 ELSE 2 END AS status
              FROM generate_series(0, %(requests)s - 1) AS series (number)) AS made
      JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM contacts_contact) AS contact
        ON contact.number = made.number %% %(contacts)s
"""
ASSIGN = """
    INSERT INTO contacts_contactassignment (contact_id, member_id)
    SELECT id, %s FROM contacts_contact ORDER BY hashint4(id) LIMIT %s
"""
COUNT_REQUESTS = """
    SELECT count(*) FROM contacts_contactassignment assigned
      JOIN changerequests_changerequest request ON request.subject_id = assigned.contact_id
     WHERE assigned.member_id = %s AND request.kind = 'contact-details'
"""
PAGE_OF_REQUESTS = """
    SELECT request.id, request.uid, request.created_at, request.status, request.initiator_comment, request.reviewed_at,
           request.review_comment, contact.id, contact.uid, contact.name, initiator.uid, initiator_user.first_name,
           initiator_user.last_name, reviewer.uid, reviewer_user.first_name, reviewer_user.last_name
      FROM (SELECT request.* FROM contacts_contactassignment assigned
              JOIN changerequests_changerequest request ON request.subject_id = assigned.contact_id
             WHERE assigned.member_id = %s AND request.kind = 'contact-details'
             ORDER BY request.created_at DESC, request.id DESC LIMIT 50) AS request
      JOIN contacts_contact contact ON contact.id = request.subject_id
      JOIN accounts_member initiator ON initiator.id = request.initiator_member_id
      JOIN accounts_user initiator_user ON initiator_user.id = initiator.user_id
      LEFT JOIN accounts_member reviewer ON reviewer.id = request.review_member_id
      LEFT JOIN accounts_user reviewer_user ON reviewer_user.id = reviewer.user_id
     ORDER BY request.created_at DESC, request.id DESC
"""
BY_HAND = "upper(details #>> '{personalInformation,displayName}')"
GRAPHQL = (
    "query($text: String) { contacts(take: 50, where: {personalInformation: {displayName: {contains: $text}}})"
    " { totalCount items { id name username } } }"
)


def requests() -> list[Figure]:
    """Measure a member with 2,000 contacts fetching the latest of a million change requests, with the total count."""
    anna, rita = member_of("anna"), member_of("rita")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contacts_contact")
        (contacts,) = cursor.fetchone()
        named = {"initiator": anna.pk, "reviewer": rita.pk, "requests": REQUESTS, "pending": contacts // 10}
        # Inserts decided requests directly, which the triggers reject.
        cursor.execute("SET session_replication_role = replica")
        insert_requests(FILL_REQUESTS, {**named, **RENAMING, "contacts": contacts})
        cursor.execute("SET session_replication_role = origin")
        cursor.execute(ASSIGN, [anna.pk, ASSIGNED])
    tidy(*TABLES, "contacts_contactassignment")
    client = client_of(anna, "change-requests.read")

    def ours() -> int:
        return int(posted(client, "/v1.0/contacts/change-requests/search", {"pageSize": PAGE})["totalCount"])

    def by_hand() -> int:
        with connection.cursor() as cursor:
            cursor.execute(COUNT_REQUESTS, [anna.pk])
            (total,) = cursor.fetchone()
            cursor.execute(PAGE_OF_REQUESTS, [anna.pk])
            assert len(cursor.fetchall()) == PAGE
        return int(total)

    assert ours() == by_hand()
    found = timed({"ours": ours, "by hand": by_hand}, times=TIMES)
    work = f"search of {REQUESTS:,} change requests"
    return [Figure(work, median(found["ours"]), "ms", "by hand", ratio(found["ours"], found["by hand"]), 3, True)]


def contains() -> list[Figure]:
    """Measure GraphQL's `contains` on a name that 3 % of the contacts have."""
    keep_search_indexes()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX IF NOT EXISTS by_hand ON contacts_contact USING gin ({BY_HAND} gin_trgm_ops)")
    tidy("contacts_contact")
    client = client_of(member_of("head", sees_all_contacts=True), "contacts.read")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM contacts_contact")
        (contacts,) = cursor.fetchone()

    def ours() -> int:
        asked = {"query": GRAPHQL, "variables": {"text": RARE}}
        return int(posted(client, "/graphql", asked)["data"]["contacts"]["totalCount"])

    def by_hand() -> int:
        condition = f"WHERE {BY_HAND} LIKE %s"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM contacts_contact {condition}", [f"%{RARE.upper()}%"])
            (total,) = cursor.fetchone()
            cursor.execute(
                f"SELECT id, name, username FROM contacts_contact {condition} ORDER BY id LIMIT 50",
                [f"%{RARE.upper()}%"],
            )
            assert len(cursor.fetchall()) == PAGE
        return int(total)

    assert ours() == by_hand()
    found = timed({"ours": ours, "by hand": by_hand})
    work = f"GraphQL contains over {contacts:,} contacts"
    return [Figure(work, median(found["ours"]), "ms", "by hand", ratio(found["ours"], found["by hand"]), 2, True)]


def member_of(name: str, *, sees_all_contacts: bool = False) -> Member:
    user, _created = User.objects.get_or_create(username=name, defaults={"first_name": name.title(), "is_staff": True})
    member, _created = Member.objects.get_or_create(user=user, defaults={"sees_all_contacts": sees_all_contacts})
    return member


def client_of(member: Member, scope: str) -> Client:
    token = f"benchmark-{member.pk}"
    issued = AccessToken(user=member.user, expires=timezone.now() + timedelta(days=1), scope=scope)
    set_token_value(issued, token)
    issued.save()
    return Client(headers={"host": "localhost", "authorization": f"Bearer {token}"})


def posted(client: Client, path: str, body: dict[str, Any]) -> Any:
    answer = client.post(path, orjson.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    return orjson.loads(answer.content)
