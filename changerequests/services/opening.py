"""Opening a request, and its further revisions."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from psycopg import sql

from accounts.actor import Actor, ActorKind
from accounts.models import ClientApplication
from changerequests.due_times import due_after
from changerequests.kinds import request_kind
from changerequests.models import (
    ChangeRequest,
    Proposal,
    RequestStage,
    RequestSubject,
    Revision,
    RevisionReason,
    Status,
)
from changerequests.models.requests import ONE_OPEN_REQUEST
from changerequests.models.revisions import proposal_json
from changerequests.policies import Requirement, Stage
from changerequests.queries.holidays import calendar_from
from core.documents import Change, paths_with_ancestors
from core.errors import UnprocessableEntity, map_integrity_error

# The changes of each subject, by its id.
Changes = Mapping[int, Sequence[Change]]


class Concerned(NamedTuple):
    """Who does not decide a request: the member whom it is about, and others who gain by it."""

    member_id: int | None = None
    others: Collection[int] = ()


NOBODY = Concerned()


class DueTimes(NamedTuple):
    """When those who could decide are reminded of a stage, and when it is due."""

    remind_at: datetime | None = None
    due_at: datetime | None = None


NEVER = DueTimes()
# The part of a stage's time that passes before that.
REMINDED_AFTER = 0.75
# What describes the stage that a request waits in.
WAITING_COLUMNS = ("stage", "reviewers", "remind_at", "due_at", "escalated_to")


def open_request(
    *,
    kind: str,
    changes: Changes,
    actor: Actor,
    requirement: Requirement,
    comment: str | None,
    concerned: Concerned = NOBODY,
    beside: Collection[int] = (),
) -> ChangeRequest:
    """Open a request for changes of one or more subjects of a kind.

    `requirement` is what the policies say about the changes. Whom it concerns may not decide them, nor who can act as
    the application that asks. `beside` are subjects without changes of their own that the changes are about too. The
    subjects must be locked. Raises UnprocessableEntity `PendingChangeRequestExists` with
    the id of the open request that one of them has.
    """
    request = unsaved_request(
        kind=kind,
        paths=_paths(changes),
        actor=actor,
        requirement=requirement,
        comment=comment,
        concerned=concerned,
    )
    request.subject_id = next(iter(changes)) if len(changes) == 1 else None
    subjects = [
        RequestSubject(pk=pk, request=request, kind=kind, subject_id=subject_id)
        for pk, subject_id in insert_request(request, [*changes, *beside])
    ]
    _add_revision(
        request,
        [subject for subject in subjects if subject.subject_id in changes],
        changes,
        reason=RevisionReason.SUBMITTED,
        author_id=actor.member_id,
        requirement=requirement,
        comment=comment,
    )
    return request


def unsaved_request(
    *,
    kind: str,
    paths: list[str],
    actor: Actor,
    requirement: Requirement,
    comment: str | None,
    concerned: Concerned = NOBODY,
) -> ChangeRequest:
    """Return a new request that waits in the first stage of the requirement."""
    stage = requirement.stages[0]
    request = ChangeRequest(
        kind=kind,
        initiator_member_id=actor.member_id,
        initiator_application_id=actor.application_id,
        initiator_system=actor.name if actor.kind is ActorKind.SYSTEM else "",
        initiator_comment=comment,
        paths=paths,
        language=get_language() or settings.LANGUAGE_CODE,
    )
    wait_in(request, 0, group_id=stage.group_id, hours=stage.hours)
    set_concerned(request, both(who_act_as(actor), concerned))
    return request


def set_concerned(request: ChangeRequest, concerned: Concerned) -> None:
    request.about_member_id, request.excluded_member_ids = concerned.member_id, sorted(concerned.others)


def both(who_asks: Concerned, about: Concerned) -> Concerned:
    """Return one that names both. A request has room for one member; of two, the other is among the rest."""
    others = {*who_asks.others, *about.others}
    if who_asks.member_id is None:
        return Concerned(about.member_id, others)
    return Concerned(who_asks.member_id, others if about.member_id is None else others | {about.member_id})


def who_act_as(actor: Actor) -> Concerned:
    """Return who else can act as the actor. They ask by that.

    As an application: its owner, and who has a secret or key of it. These could also have sent what came through it
    with the token of a member.
    """
    application_id = actor.application_id or actor.via_application_id
    if application_id is None:
        return NOBODY
    application = ClientApplication.objects.filter(pk=application_id).first()
    if application is None:
        return NOBODY
    return Concerned(application.owner_id if actor.application_id else None, application.secret_holders)


def insert_request(request: ChangeRequest, subject_ids: list[int]) -> list[tuple[int, int]]:
    """Insert the request and its subjects in one statement; return the key and the id of each subject.

    Raises UnprocessableEntity `PendingChangeRequestExists`, and inserts nothing, if one of them has an open request.
    """
    query, fields = _insert_query()
    values = [field.get_db_prep_save(getattr(request, field.attname), connection) for field in fields]
    with map_integrity_error(ONE_OPEN_REQUEST, open_already()), connection.cursor() as cursor:
        cursor.execute(query, [*values, request.kind, subject_ids, request.kind, subject_ids])
        written = cursor.fetchall()
    if not written:
        raise open_already(open_request_id(kind=request.kind, subject_ids=subject_ids))
    request.pk, request.created_at = written[0][1], written[0][3]
    request._state.adding, request._state.db = False, connection.alias
    return [(pk, subject_id) for pk, _request_id, subject_id, _created_at in written]


@cache
def _insert_query() -> tuple[str, list[Any]]:
    """Return the SQL that inserts a request and its subjects, and the request's fields in the SQL's order.

    It leaves the time to the database.
    """
    filled_in = {"id", "created_at"}
    fields = [field for field in ChangeRequest._meta.concrete_fields if field.name not in filled_in]
    text = sql.SQL(
        "WITH opened AS ("
        "INSERT INTO {requests} ({columns}) SELECT {values} WHERE NOT EXISTS ("
        "SELECT FROM {subjects} WHERE kind = %s AND subject_id = ANY(%s::integer[]) AND is_open)"
        " RETURNING id, created_at),"
        " about AS (INSERT INTO {subjects} (request_id, kind, subject_id, is_open, outcome, message)"
        " SELECT opened.id, %s, subject_id, true, '', '' FROM opened, unnest(%s::integer[]) AS subject_id"
        " RETURNING id, request_id, subject_id)"
        " SELECT about.*, opened.created_at FROM about, opened ORDER BY about.id"
    ).format(
        requests=sql.Identifier(ChangeRequest._meta.db_table),
        subjects=sql.Identifier(RequestSubject._meta.db_table),
        columns=sql.SQL(", ").join(sql.Identifier(str(field.column)) for field in fields),
        values=sql.SQL(", ").join(sql.SQL(f"%s::{field.db_type(connection)}") for field in fields),
    )
    return text.as_string(), fields


def open_request_id(*, kind: str, subject_ids: Collection[int]) -> int | None:
    """Return the id of an open request that one of the subjects has."""
    found = RequestSubject.objects.filter(kind=kind, subject_id__in=list(subject_ids), is_open=True).first()
    return None if found is None else found.request_id


def open_already(change_request_id: int | None = None) -> UnprocessableEntity:
    """Return the error that a subject has an open request already, if it is known with the id of that."""
    if change_request_id is None:
        return UnprocessableEntity(
            _("Another change request is pending review. Cancel it or wait until it is decided."),
            sub_code="PendingChangeRequestExists",
        )
    return UnprocessableEntity(
        _("Change request %(id)s is pending review. Cancel it or wait until it is decided.")
        % {"id": change_request_id},
        sub_code="PendingChangeRequestExists",
        properties={"changeRequestId": [str(change_request_id)]},
    )


def revise(
    *,
    request: ChangeRequest,
    reason: RevisionReason,
    changes: Changes,
    author_id: int | None,
    requirement: Requirement,
    comment: str | None,
) -> Revision:
    """Give the locked request a new revision, which waits in its first stage again; nobody has decided it yet.

    `changes` may leave out subjects of the request, which closes these for it.
    """
    wait_again(request, paths=_paths(changes), requirement=requirement)
    subjects = list(request.subjects.filter(subject_id__in=list(changes)))
    revision = _add_revision(
        request,
        subjects,
        changes,
        reason=reason,
        author_id=author_id,
        requirement=requirement,
        comment=comment,
    )
    save_waiting_again(request)
    return revision


def wait_again(request: ChangeRequest, *, paths: list[str], requirement: Requirement) -> None:
    """Make the request wait in its first stage for a new revision; `save_waiting_again` saves it after that."""
    stage = requirement.stages[0]
    request.revision_number += 1
    request.status = Status.PENDING
    request.paths = paths
    wait_in(request, 0, group_id=stage.group_id, hours=stage.hours)
    request.review_member = request.reviewed_at = request.review_comment = None
    request.is_outcome_due = False


def wait_in(request: ChangeRequest, position: int, *, group_id: int | None, hours: int | None) -> None:
    """Make the request wait in a stage from now on; the caller saves `WAITING_COLUMNS`."""
    request.stage, request.reviewers_id, request.escalated_to_id = position, group_id, None
    request.remind_at, request.due_at = due_times(request.kind, hours)


def save_waiting_again(request: ChangeRequest) -> None:
    request.save(
        update_fields=[
            *("revision_number", "status", "paths", "about_member", "excluded_member_ids"),
            *WAITING_COLUMNS,
            *("review_member", "reviewed_at", "review_comment", "is_outcome_due"),
        ]
    )


def _add_revision(
    request: ChangeRequest,
    subjects: Sequence[RequestSubject],
    changes: Changes,
    *,
    reason: RevisionReason,
    author_id: int | None,
    requirement: Requirement,
    comment: str | None,
) -> Revision:
    proposals = {
        subject.subject_id: proposal_json(changes[subject.subject_id], required_paths=requirement.paths)
        for subject in subjects
    }
    revision = add_revision(request, reason=reason, author_id=author_id, requirement=requirement, comment=comment)
    Proposal.objects.bulk_create(
        Proposal(revision=revision, subject=subject, changes=proposals[subject.subject_id]) for subject in subjects
    )
    return revision


def add_revision(
    request: ChangeRequest,
    *,
    reason: RevisionReason,
    author_id: int | None,
    requirement: Requirement,
    comment: str | None,
) -> Revision:
    """Add the revision `revision_number` of a request with its stages; its proposals follow."""
    revision = Revision.objects.create(
        request=request,
        number=request.revision_number,
        reason=reason,
        author_id=author_id,
        comment=comment,
        policy_version=requirement.policy_version,
    )
    RequestStage.objects.bulk_create(
        _stage(revision, position, stage) for position, stage in enumerate(requirement.stages)
    )
    return revision


def _stage(revision: Revision, position: int, stage: Stage) -> RequestStage:
    return RequestStage(
        revision=revision,
        position=position,
        name=stage.name,
        group_id=stage.group_id,
        approvals=stage.approvals,
        hours=stage.hours,
        is_evidence_required=stage.is_evidence_required,
        escalates_to_id=stage.escalates_to_id,
    )


def _paths(changes: Changes) -> list[str]:
    return paths_with_ancestors(change.path for found in changes.values() for change in found)


def due_times(kind: str, hours: int | None) -> DueTimes:
    """Return when a stage that begins now reminds and is due; never, if it has no limit. Runs at most one query."""
    if hours is None:
        return NEVER
    now, until_reminder = timezone.now(), hours * REMINDED_AFTER
    if request_kind(kind).is_due_on_any_day:
        return DueTimes(now + timedelta(hours=until_reminder), now + timedelta(hours=hours))
    calendar = calendar_from(timezone.localdate(now, timezone.get_default_timezone()))
    return DueTimes(due_after(now, until_reminder, calendar), due_after(now, hours, calendar))
