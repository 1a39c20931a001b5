"""The kinds of change requests about schemas and lists."""

from schemas.kinds.lists import ListKind
from schemas.kinds.schemas import SchemaKind

__all__ = ["ListKind", "SchemaKind"]
