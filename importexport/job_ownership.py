"""The requester of a job: stored when the job is created, turned back into an actor when it runs."""

from datetime import datetime
from typing import Any, TypedDict, TypeVar

from django.conf import settings
from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.actor import Actor, ActorKind, member_actor, system_actor
from accounts.permissions import check_member_permission
from core.errors import Forbidden, TooManyRequests
from importexport.job_messages import requester_left
from importexport.models import Job

J = TypeVar("J", bound=Job)


class Requester(TypedDict):
    requested_by_member_id: int | None
    requested_by_application_id: int | None
    requested_by_system: str


def requester_columns(actor: Actor) -> Requester:
    """Return the columns of a job that name its requester. Contacts cannot request jobs."""
    return {
        "requested_by_member_id": actor.member_id,
        "requested_by_application_id": actor.application_id,
        "requested_by_system": actor.name if actor.kind is ActorKind.SYSTEM else "",
    }


def requested_by(jobs: QuerySet[J], actor: Actor) -> QuerySet[J]:
    """Return the jobs that the actor requested; none for a contact."""
    columns: dict[str, Any] = {**requester_columns(actor)}
    if actor.is_contact:
        return jobs.none()
    return jobs.filter(**columns)


def check_unfinished(jobs: QuerySet[J], actor: Actor) -> None:
    """Check the actor's limit of unfinished jobs of this kind (MAX_UNFINISHED_JOBS). System actors have no limit.

    Takes an advisory lock per actor and kind until the transaction ends. Raise TooManyRequests `TooManyJobs`.
    """
    most = settings.MAX_UNFINISHED_JOBS
    if not most or actor.kind is ActorKind.SYSTEM:
        return
    with connection.cursor() as cursor:
        name = f"{jobs.model.__name__} {actor.key}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    if requested_by(jobs, actor).filter(finished_at=None).count() >= most:
        raise TooManyRequests(
            _("%(count)s of your jobs are queued or running. Try again when one of them has finished.")
            % {"count": most},
            sub_code="TooManyJobs",
            headers={"Retry-After": "30"},
        )


def jobs_at_hand(jobs: QuerySet[J], actor: Actor, *, finished_since: datetime, limit: int) -> QuerySet[J]:
    """Return up to `limit` of the actor's jobs: unfinished ones, newest first, then those finished recently."""
    at_hand = requested_by(jobs, actor).filter(Q(finished_at=None) | Q(finished_at__gte=finished_since))
    return at_hand.order_by(F("finished_at").desc(nulls_first=True), "-created_at", "id")[:limit]


def actor_of_job(job: Job, *, scope: str, permission: str) -> Actor:
    """Return the actor that requested the job, with its current permissions.

    Raise Forbidden if the member's login is inactive or lacks the permission, or the application the scope, by now.
    """
    member, actor = job.requested_by_member, requester_of(job)
    if member is not None and not member.user.is_active:
        raise Forbidden(requester_left())
    if member is not None:
        check_member_permission(actor, permission)
    if actor.application_id is not None and scope not in actor.scopes:
        raise Forbidden(_("The application that requested this lacks the scope %(scope)s.") % {"scope": scope})
    return actor


def requester_of(job: Job) -> Actor:
    """Return the actor that requested the job, whether or not it still may."""
    member, application = job.requested_by_member, job.requested_by_application
    if member is not None:
        return member_actor(member)
    if application is not None:
        return Actor(
            kind=ActorKind.APP,
            name=application.name,
            scopes=frozenset(application.allowed_scopes.split()),
            application_id=application.pk,
            participant_ids=tuple(application.participants.values_list("pk", flat=True)),
        )
    return system_actor(job.requested_by_system)
