"""The kinds of change requests about schemas."""

from schemas.kinds.schemas import SchemaKind

__all__ = ["SchemaKind"]
