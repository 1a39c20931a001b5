"""Changes schemas and lists."""

from schemas.services.defaults import load_default_schemas, load_lists
from schemas.services.lists import remove_list_item, save_list_item
from schemas.services.schemas import publish_schema

__all__ = ["load_default_schemas", "load_lists", "publish_schema", "remove_list_item", "save_list_item"]
