"""What a check of a release finds."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """Whether it may be published. What could not be examined may not."""

    OK = "ok"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    grade: Grade
    part: str
    text: str


def ok(part: str, text: str) -> Finding:
    return Finding(Grade.OK, part, text)


def failed(part: str, text: str) -> Finding:
    return Finding(Grade.FAILED, part, text)


def not_run(part: str, text: str) -> Finding:
    return Finding(Grade.NOT_RUN, part, text)
