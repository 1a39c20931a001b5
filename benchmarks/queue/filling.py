"""People, subjects and requests of three kinds, inserted in bulk."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import connection

from accounts.models import Member, Participant, User
from benchmarks.change_requests import RENAMING, TABLES, insert_requests
from changerequests.models import Status
from changerequests.services.policies import POLICIES, POLICY_KIND
from contacts.models import CONTACT_DETAILS, CONTACT_TYPES
from legalentities.models import LEGAL_ENTITY_DETAILS
from schemas.models import ListItem

# Who sees few has one contact in so many, and so does the participant. Not multiples of ten, or all were of one kind.
FEW, PARTICIPANT = 501, 51
# One request in so many is open, and one of those is overdue; one is by a member of its own and by its substitute.
OPEN, OVERDUE, BY_ANNA = 20, 4, 1000
SUBJECTS = (
    "contacts_contact",
    "contacts_contactassignment",
    "contacts_contactparticipant",
    "contactgroups_contactgroup",
    "contactgroups_groupmembership",
    "legalentities_legalentity",
    "contactgroups_linkedentity",
)
# Each contact in its own group, and with a company there.
FILL = """
WITH people AS (
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, 'queue-' || number, '{"relationship": {"notes": "None"}}', 1, now()
      FROM generate_series(1, %(subjects)s) number
    RETURNING id, substr(username, 7)::integer AS number
), assigned AS (
    INSERT INTO contacts_contactassignment (contact_id, member_id)
    SELECT id, CASE WHEN number %% %(every)s = 0 THEN %(few)s ELSE %(lea)s END FROM people
), participants AS (
    INSERT INTO contacts_contactparticipant (contact_id, participant_id)
    SELECT id, %(participant)s FROM people WHERE number %% %(sharing)s = 0
), groups AS (
    INSERT INTO contactgroups_contactgroup (id, name, created_at) SELECT id, 'Group ' || number, now() FROM people
), memberships AS (
    INSERT INTO contactgroups_groupmembership (group_id, contact_id, access_policy_id)
    SELECT id, id, %(policy)s FROM people
), firms AS (
    INSERT INTO legalentities_legalentity (id, uid, details, version, created_at)
    SELECT id, gen_random_uuid(), jsonb_build_object('name', 'Firm ' || number), 1, now() FROM people
)
INSERT INTO contactgroups_linkedentity (group_id, entity_type, entity_id) SELECT id, 'LegalEntity', id FROM people
"""
# Of ten requests six are about a contact, three about a company and one is about the policies, latest first. The
# newest are open, of the policies none: only one of those can be.
REQUESTS = """
SELECT subject.id AS subject_id, made.status, now() - made.number * interval '13 seconds' AS created_at,
       CASE WHEN made.number %% %(by_anna)s < 10 THEN %(anna)s ELSE %(lea)s END AS initiator_id,
       CASE WHEN made.status <> %(pending)s THEN now() END AS reviewed_at,
       CASE WHEN made.status <> %(pending)s THEN %(rita)s::integer END AS reviewer_id,
       %(paths)s AS paths, %(changes)s AS changes
  FROM (SELECT number, CASE WHEN number < %(last)s / %(open)s AND %(kind)s <> %(policies)s THEN %(pending)s
                            ELSE %(rejected)s END AS status
          FROM generate_series(%(first)s, %(last)s - 1) AS series (number)
         WHERE number %% 10 BETWEEN %(from)s AND %(to)s) AS made
  JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS number FROM contacts_contact
         WHERE %(kind)s <> %(policies)s UNION ALL SELECT %(subject)s, 0 WHERE %(kind)s = %(policies)s) AS subject
    ON subject.number = CASE WHEN %(kind)s = %(policies)s THEN 0 ELSE made.number %% %(subjects)s END
"""
DUE = """
UPDATE changerequests_changerequest
   SET due_at = created_at + interval '1 day' * CASE WHEN id %% %s = 0 THEN -1 ELSE 99999 END
 WHERE status = %s
"""
ASSIGN = """
INSERT INTO changerequests_requestassignment (request_id, member_id, assigned_by_id, assigned_at)
SELECT id, CASE WHEN id %% %(overdue)s = 0 THEN %(lea)s ELSE %(rita)s END, %(rita)s, now()
  FROM changerequests_changerequest WHERE status = %(pending)s
"""
KINDS = {CONTACT_DETAILS: (0, 5), LEGAL_ENTITY_DETAILS: (6, 8), POLICY_KIND: (9, 9)}


def add_people() -> None:
    """Create a superuser who sees all contacts, a reviewer who sees few, and the members who ask and decide."""
    rita = _member("rita", sees_all_contacts=True, is_superuser=True)
    ben, lea = _member("ben"), _member("lea")
    ben.user.user_permissions.set(Permission.objects.filter(codename="review_changerequest"))
    group = Group.objects.create(name="Compliance")
    rita.user.groups.add(group)
    assert _member("anna").pk != lea.pk
    Participant.objects.create(name="North")


def add_subjects(number: int) -> None:
    """Create so many contacts, each with a company."""
    named = {"few": _of("ben").pk, "lea": _of("lea").pk, "participant": Participant.objects.get(name="North").pk}
    kinds = {
        "type": ListItem.objects.get(list__key=CONTACT_TYPES, key="client").pk,
        "policy": ListItem.objects.get(list__key="access-policy", key="owner").pk,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(FILL, {**named, **kinds, "subjects": number, "every": FEW, "sharing": PARTICIPANT})
        cursor.execute("SET session_replication_role = origin")


def replace_requests(number: int, *, subjects: int) -> None:
    """Delete all requests and create so many."""
    people: dict[str, Any] = {name: _of(name).pk for name in ("anna", "lea", "rita")}
    shares = {"by_anna": BY_ANNA, "open": OPEN, "first": 0, "last": number, "subjects": subjects}
    states = {"pending": Status.PENDING, "rejected": Status.REJECTED, "policies": POLICY_KIND, "subject": POLICIES}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table in ("changerequests_requestassignment", *TABLES):
            cursor.execute(f"DELETE FROM {table}")
        for kind, (first, last) in KINDS.items():
            values = {**people, **shares, **states, **RENAMING, "kind": kind, "from": first, "to": last}
            insert_requests(REQUESTS, values, kind=kind)
        cursor.execute(DUE, [OVERDUE, Status.PENDING])
        cursor.execute(ASSIGN, {**people, **states, "overdue": OVERDUE})
        cursor.execute("SET session_replication_role = origin")


def _member(name: str, *, sees_all_contacts: bool = False, is_superuser: bool = False) -> Member:
    user = User.objects.create_user(name, first_name=name.title(), is_staff=True, is_superuser=is_superuser)
    return Member.objects.create(user=user, sees_all_contacts=sees_all_contacts)


def _of(name: str) -> Member:
    return Member.objects.select_related("user").get(user__username=name)
