"""What the doctor finds."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    OK = "ok"
    WARNING = "warning"  # Kontor works, but something should be looked after.
    ERROR = "error"  # Something does not work, or is not safe.


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it is, and what to do where it is not well."""

    grade: Grade
    text: str
    remedy: str = ""


def ok(text: str) -> Finding:
    return Finding(Grade.OK, text)


def warning(text: str, remedy: str) -> Finding:
    return Finding(Grade.WARNING, text, remedy)


def error(text: str, remedy: str) -> Finding:
    return Finding(Grade.ERROR, text, remedy)
