"""What every operation of the OpenAPI document has in common, said once."""

import re
from collections.abc import Sequence
from inspect import cleandoc
from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from core.serializers import ApiErrorSerializer

ERRORS = {
    "400": "The request was not in the required format.",
    "401": "A valid bearer token is required.",
    "403": "The scope, the kind of actor or a permission is missing.",
    "404": "There is no such thing, or the caller cannot see it.",
    "422": "The request is well formed but against a rule.",
    "500": "Something went wrong on the server. Nothing was changed.",
}
LANGUAGE_PARAMETERS = [
    OpenApiParameter(
        "Accept-Language",
        str,
        OpenApiParameter.HEADER,
        description="The ISO 639-1 language to use for localizable data.",
    ),
    OpenApiParameter(
        "language", str, OpenApiParameter.QUERY, description="Takes precedence over Accept-Language: en, de, fr, it."
    ),
]
VERSIONED = re.compile(r"/v\d\.\d/|/graphql$")


def only_api_operations(endpoints: Sequence[tuple[str, ...]], **_kwargs: Any) -> list[tuple[str, ...]]:
    """A preprocessing hook: the document holds the versioned operations, not the pages about them."""
    return [endpoint for endpoint in endpoints if VERSIONED.match(endpoint[0])]


class ContractSchema(AutoSchema):
    """Summary and description from the docstring, the language parameters, the errors, the scope, the deprecation."""

    def _docstring(self) -> tuple[str, str]:
        handler = getattr(self.view, self.method.lower())
        summary, _, rest = cleandoc(handler.__doc__ or "").partition("\n")
        return summary.strip().rstrip("."), rest.strip() or summary.strip()

    def get_summary(self) -> str:
        return self._docstring()[0]

    def get_description(self) -> str:  # type: ignore[override]
        return self._docstring()[1]

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *LANGUAGE_PARAMETERS]

    def is_deprecated(self) -> bool:
        return bool(getattr(self.view, "successor", ""))

    def get_auth(self) -> list[dict[str, list[str]]]:
        super().get_auth()  # enters the security scheme into the document
        access = getattr(self.view, "access", {}).get(self.method)
        return [{"oauth2": [access.scope]}] if access else []

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        for status, description in ERRORS.items():
            if status not in bodies:
                response = OpenApiResponse(ApiErrorSerializer, description=description)
                bodies[status] = self._get_response_for_code(response, status)
        return dict(sorted(bodies.items()))
