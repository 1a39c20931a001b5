"""What the role that runs Kontor may do with each table; the role that owns the tables is another one.

Whoever holds the password of the running role cannot switch off what the database keeps: it owns nothing, and gets no
privilege to create tables, functions or triggers. `manage.py grant_privileges` grants what is said here, and
`manage.py doctor` compares.

An ordinary table can be read and written. Tables that record what happened are listed in `RECORDS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg
from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model
from psycopg import sql

from administration.models import BreakGlass, ConfigurationSubject
from audit.entries import WRITTEN_COLUMNS
from audit.models import Access, AccessLoss, AccessProcess, Entry, Erasure
from changerequests.models import (
    ChangeRequest,
    Decision,
    PolicyVersion,
    Proposal,
    RequestStage,
    RequestSubject,
    Revision,
)
from changerequests.models.conversation import RequestAttachment, RequestComment
from changerequests.models.policies import PolicyGroup
from contacts.models import Merge
from events.models import Event
from importexport.models import ExportApproval
from proof.models import Seal

MIGRATIONS = "django_migrations"


@dataclass(frozen=True, slots=True)
class Record:
    """Rows that are never deleted, and the columns that can be written and changed; the database fills in the others.

    `changed` is what erasure or the workflow changes. Triggers say when; the privileges say that it is never more.
    """

    written: tuple[str, ...]
    changed: tuple[str, ...] = ()


RECORDS: Mapping[type[Model], Record] = {
    Entry: Record(written=WRITTEN_COLUMNS, changed=("changes", "comment", "salt", "commitments", "entry_hash")),
    Erasure: Record(written=("kind", "subject_id")),
    # Months that are older than the retention are dropped by the owner of the tables.
    Access: Record(
        written=(
            *("at", "contact_id", "actor_kind", "actor_id", "application_id", "process_id", "way", "door", "system"),
            "correlation_id",
        )
    ),
    AccessProcess: Record(
        written=("host", "pid", "program", "began_at", "written_until"), changed=("written_until", "ended_at")
    ),
    AccessLoss: Record(written=("process_id", "since", "until", "rows")),
    Event: Record(written=("position", "entry_id", "type", "participants", "participants_before", "application_id")),
    Seal: Record(written=("number", "last", "body", "signature", "entries")),
    ChangeRequest: Record(
        written=(
            *("uid", "kind", "source", "subject_id", "status", "initiator_member_id", "initiator_application_id"),
            *("initiator_system", "initiator_comment", "about_member_id", "excluded_member_ids", "revision_number"),
            *("stage", "reviewers_id", "remind_at", "due_at", "escalated_to_id"),
            *("reviewed_at", "review_member_id", "review_comment", "paths", "digest_salt", "language"),
            *("is_outcome_due", "outcome_claimed_at", "outcome_refused_at"),
        ),
        changed=(
            *("status", "initiator_comment", "about_member_id", "excluded_member_ids", "revision_number", "stage"),
            *("reviewers_id", "remind_at", "due_at", "escalated_to_id"),
            *("reviewed_at", "review_member_id", "review_comment", "paths", "digest_salt"),
            *("is_outcome_due", "outcome_claimed_at", "outcome_refused_at"),
        ),
    ),
    RequestSubject: Record(
        written=("request_id", "kind", "subject_id", "is_open", "outcome", "message"),
        changed=("is_open", "outcome", "message"),
    ),
    Revision: Record(
        written=("request_id", "number", "reason", "author_id", "comment", "policy_version"), changed=("comment",)
    ),
    Proposal: Record(written=("revision_id", "subject_id", "changes"), changed=("changes",)),
    RequestStage: Record(
        written=(
            *("revision_id", "position", "name", "group_id", "approvals", "hours", "is_evidence_required"),
            "escalates_to_id",
        )
    ),
    Decision: Record(
        written=("revision_id", "stage_id", "member_id", "on_behalf_of_id", "verdict", "comment", "digest", "paths"),
        changed=("comment",),
    ),
    RequestComment: Record(written=("request_id", "author_id", "text", "created_at"), changed=("text",)),
    RequestAttachment: Record(
        written=("request_id", "author_id", "file", "name", "media_type", "size", "created_at"),
        changed=("file", "name"),
    ),
    PolicyVersion: Record(written=("uid", "number", "document")),
    PolicyGroup: Record(written=("version_id", "group_id")),
    BreakGlass: Record(
        written=("command", "arguments", "reason", "operator", "used_at", "is_reviewed"), changed=("is_reviewed",)
    ),
    ConfigurationSubject: Record(written=("sort", "object_id", "name"), changed=("object_id", "name")),
    Merge: Record(
        written=(
            *("survivor_id", "loser_id", "made_by_id", "undone_by_id", "version_before", "version_after"),
            *("before", "after"),
        ),
        changed=("undone_by_id",),
    ),
    ExportApproval: Record(written=("job_id", "change_request_id", "may_name_people"), changed=("change_request_id",)),
}

# A table, a privilege, and a column; the column is empty for privileges on whole rows.
Privilege = tuple[str, str, str]

_ACTUAL = """
    SELECT made.relname, privilege, attribute.attname
      FROM pg_class made
      JOIN pg_attribute attribute ON attribute.attrelid = made.oid AND attnum > 0 AND NOT attisdropped
     CROSS JOIN unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS privilege
     WHERE made.oid = ANY(ARRAY(SELECT to_regclass(quote_ident(name)) FROM unnest(%(tables)s::text[]) AS name))
       AND has_column_privilege(made.oid, attnum, privilege)
     UNION ALL
    SELECT made.relname, privilege, ''
      FROM pg_class made
     CROSS JOIN unnest('{DELETE,TRUNCATE,TRIGGER}'::text[]) AS privilege
     WHERE made.oid = ANY(ARRAY(SELECT to_regclass(quote_ident(name)) FROM unnest(%(tables)s::text[]) AS name))
       AND has_table_privilege(made.oid, privilege)
"""


def tables() -> dict[str, type[Model]]:
    """Return the models by table."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: model for model in models if model._meta.managed and not model._meta.proxy}


def needed_privileges() -> set[Privilege]:
    """Return every privilege that the running role needs, and no other."""
    return {privilege for table, model in tables().items() for privilege in _of_table(table, model)} | {
        (MIGRATIONS, "SELECT", column) for column in ("id", "app", "name", "applied")
    }


def present_privileges(own: psycopg.Connection) -> set[Privilege]:
    """Return the privileges that the connection's role has on rows and columns that Kontor knows."""
    known = {(table, column) for table, model in tables().items() for column in _columns(model)}
    known |= {(table, "") for table in (*tables(), MIGRATIONS)}
    known |= {(table, column) for table, _privilege, column in needed_privileges()}
    found = own.execute(_ACTUAL, {"tables": [*tables(), MIGRATIONS]})
    return {(table, privilege, column) for table, privilege, column in found if (table, column) in known}


@transaction.atomic
def grant_privileges(role: str) -> int:
    """Give the role the privileges that it needs, and take all others from it; return the number of tables.

    The current role must own the tables.
    """
    name = sql.Identifier(role)
    with connection.cursor() as cursor:
        for statement in _statements(name):
            cursor.execute(statement.as_string())
    return len(tables())


def tables_of_others() -> list[str]:
    """Return the tables that the current role does not own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)"
            " AND NOT pg_has_role(relowner, 'USAGE') ORDER BY relname",
            [[*tables(), MIGRATIONS]],
        )
        return [table for (table,) in cursor.fetchall()]


def _columns(model: type[Model]) -> list[str]:
    return [str(field.column) for field in model._meta.concrete_fields]


def _of_table(table: str, model: type[Model]) -> Iterator[Privilege]:
    columns = _columns(model)
    record = RECORDS.get(model)
    yield from ((table, "SELECT", column) for column in columns)
    yield from ((table, "INSERT", column) for column in (record.written if record else columns))
    yield from ((table, "UPDATE", column) for column in (record.changed if record else columns))
    if record is None:
        yield table, "DELETE", ""


def _statements(role: sql.Identifier) -> Iterator[sql.Composed]:
    for kind in ("TABLES", "SEQUENCES"):
        yield sql.SQL("REVOKE ALL ON ALL {} IN SCHEMA public FROM {}").format(sql.SQL(kind), role)
    # Without UPDATE, so that no sequence can be set back.
    yield sql.SQL("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}").format(role)
    yield sql.SQL("GRANT SELECT ON public.{} TO {}").format(sql.Identifier(MIGRATIONS), role)
    for table, model in tables().items():
        record = RECORDS.get(model)
        what = sql.SQL("SELECT, INSERT, UPDATE, DELETE") if record is None else _of_record(record)
        yield sql.SQL("GRANT {} ON public.{} TO {}").format(what, sql.Identifier(table), role)


def _of_record(record: Record) -> sql.Composed:
    written, changed = (sql.SQL(", ").join(map(sql.Identifier, names)) for names in (record.written, record.changed))
    update = sql.SQL(", UPDATE ({})").format(changed) if record.changed else sql.SQL("")
    return sql.SQL("SELECT, INSERT ({}){}").format(written, update)
