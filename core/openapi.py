"""OpenAPI hooks: the headers, parameters and errors that all operations share."""

import re
from collections.abc import Mapping, Sequence
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
RESPONSE_HEADERS = [
    OpenApiParameter(
        "X-Correlation-ID",
        {"type": "string", "minLength": 1},
        OpenApiParameter.HEADER,
        required=True,
        response=True,
        description=(
            "Names the request in the log; what the request brought in its own `X-Correlation-ID`, if it did. The "
            "`correlationId` of a body takes its place, percent-encoded where it is not printable ASCII."
        ),
    ),
    OpenApiParameter(
        "Content-Language",
        {"type": "string", "enum": ["en", "de", "fr", "it"]},
        OpenApiParameter.HEADER,
        required=True,
        response=True,
        description="The language of the answer.",
    ),
    OpenApiParameter("WWW-Authenticate", str, OpenApiParameter.HEADER, required=True, response=["401"]),
    OpenApiParameter(
        "Retry-After",
        {"type": "integer", "minimum": 0},
        OpenApiParameter.HEADER,
        required=True,
        response=["429"],
        description="After how many seconds to try again.",
    ),
]
# No 404: an unmatched path has no view that could send the deprecation headers.
ANSWERED = ["200", "201", "204", "400", "401", "403", "422"]
DEPRECATION_HEADERS = [
    OpenApiParameter(
        "Deprecation",
        {"type": "string", "pattern": r"^@\d+$"},
        OpenApiParameter.HEADER,
        required=True,
        response=ANSWERED,
        description="Since when (RFC 9745).",
    ),
    OpenApiParameter(
        "Link",
        str,
        OpenApiParameter.HEADER,
        required=True,
        response=ANSWERED,
        description="The operation to use instead.",
    ),
]
# Further errors: of every operation, of those with a request body, and of those that accept one of these headers.
ALWAYS = {
    "429": "There were too many requests; Retry-After says when to go on.",
    "503": "Try again; nothing was changed.",
}
WITH_BODY = {"413": "The body is too large.", "415": "The body is not of a type that the operation takes."}
WITH_HEADER = {
    "If-Match": {"412": "The details have changed since; the ETag is the current one."},
    "Idempotency-Key": {"409": "The first request with this key still runs."},
}
VERSIONED = re.compile(r"/v\d\.\d/|/graphql$")


def only_api_operations(endpoints: Sequence[tuple[str, ...]], **_kwargs: Any) -> list[tuple[str, ...]]:
    """Preprocessing hook: include the versioned operations and GraphQL only, not the documentation pages."""
    return [endpoint for endpoint in endpoints if VERSIONED.match(endpoint[0])]


# Objects with properties that the contract does not name, and what these are.
_TEXTS = {"type": "string", "nullable": True}
OPEN: Mapping[str, Any] = {"ChangeSet": _TEXTS, "ChangeSetV10": _TEXTS, "Stage": True}


def closed_objects(result: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
    """Postprocessing hook: set `additionalProperties: false` on objects, and make no parameter nullable.

    Free-form objects, such as `details`, declare no properties and stay open. A query parameter is absent, never null.
    """
    for name, schema in result["components"]["schemas"].items():
        if "properties" in schema:
            schema.setdefault("additionalProperties", OPEN.get(name, False))
    for item in result["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"].pop("nullable", None)
    return result


class ContractSchema(AutoSchema):
    """Take summary and description from the docstring; add language parameters, errors, scope and deprecation."""

    def _docstring(self) -> tuple[str, str]:
        handler = getattr(self.view, self.method.lower())
        summary, _, rest = cleandoc(handler.__doc__ or "").partition("\n")
        return summary.strip().rstrip("."), rest.strip() or summary.strip()

    def get_summary(self) -> str:
        return self._docstring()[0]

    def get_description(self) -> str:  # type: ignore[override]
        return self._docstring()[1]

    def get_override_parameters(self) -> list[Any]:
        headers = [*RESPONSE_HEADERS, *(DEPRECATION_HEADERS if self.is_deprecated() else [])]
        return [*super().get_override_parameters(), *LANGUAGE_PARAMETERS, *headers]

    def is_deprecated(self) -> bool:
        is_current = self.method in getattr(self.view, "current_methods", ())
        return bool(getattr(self.view, "successor", "")) and not is_current

    def get_auth(self) -> list[dict[str, list[str]]]:
        super().get_auth()  # registers the security scheme
        access = getattr(self.view, "access", {}).get(self.method)
        return [{"oauth2": [access.scope]}] if access else []

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        for status, description in {**ERRORS, **self._further_errors()}.items():
            if status not in bodies:
                response = OpenApiResponse(ApiErrorSerializer, description=description)
                bodies[status] = self._get_response_for_code(response, status)
        return dict(sorted(bodies.items()))

    def _further_errors(self) -> dict[str, str]:
        parameters = {getattr(parameter, "name", "") for parameter in self.get_override_parameters()}
        further = [errors for header, errors in WITH_HEADER.items() if header in parameters]
        if self.method in ("POST", "PUT", "PATCH"):
            further.append(WITH_BODY)
        return {**ALWAYS, **{status: text for errors in further for status, text in errors.items()}}
