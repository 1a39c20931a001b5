"""Inserts change requests in bulk, with all that belongs to each: subject, revision, proposal and stage."""

from collections.abc import Mapping
from typing import Any

from django.db import connection

from contacts.models import CONTACT_DETAILS

# Values for the columns `paths` and `changes`.
RENAMING = {
    "paths": ["personalInformation", "personalInformation.lastName"],
    "changes": '[{"path": "personalInformation.lastName", "original": "A", "target": "B", "isApprovalRequired": true}]',
}
_INSERT = """
WITH asked AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('changerequests_changerequest', 'id')) AS id, given.* FROM ({rows}) AS given
), requests AS (
    INSERT INTO changerequests_changerequest
        (id, uid, kind, subject_id, status, created_at, initiator_member_id, reviewed_at, review_member_id, paths)
    SELECT id, gen_random_uuid(), {kind}, subject_id, status, created_at, initiator_id, reviewed_at, reviewer_id,
           paths::text[]
      FROM asked
), subjects AS (
    INSERT INTO changerequests_requestsubject (request_id, kind, subject_id, is_open, outcome, message)
    SELECT id, {kind}, subject_id, status IN (1, 5), '', '' FROM asked
    RETURNING id, request_id
), revisions AS (
    INSERT INTO changerequests_revision (request_id, number, reason, author_id, policy_version, created_at)
    SELECT id, 1, 'submitted', initiator_id, 0, created_at FROM asked
    RETURNING id, request_id
), stages AS (
    INSERT INTO changerequests_requeststage (revision_id, position, name, approvals)
    SELECT id, 0, 'Review', 1 FROM revisions
)
INSERT INTO changerequests_proposal (revision_id, subject_id, changes)
SELECT revisions.id, subjects.id, asked.changes::jsonb
  FROM asked
  JOIN revisions ON revisions.request_id = asked.id
  JOIN subjects ON subjects.request_id = asked.id
"""
TABLES = (
    "changerequests_changerequest",
    "changerequests_requestsubject",
    "changerequests_revision",
    "changerequests_requeststage",
    "changerequests_proposal",
)


def insert_requests(rows: str, values: Mapping[str, Any], *, kind: str = CONTACT_DETAILS) -> None:
    """Insert a request of a kind for each row of a query; triggers must be off.

    The query's columns: subject_id, status, created_at, initiator_id, reviewed_at, reviewer_id (a
    member's, or null), paths, changes.
    """
    with connection.cursor() as cursor:
        # PostgreSQL expects few rows of what an INSERT returns, and would compare each with each.
        cursor.execute("SET enable_nestloop = off")
        cursor.execute(_INSERT.format(rows=rows, kind="%(of_kind)s"), {**values, "of_kind": kind})
        cursor.execute("RESET enable_nestloop")
