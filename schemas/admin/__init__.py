"""Schemas, their versions and lists in the admin. All writes go through the services."""

from schemas.admin.lists import ListAdmin, ListItemAdmin
from schemas.admin.schemas import SchemaAdmin
from schemas.admin.versions import SchemaVersionAdmin

__all__ = ["ListAdmin", "ListItemAdmin", "SchemaAdmin", "SchemaVersionAdmin"]
