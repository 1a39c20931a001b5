"""Background work. A row says what is to be done and the task only names it, so a lost message loses no work.

A worker takes a job with a lease. The number of the attempt fences it: a worker that was given up for lost, and comes
back, finds another number in the row and writes nothing any more.
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

# Long enough for a worker to pick up a message that was delivered.
SENT_AGAIN_AFTER = timedelta(seconds=30)
LOST_AFTER = timedelta(minutes=2)
# What kills every worker must not be tried endlessly.
MAX_ATTEMPTS = 5

# The statuses of every kind of job have these three.
PENDING, RUNNING, FAILED = "Pending", "Running", "Failed"
UNFINISHED = (PENDING, RUNNING)


class JobLeaseLostError(Exception):
    """This worker no longer owns the job: another worker took it, or it was cancelled or finished."""


class LeasedJob(models.Model):
    """Work that outlives a request: in which language, how far it is, and what became of it.

    `attempts` counts how often a worker took the job. `heartbeat_at` says when the worker last showed that it lives.
    `total` is null until it is known.
    """

    id = models.UUIDField(_("id"), primary_key=True, default=uuid4, editable=False)
    language = models.CharField(_("language"), max_length=10, default="en")
    # Each kind names its own choices, and with them how it may end.
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
        """How many attempts count against the job."""
        return self.attempts

    @classmethod
    def lost_after(cls) -> timedelta:
        """A worker that shows no sign of life for so long counts as lost."""
        return LOST_AFTER


Job = TypeVar("Job", bound=LeasedJob)


class JobLease(Generic[Job]):
    """What lets a worker write to a job. `job` is the row as it was when the worker took it."""

    def __init__(self, job: Job) -> None:
        self.job = job

    @classmethod
    def claim(cls, jobs: QuerySet[Job], job_id: UUID | str, **columns: Any) -> Self | None:
        """Take one of the jobs if it waits, or if its worker vanished, and write the columns with the claim.

        One conditional update decides, so that of two deliveries one gets the job. None when there is nothing to do.
        """
        is_free = Q(status=PENDING) | _is_lost(jobs)
        with transaction.atomic():
            taken = jobs.filter(is_free, pk=job_id).update(
                status=RUNNING, attempts=F("attempts") + 1, heartbeat_at=timezone.now(), **columns
            )
            return cls(jobs.get(pk=job_id)) if taken else None

    @property
    def is_exhausted(self) -> bool:
        """Whether the job has had its attempts: it is to be failed then, and not tried."""
        return self.job.tries > MAX_ATTEMPTS

    @property
    def rows(self) -> QuerySet[Job]:
        """The job's row while the lease holds, no row afterwards."""
        return type(self.job)._default_manager.filter(pk=self.job.pk, attempts=self.job.attempts, status=RUNNING)

    def locked(self) -> Job:
        """The job as it is, with its row locked until the transaction ends. Raises JobLeaseLostError."""
        job = self.rows.select_for_update().first()
        if job is None:
            raise JobLeaseLostError
        return job

    def write(self, **columns: Any) -> None:
        """Write to the row, which is a sign of life. Raises JobLeaseLostError."""
        if not self.rows.update(heartbeat_at=timezone.now(), **columns):
            raise JobLeaseLostError

    def fail(self, **columns: Any) -> None:
        """End the job as failed; does nothing when it is no longer this worker's."""
        self.rows.update(status=FAILED, finished_at=timezone.now(), **columns)


def jobs_to_send_again(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Those whose message must be lost, since nobody took them, and those whose worker vanished, the oldest first."""
    is_forgotten = Q(status=PENDING, created_at__lt=timezone.now() - SENT_AGAIN_AFTER)
    return jobs.filter(is_forgotten | _is_lost(jobs)).order_by("created_at")


def send_again(task: Task, jobs: QuerySet[Job]) -> None:
    """Send the task for those of the jobs whose message got lost, or whose worker vanished."""
    for job_id in jobs_to_send_again(jobs).values_list("pk", flat=True):
        task.delay(str(job_id))


def send_on_commit(task: Task, *args: Any) -> None:
    """Send a task when the transaction commits.

    An unavailable broker does not fail the request: a beat task finds the row later and sends the task again.
    """

    def send() -> None:
        try:
            task.delay(*args)
        except OperationalError as error:
            log.warning("broker_unavailable", task=task.name, error=type(error).__name__)

    transaction.on_commit(send)


def _is_lost(jobs: QuerySet[Job]) -> Q:
    return Q(status=RUNNING, heartbeat_at__lt=timezone.now() - jobs.model.lost_after())
