"""Registry of the rows that store each schema's documents.

This app may not import the apps that store documents, so they register, in their `apps.py`, a function that returns
their rows. All checks of stored documents read them through `batches`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

BATCH_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class StoredDocuments:
    """Rows with `id` and `details`. `visible_to_user` takes a user id and returns the rows that this user can see."""

    rows: QuerySet[Any]
    visible_to_user: Callable[[int | None], QuerySet[Any]]


_sources: dict[str, Callable[[], StoredDocuments]] = {}


def register_document_source(schema_key: str, source: Callable[[], StoredDocuments]) -> None:
    """Register a function that returns the StoredDocuments of a schema."""
    _sources[schema_key] = source


def documents_of(schema_key: str) -> StoredDocuments | None:
    """Return the document source of a schema, or None if no app stores its documents."""
    source = _sources.get(schema_key)
    return None if source is None else source()


def schema_keys_with_documents() -> list[str]:
    return sorted(_sources)


def batches(rows: QuerySet[Any], *, after: int = 0) -> Iterator[list[tuple[int, Any]]]:
    """Yield (id, details) of all rows with an id greater than `after`, by id, in lists of up to 1000.

    Runs one query per batch, and holds neither a transaction nor a cursor in between.
    """
    ordered = rows.order_by("pk").values_list("pk", "details")
    while batch := list(ordered.filter(pk__gt=after)[:BATCH_SIZE]):
        yield batch
        after = batch[-1][0]
