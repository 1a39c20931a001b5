"""The documents whose changes the ledger records. The app that owns a kind with versions registers its table."""

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
