"""Convert every exception to an ApiError response or an error page, in DRF and in plain Django views."""

import sys
from math import ceil
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, InternalError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from psycopg.errors import QueryCanceled, ReadOnlySqlTransaction
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core import error_pages, errors
from core.correlation import correlation_id
from core.error_pages import error_page
from core.json import rendered

log = structlog.get_logger("kontor.error")

PAGES_FOR_PEOPLE = (
    *("/admin", "/connect/authorize", "/connect/login"),
    *("/connect/second-factor", "/connect/set-password", "/connect/sso"),
    *("/connect/change-password", "/connect/forgotten-password"),
)


def error_body(error: errors.ApiError) -> dict[str, Any]:
    """Return the `ApiError` response body as the API contract defines it."""
    properties = error.properties
    return {
        "code": error.code,
        "subCode": error.sub_code,
        "message": str(error.message),
        "correlationId": correlation_id(),
        "properties": None
        if properties is None
        else {place: [str(message) for message in messages] for place, messages in properties.items()},
    }


def flatten(detail: Any, place: str = "") -> dict[str, list[str]]:
    """Flatten DRF's nested validation errors to messages by input path, such as `contacts[0].contactId`."""
    if isinstance(detail, dict):
        places: dict[str, list[str]] = {}
        for key, value in detail.items():
            if key == "non_field_errors":
                below = place
            elif isinstance(key, int):
                below = f"{place}[{key}]"
            else:
                below = f"{place}.{key}" if place else str(key)
            places.update(flatten(value, below))
        return places
    if isinstance(detail, list) and any(isinstance(value, dict | list) for value in detail):
        places = {}
        for index, value in enumerate(detail):
            places.update(flatten(value, f"{place}[{index}]") if value else {})
        return places
    return {place: [str(message) for message in (detail if isinstance(detail, list) else [detail])]}


def as_api_error(exception: Exception) -> errors.ApiError:
    """Map exceptions of Django, DRF and the database. Unexpected ones are logged and become a generic 500."""
    match exception:
        case errors.ApiError():
            return exception
        case Http404() | exceptions.NotFound():
            return errors.NotFound()
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return errors.Unauthorized(headers={"WWW-Authenticate": "Bearer"})
        case PermissionDenied() | exceptions.PermissionDenied():
            return errors.Forbidden()
        case exceptions.MethodNotAllowed():
            return errors.MethodNotAllowed(_("The method is not allowed here."))
        case exceptions.UnsupportedMediaType():
            return errors.UnsupportedMediaType(_("The operation does not take a body of this media type."))
        case exceptions.ValidationError():
            return errors.BadRequest(properties=flatten(exception.detail))
        case exceptions.Throttled():
            wait = getattr(exception, "wait", None) or 1
            return errors.TooManyRequests(headers={"Retry-After": str(ceil(wait))})
        case RequestDataTooBig():
            return errors.PayloadTooLarge()
        case exceptions.ParseError() | SuspiciousOperation():
            return errors.BadRequest()
        case DataError():
            log.warning("not_storable", cause=type(exception.__cause__).__name__)
            return errors.BadRequest(_("A text or a number cannot be stored."))
        case OperationalError() if isinstance(exception.__cause__, QueryCanceled):
            log.warning("query_too_slow")
            return errors.UnprocessableEntity(
                _("This took too long and was stopped. Narrow the criteria, or take fewer rows."),
                sub_code="QueryTooSlow",
            )
        case OperationalError() if errors.is_held_by_others(exception):
            log.warning("held_by_others", cause=type(exception.__cause__).__name__)
            return errors.HeldByOthers()
        case InternalError() if isinstance(exception.__cause__, ReadOnlySqlTransaction):
            # It was a primary, and is one no longer. Another connection finds the one that is.
            connection.close()
            log.warning("database_is_read_only")
            return errors.ServiceUnavailable()
        case OperationalError() | InterfaceError():
            log.exception("database_unavailable", exc_info=exception)
            return errors.ServiceUnavailable()
        case _:
            log.exception("unexpected_error", exc_info=exception)
            return errors.ApiError()


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response:
    """DRF's EXCEPTION_HANDLER: render the ApiError and roll back the request's transaction, if any."""
    set_rollback()
    error = as_api_error(exception)
    headers = dict(error.headers)
    if isinstance(error, errors.Unauthorized):
        headers.setdefault("WWW-Authenticate", "Bearer")
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return Response(error_body(error), status=error.status, headers=headers)


def error_response(error: errors.ApiError) -> HttpResponse:
    """Render the ApiError as a plain Django response, for errors outside DRF."""
    return rendered(error_body(error), status=error.status, headers=error.headers)


def is_page(request: HttpRequest) -> bool:
    """Return whether the request is for an admin or login page, which gets its errors as HTML."""
    return request.path.startswith(PAGES_FOR_PEOPLE)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, error_pages.BAD_REQUEST) if is_page(request) else error_response(errors.BadRequest())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, error_pages.FORBIDDEN) if is_page(request) else error_response(errors.Forbidden())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_page(request):
        return error_page(request, error_pages.NOT_FOUND)
    return error_response(errors.NotFound(_("There is no such address.")))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: respond to an uncaught exception. Django calls it inside the `except` block, so exc_info is set."""
    exception = sys.exc_info()[1]
    error = as_api_error(exception) if isinstance(exception, Exception) else errors.ApiError()
    if not is_page(request):
        return error_response(error)
    page = error_page(request, error_pages.page_for_error(error))
    for name, value in error.headers.items():
        page[name] = value
    return page


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW. Django already logs `reason`, which means nothing to users."""
    return error_page(request, error_pages.EXPIRED) if is_page(request) else error_response(errors.Forbidden())
