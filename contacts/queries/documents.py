"""What is stored under the schema `contact`, and which items of lists it holds."""

from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BooleanField, F, Func, JSONField, Q, QuerySet, Value

from accounts.queries import actor_of_user
from contacts.models import CONTACT_SCHEMA, Contact
from schemas.document_sources import StoredDocuments
from schemas.queries import fields_with_list


def is_list_item_used(list_key: str, item_key: str) -> bool:
    """Return whether any contact's details contain the list item."""
    return holds_list_item(Contact.objects.all(), schema_key=CONTACT_SCHEMA, list_key=list_key, item_key=item_key)


def holds_list_item(rows: QuerySet[Any], *, schema_key: str, list_key: str, item_key: str) -> bool:
    """Return whether the `details` of any row, which follow the schema, contain the list item.

    Scans all rows; items are rarely changed or removed.
    """
    paths = [field.path for key, field in fields_with_list(list_key) if key == schema_key]
    uses = [Q(_holds_text(path, item_key)) for path in paths]
    return bool(uses) and rows.filter(reduce(or_, uses)).exists()


def _holds_text(path: str, text: str) -> Func:
    """Whether the details contain a text at a path; jsonpath's lax mode unwraps arrays on the way."""
    place = "".join(f'."{key}"' for key in path.split("."))
    return Func(
        F("details"),
        Func(Value(f"${place}[*] ? (@ == $item)"), template="%(expressions)s::jsonpath"),
        Value({"item": text}, output_field=JSONField()),
        function="jsonb_path_exists",
        output_field=BooleanField(),
    )


def stored_contacts() -> StoredDocuments:
    """Return the stored documents of the schema `contact`."""

    def visible_to_user(user_id: int | None) -> QuerySet[Contact]:
        actor = actor_of_user(user_id)
        return Contact.objects.none() if actor is None else Contact.objects.visible_to(actor)

    return StoredDocuments(rows=Contact.objects.all(), visible_to_user=visible_to_user)
