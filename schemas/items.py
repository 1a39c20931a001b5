"""List items as documents with paths, which change requests and the ledger compare.

The document of the list `state` is `{"state": {"CH-ZH": {"names": {"en": "Zurich"}, "parentKey": "CH", "order": 0}}}`.
Keys of items may contain dots, which paths cannot: they are written as slashes, which keys cannot contain.
"""

from collections.abc import Mapping
from typing import Any

from core.documents import Document
from schemas.lists import ListData


def code_of(key: str) -> str:
    """Return the part of a path that names an item with this key."""
    return key.replace(".", "/")


def key_of(code: str) -> str:
    return code.replace("/", ".")


def item_as_document(*, names: Mapping[str, str], parent_key: str | None, order: int) -> Document:
    document: dict[str, Any] = {"names": dict(names), "order": order}
    return document if parent_key is None else {**document, "parentKey": parent_key}


def list_as_document(data: ListData) -> Document:
    return {
        data.key: {
            code_of(item.key): item_as_document(names=item.names, parent_key=item.parent_key, order=item.order)
            for item in data.items
        }
    }
