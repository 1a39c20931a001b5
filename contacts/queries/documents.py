"""What is stored under the schema `contact`, and which items of lists it holds."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BooleanField, F, Func, JSONField, Q, QuerySet, Value

from accounts.queries import actor_of_user
from changerequests.queries.revisions import open_proposals
from contacts.models import (
    CONTACT_CREATION,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    CONTACT_SCHEMA,
    CONTACT_TYPES,
    Contact,
)
from schemas.document_sources import StoredDocuments
from schemas.models import ListItem
from schemas.queries import fields_with_list


def is_list_item_used(list_key: str, item_key: str) -> bool:
    """Return whether any contact's details contain the list item, or would if what waits were approved.

    Or whether it is the type that a contact would have which waits to be created, or for another type.
    """
    return holds_list_item(
        Contact.objects.all(),
        asked_at={CONTACT_DETAILS: "", CONTACT_CREATION: "details."},
        schema_key=CONTACT_SCHEMA,
        list_key=list_key,
        item_key=item_key,
    ) or (
        list_key == CONTACT_TYPES
        and any(
            is_id_asked_for(kind=kind, place='$[*] ? (@.path == "type").target', list_key=list_key, item_key=item_key)
            for kind in (CONTACT_CREATION, CONTACT_IDENTITY)
        )
    )


def holds_list_item(
    rows: QuerySet[Any], *, asked_at: Mapping[str, str], schema_key: str, list_key: str, item_key: str
) -> bool:
    """Return whether the `details` of any row, which follow the schema, contain the list item.

    So it does if an open request asks for the item: reviewers decide by its name. `asked_at` has what precedes the path
    of a detail in the requests of each kind. Scans all rows; items are rarely changed or removed.
    """
    paths = [field.path for key, field in fields_with_list(list_key) if key == schema_key]
    if not paths:
        return False
    # Requests first: once approved, what they asked for is in the rows.
    for kind, before in asked_at.items():
        places = [place for path in paths for place in _places_of_target(before + path)]
        asked_for = [Q(holds_value("changes", place, item_key)) for place in places]
        if open_proposals(kind).filter(reduce(or_, asked_for)).exists():
            return True
    stored = [Q(holds_value("details", f"${_place(path)}", item_key)) for path in paths]
    return rows.filter(reduce(or_, stored)).exists()


def is_id_asked_for(*, kind: str, place: str, list_key: str, item_key: str) -> bool:
    """Return whether an open request of the kind has the id of the list item at a place in its changes."""
    item_id = ListItem.objects.filter(list__key=list_key, key=item_key).values_list("pk", flat=True).first()
    return item_id is not None and open_proposals(kind).filter(holds_value("changes", place, item_id)).exists()


def _place(path: str) -> str:
    return "".join(f'."{key}"' for key in path.split(".") if key)


def _places_of_target(path: str) -> Iterator[str]:
    """Yield the places in the changes of a proposal for a value at a path: an array around it changes as a whole."""
    keys = path.split(".")
    for length in range(1, len(keys) + 1):
        changed, rest = ".".join(keys[:length]), ".".join(keys[length:])
        yield f'$[*] ? (@.path == "{changed}").target{_place(rest)}'


def holds_value(column: str, place: str, value: str | int) -> Func:
    """Whether a column contains a value at a place; jsonpath's lax mode unwraps arrays on the way."""
    return Func(
        F(column),
        Func(Value(f"{place}[*] ? (@ == $item)"), template="%(expressions)s::jsonpath"),
        Value({"item": value}, output_field=JSONField()),
        function="jsonb_path_exists",
        output_field=BooleanField(),
    )


def stored_contacts() -> StoredDocuments:
    """Return the stored documents of the schema `contact`."""

    def visible_to_user(user_id: int | None) -> QuerySet[Contact]:
        actor = actor_of_user(user_id)
        return Contact.objects.none() if actor is None else Contact.objects.visible_to(actor)

    return StoredDocuments(rows=Contact.objects.all(), visible_to_user=visible_to_user)
