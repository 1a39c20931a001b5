"""The subjects of the ledger: tables of documents and kinds of entries, registered by the apps that own them."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DocumentTable:
    """Where the documents of a kind are: rows with `id`, `version` and `details`. An entry's sequence is a version."""

    kind: str
    table: str


_tables: dict[str, DocumentTable] = {}


def register_document_table(kind: str, table: str) -> None:
    """Register the table of a kind. Raises ValueError if it has one."""
    if kind in _tables:
        raise ValueError(f"{kind} has a table already")
    _tables[kind] = DocumentTable(kind, table)


def document_tables() -> dict[str, DocumentTable]:
    """Return the tables by kind."""
    return dict(_tables)


_kinds: dict[str, tuple[str, ...]] = {}


def register_subject_kinds(subject: str, kinds: Collection[str]) -> None:
    """Register the kinds of entries about the same rows. Raises ValueError if they are registered."""
    if subject in _kinds:
        raise ValueError(f"{subject} has its kinds already")
    _kinds[subject] = tuple(kinds)


def subject_kinds(subject: str) -> tuple[str, ...]:
    """Return the kinds of entries about a sort of rows. Raises KeyError."""
    return _kinds[subject]
