"""How an operation is described in the OpenAPI document: the headers, parameters and errors that all share."""

import re
from inspect import cleandoc
from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from core.serializers import ApiErrorSerializer

Direction = Literal["request", "response"]

ERRORS = {
    "400": "The request was not in the required format.",
    "401": "A valid bearer token is required.",
    "403": "The scope, the kind of actor or a permission is missing.",
    "404": "There is no such thing, or the caller cannot see it.",
    "422": "The request is well formed but against a rule.",
    "500": "Something went wrong on the server. Nothing was changed.",
}
REQUEST_PARAMETERS = [
    OpenApiParameter(
        "Accept-Language",
        str,
        OpenApiParameter.HEADER,
        description="The ISO 639-1 language to use for localizable data.",
    ),
    OpenApiParameter(
        "language", str, OpenApiParameter.QUERY, description="Takes precedence over Accept-Language: en, de, fr, it."
    ),
    OpenApiParameter(
        "X-Correlation-ID",
        str,
        OpenApiParameter.HEADER,
        description="Names the request in the log: 1 to 128 letters, digits or `._:-`. Anything else is ignored.",
    ),
]
# A call is counted once it is known who calls.
COUNTED = [str(status) for status in (200, 201, 202, 204, 304, 400, 403, 404, 409, 412, 413, 415, 422, 429, 500, 503)]
SECONDS = {"type": "integer", "minimum": 0}
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
    OpenApiParameter(
        "WWW-Authenticate",
        str,
        OpenApiParameter.HEADER,
        required=True,
        response=["401"],
        description="How to authenticate (RFC 6750).",
    ),
    OpenApiParameter(
        "WWW-Authenticate",
        str,
        OpenApiParameter.HEADER,
        response=["403"],
        description="Which scope the token lacks (RFC 6750).",
    ),
    OpenApiParameter(
        "RateLimit",
        {"type": "string", "pattern": r'^"calls";r=\d+;t=\d+$'},
        OpenApiParameter.HEADER,
        response=COUNTED,
        description="How many calls are left (`r`), and after how many seconds the quota resets (`t`).",
    ),
    OpenApiParameter(
        "RateLimit-Policy",
        {"type": "string", "pattern": r'^"calls";q=\d+;w=\d+$'},
        OpenApiParameter.HEADER,
        response=COUNTED,
        description="How many calls an actor has (`q`) in how many seconds (`w`).",
    ),
    OpenApiParameter(
        "Retry-After",
        SECONDS,
        OpenApiParameter.HEADER,
        required=True,
        response=["409", "429", "503"],
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
SUCCESSES = {
    "200": "The answer.",
    "201": "It was created.",
    "202": "Accepted; it is not done yet.",
    "204": "Done; there is nothing to say.",
    "304": "What was read before is still current.",
}
# Further errors: of every operation, of those with a request body, and of those that accept one of these headers.
ALWAYS = {
    "429": "There were too many requests; Retry-After says when to go on.",
    "503": "Try again; nothing was changed.",
}
WITH_BODY = {"413": "The body is too large.", "415": "The operation does not take a body of this media type."}
WITH_HEADER = {
    "If-Match": {"412": "The details have changed since; the ETag is the current one."},
    "Idempotency-Key": {"409": "The first request with this key still runs."},
}

# What a request component is called already, before the library says that it is a request.
SAID_TWICE = re.compile(r"(Request|Criteria(?:V10)?)Request$")


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
        return [*super().get_override_parameters(), *REQUEST_PARAMETERS, *headers]

    def is_deprecated(self) -> bool:
        is_current = self.method in getattr(self.view, "current_methods", ())
        return bool(getattr(self.view, "successor", "")) and not is_current

    def get_auth(self) -> list[dict[str, list[str]]]:
        super().get_auth()  # registers the security scheme
        access = getattr(self.view, "access", {}).get(self.method)
        return [{"oauth2": [access.scope]}] if access else []

    def _get_serializer_name(self, serializer: Any, direction: Direction, bypass_extensions: bool = False) -> str:
        """Return a name that reads well in a client: no `FieldsRequestRequest`, no `HistoryCriteriaRequest`."""
        return SAID_TWICE.sub(r"\1", super()._get_serializer_name(serializer, direction, bypass_extensions))

    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if not vars(type(force_instance(serializer)))["__doc__"]:
            # It would be that of a base class, which is about something else.
            schema.pop("description", None)
        return schema

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        bodies = super()._get_response_bodies(direction)
        for status, response in bodies.items():
            if "content" not in response or not response["description"]:
                response["description"] = SUCCESSES[status]
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
