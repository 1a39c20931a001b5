"""What becomes of documents if a list item moves to another parent."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from operator import or_

from django.db.models import BooleanField, F, Func, JSONField, Q, Value

from schemas.document_sources import documents_of
from schemas.fields import Field
from schemas.queries import fields_with_list


def documents_broken_by_move(list_key: str, item_key: str, parent_key: str) -> int:
    """Return how many documents hold the item beside another parent than this one. Scans all documents."""
    fields: dict[str, list[Field]] = defaultdict(list)
    for schema_key, field in fields_with_list(list_key):
        if field.hierarchy_path is not None:
            fields[schema_key].append(field)
    broken = 0
    for schema_key, beside_parents in fields.items():
        documents = documents_of(schema_key)
        if documents is not None:
            held = [Q(_is_held_beside_another(field, item_key, parent_key)) for field in beside_parents]
            broken += documents.rows.filter(reduce(or_, held)).count()
    return broken


def _is_held_beside_another(field: Field, item_key: str, parent_key: str) -> Func:
    """Whether an object of the details has the item and not the parent; lax mode unwraps arrays on the way."""
    *above, key = field.path.split(".")
    place = "".join(f'."{step}"' for step in above)
    test = f'@."{key}" == $item && !(@."{field.hierarchy_field_key}" == $parent)'
    return Func(
        F("details"),
        Func(Value(f"${place} ? ({test})"), template="%(expressions)s::jsonpath"),
        Value({"item": item_key, "parent": parent_key}, output_field=JSONField()),
        function="jsonb_path_exists",
        output_field=BooleanField(),
    )
