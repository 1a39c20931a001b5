"""Sending tasks. A row says what is to be done and the task only names it, so a lost message loses no work."""

from datetime import timedelta
from typing import Any

import structlog
from celery import Task
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

log = structlog.get_logger("kontor.jobs")

# Long enough for a worker to take a message that did arrive.
SENT_AGAIN_AFTER = timedelta(seconds=30)


class JobLeaseLostError(Exception):
    """The job is no longer this worker's: another one took it, it was called off, or it is done."""


def free_jobs(*, pending: object, running: object, lost_after: timedelta) -> Q:
    """Jobs that a worker may take: those that wait, and those whose worker has not shown for so long that it is gone.

    Of rows with `status` and `heartbeat_at`.
    """
    return Q(status=pending) | _lost_jobs(running, lost_after)


def left_jobs(*, pending: object, running: object, lost_after: timedelta) -> Q:
    """Jobs to send again: those whose message must be lost, since nobody took them, and those whose worker is gone.

    Of rows with `status`, `created_at` and `heartbeat_at`.
    """
    is_forgotten = Q(status=pending, created_at__lt=timezone.now() - SENT_AGAIN_AFTER)
    return is_forgotten | _lost_jobs(running, lost_after)


def _lost_jobs(running: object, lost_after: timedelta) -> Q:
    return Q(status=running, heartbeat_at__lt=timezone.now() - lost_after)


def send_on_commit(task: Task, *args: Any) -> None:
    """Send a task once the transaction is committed.

    A broker that is down does not fail the request: beat finds the row later and sends the task again.
    """

    def send() -> None:
        try:
            task.delay(*args)
        except OperationalError as error:
            log.warning("broker_unavailable", task=task.name, error=type(error).__name__)

    transaction.on_commit(send)
