"""Production logs of exceptions give type and place but no personal data."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.devstack.stack import ROOT

pytestmark = pytest.mark.stack

PROGRAM = """
import logging
import structlog
import psycopg
from core.logging import logging_config

logging_config("json", level="INFO")

def save():
    raise ValueError("Key (username)=(johanna.spyri) already exists")

try:
    try:
        save()
    except ValueError as error:
        raise OSError(28, "No space left for johanna.spyri") from error
except OSError as error:
    {line}
"""


@pytest.mark.parametrize(
    "line",
    [
        'structlog.get_logger("x").exception("failed")',
        'structlog.get_logger("x").error("failed", exc_info=error)',
        'logging.getLogger("x").exception("failed")',
        'logging.getLogger("x").error("failed", exc_info=error)',
    ],
)
def test_an_exception_is_told_by_types_places_and_codes_and_not_by_its_text(line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{line}", line)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "johanna" not in done.stderr
    told: dict[str, Any] = json.loads(done.stderr)
    assert (told["event"], told["level"]) == ("failed", "error")
    first, cause = told["exception"]
    assert (first["type"], first["errno"], cause["type"]) == ("builtins.OSError", 28, "builtins.ValueError")
    assert cause["frames"][-1].endswith(" save")


def test_warnings_of_libraries_are_objects_too() -> None:
    program = PROGRAM.split("def save")[0] + "import warnings; warnings.warn('look out')"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "look out" in json.loads(done.stderr)["event"]


def test_beat_says_that_it_starts_but_not_each_task_that_it_sends() -> None:
    lines = (
        'logging.getLogger("celery.beat").info("Scheduler: Sending due task %s (%s)", "a", "b")',
        'logging.getLogger("celery.beat").info("beat: Starting...")',
    )
    program = "\n".join((PROGRAM.split("def save")[0], *lines))
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["event"] == "beat: Starting..."
