"""One log for structlog and the standard library: every line carries the request's correlation id."""

import logging.config
from typing import Literal

import structlog
from structlog.typing import Processor

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def logging_config(form: str, *, level: str) -> None:
    """Configure the loggers of this process; `form` is `json` (one object a line) or `console`."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        final += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        final += [structlog.dev.ConsoleRenderer(colors=False)]
    stream: Literal["ext://sys.stderr"] = "ext://sys.stderr"
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
            "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": stream, "formatter": "kontor"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                # The request line of core.correlation says it all; Django's own would repeat it, with the full URL.
                "django.request": {"level": "CRITICAL"},
                "django.server": {"level": "CRITICAL"},
            },
        }
    )
