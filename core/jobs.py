"""Background jobs. The row holds all state and the Celery task only its id, so losing a message loses no work.

A worker claims a job with a lease, fenced by the attempt number: a worker that was presumed lost and comes back finds a
different number in the row and can no longer write to it.
"""

from datetime import timedelta
from typing import Any, Generic, Self, TypeVar
from uuid import UUID, uuid4

import structlog
from celery import Task
from django.db import models, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from kombu.exceptions import OperationalError

log = structlog.get_logger("kontor.jobs")

# Allows time for a worker to pick up a delivered message.
SENT_AGAIN_AFTER = timedelta(seconds=30)
LOST_AFTER = timedelta(minutes=2)
# A job that crashes its worker must not be retried endlessly.
MAX_ATTEMPTS = 5

# The statuses that all kinds of jobs share.
PENDING, RUNNING, FAILED = "Pending", "Running", "Failed"
UNFINISHED = (PENDING, RUNNING)


class JobLeaseLostError(Exception):
    """This worker no longer owns the job: another worker took it, or it was cancelled or finished."""


class LeasedJob(models.Model):
    """A background job with its language, progress and result.

    `attempts` counts the claims by workers. `heartbeat_at` is the worker's last sign of life. `processed` and `total`
    are in units of the job; `total` is null until it is known.
    """

    id = models.UUIDField(_("id"), primary_key=True, default=uuid4, editable=False)
    language = models.CharField(_("language"), max_length=10, default="en")
    # Subclasses define the choices, including the final statuses.
    status = models.CharField(_("status"), max_length=20, default=PENDING)
    processed = models.PositiveIntegerField(_("processed"), default=0)
    total = models.PositiveIntegerField(_("total"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error_message = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_finished(self) -> bool:
        return self.status not in UNFINISHED

    @property
    def tries(self) -> int:
        """Return the number of attempts that count towards MAX_ATTEMPTS."""
        return self.attempts

    @classmethod
    def lost_after(cls) -> timedelta:
        """Return the time without a heartbeat after which the worker counts as lost."""
        return LOST_AFTER


Job = TypeVar("Job", bound=LeasedJob)


class JobLease(Generic[Job]):
    """A worker's right to write to a job. `job` is the row as of the claim."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @classmethod
    def claim(cls, jobs: QuerySet[Job], job_id: UUID | str, **columns: Any) -> Self | None:
        """Claim a job that is pending or whose worker is lost, and write the columns. Return None if it is neither.

        Uses one conditional UPDATE, so that only one of several deliveries gets the job.
        """
        is_free = Q(status=PENDING) | _is_lost(jobs)
        with transaction.atomic():
            taken = jobs.filter(is_free, pk=job_id).update(
                status=RUNNING, attempts=F("attempts") + 1, heartbeat_at=timezone.now(), **columns
            )
            return cls(jobs.get(pk=job_id)) if taken else None

    @property
    def is_exhausted(self) -> bool:
        """Return whether the job has used up its attempts, so that the worker must fail it without running it."""
        return self.job.tries > MAX_ATTEMPTS

    @property
    def rows(self) -> QuerySet[Job]:
        """Return a queryset of the job's row, which is empty once the lease is lost."""
        return type(self.job)._default_manager.filter(pk=self.job.pk, attempts=self.job.attempts, status=RUNNING)

    def locked(self) -> Job:
        """Return the current job with its row locked until the end of the transaction. Raise JobLeaseLostError."""
        job = self.rows.select_for_update().first()
        if job is None:
            raise JobLeaseLostError
        return job

    def write(self, **columns: Any) -> None:
        """Update the row and its heartbeat. Raise JobLeaseLostError."""
        if not self.rows.update(heartbeat_at=timezone.now(), **columns):
            raise JobLeaseLostError

    def fail(self, **columns: Any) -> None:
        """Mark the job as failed. Does nothing if the lease is lost."""
        self.rows.update(status=FAILED, finished_at=timezone.now(), **columns)


def jobs_to_send_again(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Return pending jobs that no worker has claimed in time and jobs whose worker is lost, oldest first."""
    is_forgotten = Q(status=PENDING, created_at__lt=timezone.now() - SENT_AGAIN_AFTER)
    return jobs.filter(is_forgotten | _is_lost(jobs)).order_by("created_at")


def send_again(task: Task, jobs: QuerySet[Job]) -> None:
    """Send the task for the jobs whose message or worker is lost."""
    for job_id in jobs_to_send_again(jobs).values_list("pk", flat=True):
        task.delay(str(job_id))


def send_on_commit(task: Task, *args: Any, countdown: float = 0) -> None:
    """Send a task when the transaction commits, to run after `countdown` seconds.

    An unavailable broker does not fail the request: a beat task finds the row later and sends the task again.
    """

    def send() -> None:
        try:
            task.apply_async(args, countdown=countdown) if countdown else task.delay(*args)
        except OperationalError as error:
            log.warning("broker_unavailable", task=task.name, error=type(error).__name__)

    transaction.on_commit(send)


def _is_lost(jobs: QuerySet[Job]) -> Q:
    return Q(status=RUNNING, heartbeat_at__lt=timezone.now() - jobs.model.lost_after())
