"""HTML error pages for the admin and login: what happened, what to do, and a link back."""

from dataclasses import dataclass
from http import HTTPStatus

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from core.correlation import correlation_id
from core.errors import ApiError, HeldByOthers

TEMPLATE = "core/error.html"


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """The text of an error page. `has_number` shows the correlation id, so that an operator can find the log lines."""

    status: int
    title: str | Promise
    text: str | Promise
    has_number: bool = False


BAD_REQUEST = ErrorPage(
    400,
    _("This request could not be understood"),
    _("Something in the address or in the request is not valid. Nothing was changed."),
)
FORBIDDEN = ErrorPage(
    403,
    _("You may not do this"),
    _(
        "Your login lacks the permission for this page or this step. Nothing was changed. "
        "An administrator can grant it."
    ),
)
EXPIRED = ErrorPage(
    403,
    _("The form was no longer valid"),
    _(
        "It was open too long, you have logged in or out since, or the browser refuses cookies. Nothing was "
        "changed. Go back, load the page again and repeat your entry."
    ),
)
NOT_FOUND = ErrorPage(
    404,
    _("There is nothing here that you can see"),
    _("It does not exist, or it is not visible to you."),
)
HELD_BY_OTHERS = ErrorPage(
    503,
    _("Somebody else is changing this right now"),
    _("Nothing was changed. Wait a moment, then load this page again: what you have entered is sent once more."),
)
FAILED = ErrorPage(
    500,
    _("Something went wrong on our side"),
    _("Nothing was changed. Try again; if it happens again, tell an administrator this number:"),
    has_number=True,
)


def page_for_error(error: ApiError) -> ErrorPage:
    """Return the page for an error that no admin view handled. Client errors and 503s show their own message."""
    if isinstance(error, HeldByOthers):
        return HELD_BY_OTHERS
    if error.status < HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return ErrorPage(int(error.status), _("This is not possible now"), error.message)
    return FAILED


def error_page(request: HttpRequest, page: ErrorPage) -> HttpResponse:
    """Render an error page. Uses neither database nor session, since either may be the cause."""
    context = {"page": page, "number": correlation_id() if page.has_number else "", "back": _came_from(request)}
    answer = HttpResponse(render_to_string(TEMPLATE, context), status=page.status)
    answer["Cache-Control"] = "no-store"
    return answer


def _came_from(request: HttpRequest) -> str:
    """Return the referring page if it is on this site and not the current one, else an empty string."""
    address = request.headers.get("Referer", "")
    try:
        own, this = request.get_host(), request.build_absolute_uri()
    except DisallowedHost:
        return ""
    is_ours = url_has_allowed_host_and_scheme(address, {own}, require_https=request.is_secure())
    return address if is_ours and address != this else ""
