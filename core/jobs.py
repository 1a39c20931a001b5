"""Sending tasks. A row says what is to be done and the task only names it, so a lost message loses no work."""

from typing import Any

import structlog
from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger("kontor.jobs")


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
