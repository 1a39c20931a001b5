"""Findings of the doctor."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"  # Kontor works, but something needs attention.
    ERROR = "error"  # Something does not work or is unsafe.


@dataclass(frozen=True)
class Finding:
    """The result of one check, with a remedy if there is a problem."""

    grade: Grade
    text: str
    remedy: str = ""


# How many names a finding lists.
MOST_NAMES = 5


def shortened(texts: Sequence[str]) -> str:
    """Return some names and how many more there are."""
    more = f", and {len(texts) - MOST_NAMES} more" if len(texts) > MOST_NAMES else ""
    return ", ".join(texts[:MOST_NAMES]) + more


def ok(text: str) -> Finding:
    return Finding(Grade.OK, text)


def warning(text: str, remedy: str) -> Finding:
    return Finding(Grade.WARNING, text, remedy)


def error(text: str, remedy: str) -> Finding:
    return Finding(Grade.ERROR, text, remedy)
