"""Requests about schemas and lists, for tests."""

import json
from collections.abc import Callable
from typing import Any

from changerequests.models import ChangeRequest
from schemas.queries import current_schema
from tests.api import Answer, Api

SCHEMA = "/v1.0/schemas/contact"


def found(elements: list[dict[str, Any]], key: str) -> dict[str, Any] | None:
    """Return the first element with a key, wherever it is."""
    for element in elements:
        if element["key"] == key:
            return element
        if below := found(element.get("elements", []), key):
            return below
    return None


def edited(key: str, **properties: Any) -> dict[str, Any]:
    """Return the current definition with other properties of one element; None removes one."""
    definition: dict[str, Any] = json.loads(current_schema("contact").definition_text)
    element = found(definition["elements"], key)
    assert element is not None
    element.update(properties)
    for name in [name for name, value in properties.items() if value is None]:
        del element[name]
    return definition


def put(api: Api, definition: dict[str, Any]) -> Answer:
    token = api.get(SCHEMA).json["concurrencyToken"]
    return api.put(SCHEMA, {"schema": json.dumps(definition), "concurrencyToken": token})


def asked(answer: Answer) -> ChangeRequest:
    """Return the request of a submission that waits."""
    assert answer.status == 202, answer.json
    assert answer.json["isApprovalRequired"] is True
    return ChangeRequest.objects.get(pk=answer.json["changeRequestId"])


def review(api: Api, request: ChangeRequest, **body: Any) -> Answer:
    return api.post(f"/v1.0/change-requests/{request.pk}/review", {"isApproved": True, **body})


Make = Callable[..., Any]
