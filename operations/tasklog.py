"""The log of workers and beat: one line per task, with the correlation id of the request that sent it."""

import os
import sys
import time
from typing import Any

import structlog
from celery import Task, signals
from celery.states import SUCCESS

from core.logging import default_form, default_level, logging_config

_HEADER = "kontor_correlation_id"
_started: dict[str, float] = {}

log = structlog.get_logger("kontor.task")


@signals.setup_logging.connect
def _log_to_stdout(**_: Any) -> None:
    """Have the log on standard output, alone; Celery configures nothing itself where a receiver is connected."""
    os.environ.setdefault("LOG_STREAM", "stdout")
    if sys.stdout is sys.stderr or os.environ["LOG_STREAM"] != "stdout":
        return
    logging_config(default_form(), level=default_level())
    # What Celery and others print, such as "Warm shutdown", is no part of the log.
    sys.stdout = sys.stderr
    setattr(sys, "__stdout__", sys.stderr)  # noqa: B010 - declared as final


@signals.before_task_publish.connect
def _carry_along(headers: dict[str, Any], **_: Any) -> None:
    if identity := structlog.contextvars.get_contextvars().get("correlation_id"):
        headers[_HEADER] = identity


@signals.task_prerun.connect
def _begin(task_id: str, task: Task, **_: Any) -> None:
    if task.request.called_directly or task.request.is_eager:
        return
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        correlation_id=task.request.get(_HEADER) or task_id, task=task.name, task_id=task_id
    )
    _started[task_id] = time.perf_counter()


@signals.task_postrun.connect
def _end(task_id: str, task: Task, state: str | None = None, **_: Any) -> None:
    if (started := _started.pop(task_id, None)) is None:
        return
    # What beat sends every second says nothing while it works.
    if not (getattr(task, "is_quiet", False) and state == SUCCESS):
        _log_end(task, state, started)
    structlog.contextvars.clear_contextvars()


def _log_end(task: Task, state: str | None, started: float) -> None:
    log.info(
        "task",
        state=state,
        retries=task.request.retries,
        milliseconds=round((time.perf_counter() - started) * 1000, 1),
    )


@signals.task_retry.connect
def _tell_retry(reason: Any, **_: Any) -> None:
    log.warning("task_retries", error=type(getattr(reason, "exc", reason)).__name__)


@signals.task_failure.connect
def _tell_failure(exception: BaseException, **_: Any) -> None:
    log.error("task_failed", exc_info=exception)


@signals.task_unknown.connect
def _tell_unknown(name: str, **_: Any) -> None:
    log.error("task_unknown", task=name)
