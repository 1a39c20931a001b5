"""Findings of the doctor."""

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


def ok(text: str) -> Finding:
    return Finding(Grade.OK, text)


def warning(text: str, remedy: str) -> Finding:
    return Finding(Grade.WARNING, text, remedy)


def error(text: str, remedy: str) -> Finding:
    return Finding(Grade.ERROR, text, remedy)
