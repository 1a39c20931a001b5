"""What verification finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What is wrong: with an entry, a document (its `sequence` is 0) or a seal (its `kind` is empty)."""

    kind: str
    subject_id: int
    sequence: int
    problem: str

    def __str__(self) -> str:
        place = f"{self.kind} {self.subject_id}" if self.kind else "the ledger"
        return f"{place}{f', entry {self.sequence}' if self.sequence else ''}: {self.problem}"
