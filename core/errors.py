"""API errors. Raise one anywhere; the exception handler renders it as the `ApiError` body."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus

from django.db import IntegrityError, OperationalError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure

Message = str | Promise
Properties = Mapping[str, Sequence[Message]]


class ApiError(Exception):
    """Base class of errors that are reported to the caller.

    `message` is localized, for people; `sub_code` is for programs; `properties` maps an input path to its messages;
    `headers` are added to the response.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "General"
    default_message: Message = _("Something went wrong on our side. Nothing was changed.")

    def __init__(
        self,
        message: Message | None = None,
        *,
        sub_code: str = "NA",
        properties: Properties | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or self.default_message
        self.sub_code = sub_code
        self.properties = properties
        self.headers = dict(headers or {})
        super().__init__(self.message)

    def __str__(self) -> str:
        return str(self.message)


class BadRequest(ApiError):
    """400: malformed input."""

    status = HTTPStatus.BAD_REQUEST
    code = "BadRequest"
    default_message = _("The request was not in the required format.")


class Unauthorized(ApiError):
    """401: no valid token."""

    status = HTTPStatus.UNAUTHORIZED
    code = "Unauthorized"
    default_message = _("A valid bearer token is required.")


class Forbidden(ApiError):
    """403: the scope, the kind of actor or a permission is missing."""

    status = HTTPStatus.FORBIDDEN
    code = "Forbidden"
    default_message = _("You may not do this.")


class NotFound(ApiError):
    """404: the object does not exist, or the actor may not see it. The response does not reveal which."""

    status = HTTPStatus.NOT_FOUND
    code = "NotFound"
    default_message = _("There is nothing here that you can see.")


class MethodNotAllowed(BadRequest):
    """405: the path exists, the method does not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class Conflict(BadRequest):
    """409: the same operation is already in progress."""

    status = HTTPStatus.CONFLICT


class LengthRequired(BadRequest):
    """411: a body without a Content-Length, which WSGI cannot read."""

    status = HTTPStatus.LENGTH_REQUIRED
    default_message = _("Send the length of the body in Content-Length: a body in chunks is not read.")


class PreconditionFailed(ApiError):
    """412: the version in If-Match is not the current one."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "PreconditionFailed"
    default_message = _("The data has changed since you read it. Read it again.")


class PayloadTooLarge(BadRequest):
    """413: the body exceeds the size limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_message = _("The body is too large.")


class UnsupportedMediaType(BadRequest):
    """415: the operation does not accept this media type."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class UnprocessableEntity(ApiError):
    """422: well formed, but violates a rule."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "UnprocessableEntity"
    default_message = _("The request violates a rule.")


class TooManyRequests(ApiError):
    """429: retry after the number of seconds in `Retry-After`."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "TooManyRequests"
    default_message = _("Too many requests. Try again later.")


class ServiceUnavailable(ApiError):
    """503: a backing service is unavailable; retry after the number of seconds in `Retry-After`."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    default_message = _("The service is not available right now. Nothing was changed; try again.")
    retry_after_seconds = 5

    def __init__(self, message: Message | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, headers={"Retry-After": str(self.retry_after_seconds), **(headers or {})})


class HeldByOthers(ServiceUnavailable):
    """503: another transaction held the lock for longer than the lock timeout, or this one lost a deadlock."""

    default_message = _("Somebody else is changing this right now. Nothing was changed; wait a moment and try again.")
    retry_after_seconds = 2


def is_held_by_others(error: BaseException | None) -> bool:
    """Return whether the error is a lock timeout, a deadlock or a serialization failure."""
    cause = error.__cause__ if isinstance(error, OperationalError) else error
    return isinstance(cause, LockNotAvailable | DeadlockDetected | SerializationFailure)


@contextmanager
def map_lock_errors() -> Iterator[None]:
    """Raise HeldByOthers if the block cannot acquire a lock. The enclosing transaction must be rolled back.

    Needed only where the caller handles the error, such as a form; elsewhere the exception handler maps it.
    """
    try:
        yield
    except OperationalError as error:
        if is_held_by_others(error):
            raise HeldByOthers from error
        raise


@contextmanager
def map_integrity_error(constraint: str, error: ApiError) -> Iterator[None]:
    """Raise `error` if the block violates the named constraint. The enclosing transaction must be rolled back."""
    try:
        yield
    except IntegrityError as violation:
        diagnosis = getattr(violation.__cause__, "diag", None)
        if diagnosis is None or diagnosis.constraint_name != constraint:
            raise
        raise error from violation
