"""Where the documents of each schema are stored.

Schemas cannot know who stores documents. Each app that does registers, in its `apps.py`, a function that gives its
rows. Everything that checks what is stored reads them through `batches`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

BATCH_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class StoredDocuments:
    """Rows with `id` and `details`, and those of them that the member behind a login sees."""

    rows: QuerySet[Any]
    visible_to_user: Callable[[int | None], QuerySet[Any]]


_sources: dict[str, Callable[[], StoredDocuments]] = {}


def register_document_source(schema_key: str, source: Callable[[], StoredDocuments]) -> None:
    """Register a function that returns the StoredDocuments of a schema."""
    _sources[schema_key] = source


def documents_of(schema_key: str) -> StoredDocuments | None:
    """Where the documents of a schema are; None when nothing stores any."""
    source = _sources.get(schema_key)
    return None if source is None else source()


def schema_keys_with_documents() -> list[str]:
    return sorted(_sources)


def batches(rows: QuerySet[Any], *, after: int = 0) -> Iterator[list[tuple[int, Any]]]:
    """(id, details) of all rows in the order of their ids, from behind `after`: one statement for each thousand.

    Nothing is held between two batches, neither a transaction nor a cursor.
    """
    ordered = rows.order_by("pk").values_list("pk", "details")
    while batch := list(ordered.filter(pk__gt=after)[:BATCH_SIZE]):
        yield batch
        after = batch[-1][0]
