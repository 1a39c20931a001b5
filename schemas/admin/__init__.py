"""Schemas, their versions and the lists in the admin. Whatever is saved, the services save."""

from schemas.admin.lists import ListAdmin, ListItemAdmin
from schemas.admin.schemas import SchemaAdmin
from schemas.admin.versions import SchemaVersionAdmin

__all__ = ["ListAdmin", "ListItemAdmin", "SchemaAdmin", "SchemaVersionAdmin"]
