"""Services that change schemas and lists."""

from schemas.services.defaults import load_default_schemas, load_lists
from schemas.services.drafts import create_draft, publish_draft
from schemas.services.lists import remove_list_item, save_list_item
from schemas.services.schemas import publish_schema

__all__ = [
    "create_draft",
    "load_default_schemas",
    "load_lists",
    "publish_draft",
    "publish_schema",
    "remove_list_item",
    "save_list_item",
]
