"""Requests about many subjects. Their proposals stay in the database: there may be a hundred thousand of them."""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from psycopg import sql

from accounts.actor import Actor
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Proposal, RequestSubject, Revision, RevisionReason, Source
from changerequests.policies import Requirement
from changerequests.services.opening import (
    add_revision,
    insert_request,
    save_waiting_again,
    unsaved_request,
    wait_again,
)
from core.documents import paths_with_ancestors
from core.errors import UnprocessableEntity

_TABLES = {
    "proposals": sql.Identifier(Proposal._meta.db_table),
    "subjects": sql.Identifier(RequestSubject._meta.db_table),
    "revisions": sql.Identifier(Revision._meta.db_table),
}
_PROPOSE = sql.SQL("""
    INSERT INTO {proposals} (revision_id, subject_id, changes)
    SELECT %s, subject.id, proposed.changes
      FROM ({proposed}) AS proposed
      JOIN {subjects} subject ON subject.request_id = %s AND subject.subject_id = proposed.subject_id
     ORDER BY subject.id
""")
_PATHS = sql.SQL("""
    SELECT DISTINCT change->>'path' FROM ({proposed}) AS proposed, jsonb_array_elements(proposed.changes) AS change
""")
# What a reviewer keeps of the current proposals; null for those of which nothing is left.
_KEPT = """
    SELECT proposal.subject_id, proposal.changes, subject.is_open,
           (SELECT jsonb_agg(change ORDER BY place)
              FROM jsonb_array_elements(proposal.changes) WITH ORDINALITY AS one (change, place)
             WHERE subject.is_open AND NOT proposal.subject_id = ANY(%(excluded)s::bigint[])
               AND (%(paths)s::text[] IS NULL OR change->>'path' = ANY(%(paths)s::text[]))) AS kept
      FROM {proposals} proposal
      JOIN {revisions} revision ON revision.id = proposal.revision_id
      JOIN {subjects} subject ON subject.id = proposal.subject_id
     WHERE revision.request_id = %(request)s AND revision.number = %(number)s
"""
_COUNTED = sql.SQL(
    f"""
    WITH found AS MATERIALIZED ({_KEPT})
    SELECT count(*) FILTER (WHERE is_open AND kept IS DISTINCT FROM changes),
           ARRAY(SELECT DISTINCT change->>'path' FROM found, jsonb_array_elements(kept) AS change),
           ARRAY(SELECT DISTINCT change->>'path' FROM found, jsonb_array_elements(changes) AS change),
           ARRAY(SELECT subject_id FROM found WHERE subject_id = ANY(%(excluded)s::bigint[]))
      FROM found
"""  # noqa: S608 - constants
)
_KEEP = sql.SQL(
    f"""
    INSERT INTO {{proposals}} (revision_id, subject_id, changes)
    SELECT %(revision)s, subject_id, kept FROM ({_KEPT}) AS found WHERE kept IS NOT NULL ORDER BY subject_id
"""  # noqa: S608 - constants
)


def open_request_of_many(
    *, kind: str, source: Source, actor: Actor, requirement: Requirement, proposed: QuerySet[Any]
) -> ChangeRequest:
    """Open a request for changes of many subjects of a kind, in the order of the rows of `proposed`.

    These have the columns `subject_id` and `changes`, as in a Proposal, and are read by the database alone. Nobody can
    decide the request before the transaction ends. Raises UnprocessableEntity `PendingChangeRequestExists`.
    """
    rows = proposed.values("subject_id", "changes")
    query, values = rows.order_by().query.sql_with_params()
    tables = {**_TABLES, "proposed": sql.SQL(query)}
    with connection.cursor() as cursor:
        cursor.execute(_PATHS.format(**tables).as_string(), values)
        paths = [path for (path,) in cursor.fetchall()]
    request = unsaved_request(
        kind=kind, paths=paths_with_ancestors(paths), actor=actor, requirement=requirement, comment=None
    )
    request.source = source
    insert_request(request, list(rows.values_list("subject_id", flat=True)))
    revision = add_revision(
        request, reason=RevisionReason.SUBMITTED, author_id=actor.member_id, requirement=requirement, comment=None
    )
    with connection.cursor() as cursor:
        cursor.execute(_PROPOSE.format(**tables).as_string(), [revision.pk, *values, request.pk])
    return request


def strike_of_many(
    *,
    request: ChangeRequest,
    paths: Collection[str] | None,
    excluded_subject_ids: Collection[int],
    author_id: int,
    requirement: Requirement,
    comment: str | None,
) -> bool:
    """Give the locked request a revision of what a reviewer keeps; return False if that is everything.

    None for `paths` keeps all of them. What is left has the stages that all of it had. Raises UnprocessableEntity:
    `UnknownPaths`, `UnknownEntries`, `NothingKept`.
    """
    asked: dict[str, Any] = {
        "request": request.pk,
        "number": request.revision_number,
        "paths": None if paths is None else list(paths),
        "excluded": list(excluded_subject_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED.format(**_TABLES).as_string(), asked)
        ((struck, kept_paths, known_paths, known_excluded),) = cursor.fetchall()
    check_parts(paths or (), known_paths, excluded_subject_ids, known_excluded)
    if not kept_paths:
        raise nothing_kept()
    if paths is not None:
        request_kind(request.kind).check_kept(known_paths, paths)
    if not struck:
        return False
    wait_again(request, paths=paths_with_ancestors(kept_paths), requirement=requirement)
    revision = add_revision(
        request, reason=RevisionReason.STRUCK, author_id=author_id, requirement=requirement, comment=comment
    )
    with connection.cursor() as cursor:
        cursor.execute(_KEEP.format(**_TABLES).as_string(), {**asked, "revision": revision.pk})
    save_waiting_again(request)
    left_out = request.subjects.exclude(pk__in=revision.proposals.values("subject"))
    left_out.filter(is_open=True).update(outcome=RequestSubject.Outcome.EXCLUDED)
    return True


def check_parts(
    paths: Collection[str], known_paths: Collection[str], entry_ids: Collection[int], known_ids: Collection[int]
) -> None:
    """Raise UnprocessableEntity for a path or an entry that the request does not have: mistyped or outdated."""
    unknown = sorted(set(paths) - set(known_paths))
    if unknown:
        text = _("The request does not change: %(paths)s.") % {"paths": ", ".join(unknown)}
        raise UnprocessableEntity(text, sub_code="UnknownPaths")
    missing = set(entry_ids) - set(known_ids)
    if missing:
        ids = ", ".join(map(str, sorted(missing)))
        raise UnprocessableEntity(_("The request has no entry %(ids)s.") % {"ids": ids}, sub_code="UnknownEntries")


def nothing_kept() -> UnprocessableEntity:
    return UnprocessableEntity(_("Keep at least one change, or reject the request."), sub_code="NothingKept")
