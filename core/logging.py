"""One log for structlog and the standard library: every line carries the request's correlation id.

Personal data stays out of it. What an exception says may quote a client ("Key (username)=(johanna) already exists"),
so of exceptions the log has the types, the places in the code and the database's codes, and not the text; in the
console's form, which is for development, it has the text too.
"""

import logging.config
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# What PostgreSQL says about an error that names no value.
_DIAGNOSIS = ("sqlstate", "constraint_name", "table_name", "column_name")


def default_form() -> str:
    """LOG_FORMAT; unless set `json` where both servers are named, which is production, and else `console`."""
    is_production = os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")
    return os.environ.get("LOG_FORMAT") or ("json" if is_production else "console")


def default_level() -> str:
    return os.environ.get("LOG_LEVEL") or "INFO"


def log_stream() -> TextIO:
    """LOG_STREAM, `stdout` or `stderr`. Unless set, servers log to the first, and commands, which print, to the second.

    Raises ValueError.
    """
    name = os.environ.get("LOG_STREAM") or "stderr"
    if name not in ("stdout", "stderr"):
        raise ValueError(f"LOG_STREAM is stdout or stderr, not {name}.")
    return sys.stdout if name == "stdout" else sys.stderr


def _exception(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """Describe an exception and its causes, without their texts."""
    return list(_chain(exc_info[1]))


def _chain(error: BaseException | None) -> Iterator[dict[str, Any]]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = traceback.extract_tb(error.__traceback__)
        entry: dict[str, Any] = {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if (diagnosis := getattr(error, "diag", None)) is not None:
            entry |= {name: value for name in _DIAGNOSIS if (value := getattr(diagnosis, name, None))}
        if isinstance(error, OSError) and error.errno is not None:
            entry["errno"] = error.errno
        yield entry
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _json_text(event: EventDict, **options: Any) -> str:
    return orjson.dumps(event, **options).decode()


class SentTasksFilter(logging.Filter):
    """Drops beat's line for every task that it sends: some are due each second, and each has a line when it ends."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Scheduler: Sending due task")


def logging_config(form: str, *, level: str) -> None:
    """Configure the loggers of this process; `form` is `json` (one object a line) or `console`.

    Our own lines of JSON are written past the standard library, which would take a tenth of what a short request takes.
    """
    own: list[Processor] = [structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
    factory: Any = structlog.stdlib.LoggerFactory()
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        exceptions = structlog.processors.ExceptionRenderer(_exception)
        own = [exceptions, structlog.processors.JSONRenderer(orjson.dumps, option=orjson.OPT_NON_STR_KEYS)]
        factory = structlog.BytesLoggerFactory(log_stream().buffer)
        final += [exceptions, structlog.processors.JSONRenderer(_json_text, option=orjson.OPT_NON_STR_KEYS)]
    else:
        # Python's own form: with `rich` installed structlog would add every local variable, secrets and all, and take
        # a second for it.
        final += [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*SHARED, *own],
        logger_factory=factory,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    # Or they would stand between the objects as plain text.
    logging.captureWarnings(form == "json")
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "kontor": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": SHARED,
                    "processors": final,
                }
            },
            "handlers": {"log": {"class": "logging.StreamHandler", "stream": log_stream(), "formatter": "kontor"}},
            "filters": {"sent": {"()": SentTasksFilter}},
            "root": {"handlers": ["log"], "level": level},
            "loggers": {
                # The request line of core.middleware says it all; Django's own would repeat it, with the full URL.
                "django.request": {"level": "CRITICAL"},
                "django.server": {"level": "CRITICAL"},
                # The line of operations.tasklog says it all; Celery's own would add what the exception says.
                "celery.app.trace": {"level": "CRITICAL"},
                "celery.worker.strategy": {"level": "WARNING"},
                # It says so of every message that nobody took in time, which for what is due each second is nothing.
                "celery.worker.request": {"level": "WARNING"},
                "celery.beat": {"filters": ["sent"]},
                "botocore": {"level": "WARNING"},
                # It would repeat what somebody sent as the host; the request's line has the status.
                "django.security.DisallowedHost": {"level": "CRITICAL"},
                # At DEBUG they tell what was sent: tokens, names of applications, addresses, guesses.
                "oauth2_provider": {"level": "INFO"},
                "oauthlib": {"level": "INFO"},
            },
        }
    )
