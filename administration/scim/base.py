"""The base of SCIM's views: media type, access, and errors in the format of SCIM (RFC 7644, 3.12)."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pydantic import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback
from scim2_models import Context, Error, Resource, ResponseParameters, SCIMException, ScimPolicy

from accounts.permissions import APPS, Access
from accounts.views import ActorView
from core.errors import ApiError, Unauthorized
from core.exception_handlers import as_api_error
from core.json import ORJSONRenderer, StrictJSONParser

ACCESS = Access("scim", APPS)
# Directories send attributes that Kontor has no use for.
TOLERANT = ScimPolicy(unknown=ScimPolicy.Unknown.ignore)
# What SCIM calls the refusals of our services, and with which status.
TYPES: Mapping[str, tuple[int, str | None]] = {
    "GroupNameNotUnique": (409, "uniqueness"),
    "IdentityTaken": (409, "uniqueness"),
    "PendingChangeRequestExists": (409, None),
    "UsernameNotUnique": (409, "uniqueness"),
    "ValidationFailed": (400, "invalidValue"),
}


class ScimParser(StrictJSONParser):
    media_type = "application/scim+json"


class ScimRenderer(ORJSONRenderer):
    media_type = "application/scim+json"
    format = "scim"


class ScimView(ActorView):
    """An address of SCIM, open to applications with the scope `scim`."""

    access: ClassVar[dict[str, Access]] = {"GET": ACCESS}
    parser_classes = [ScimParser, StrictJSONParser]
    renderer_classes = [ScimRenderer]
    query_parameters = frozenset(
        {"filter", "startIndex", "count", "attributes", "excludedAttributes", "sortBy", "sortOrder"}
    )
    # The beginning of the addresses of resources.
    host: str

    def get_exception_handler(self) -> Callable[..., Response]:
        return _error_response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.host = request.build_absolute_uri("/").rstrip("/")

    def sent(self, model: type[Any], context: Context) -> Any:
        """Return the resource in the body."""
        return model.model_validate(self.request.data, scim_ctx=context, scim_policy=TOLERANT)

    def shown(self, resource: Resource[Any], context: Context, *, status: int = 200) -> Response:
        """Return the response with a resource: those of its attributes that the request asks for."""
        asked: Any = ResponseParameters[type(resource)]  # type: ignore[misc]
        names = ("attributes", "excludedAttributes")
        given = {name: value for name, value in self.request.query_params.items() if name in names}
        body = resource.model_dump(scim_ctx=context, response_parameters=asked.model_validate(given))
        location = resource.meta.location if resource.meta else None
        return Response(body, status=status, headers={"Location": str(location)} if location else None)


def _error_response(exception: Exception, context: Mapping[str, Any]) -> Response:
    """Render any exception as SCIM's error, and roll back."""
    set_rollback()
    headers: dict[str, str] = {}
    if isinstance(exception, SCIMException):
        error = exception.to_error()
    elif isinstance(exception, ValidationError):
        error = Error.from_validation_errors(exception)[0]
    else:
        fault = as_api_error(exception)
        error, headers = _of_api(fault), dict(fault.headers)
        if isinstance(fault, Unauthorized):
            headers.setdefault("WWW-Authenticate", "Bearer")
    return Response(error.model_dump(), status=error.status, headers=headers)


def _of_api(fault: ApiError) -> Error:
    status, scim_type = TYPES.get(fault.sub_code, (int(fault.status), None))
    places = (f"{path}: {message}" for path, messages in (fault.properties or {}).items() for message in messages)
    return Error(status=status, scim_type=scim_type, detail=" ".join([str(fault.message), *places]))
