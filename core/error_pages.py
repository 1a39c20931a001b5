"""Errors as pages, for people in the admin: what happened, what to do, and the way back."""

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
    """What a page says; `has_number` shows the correlation id, by which an operator finds what was logged."""

    status: int
    title: str | Promise
    text: str | Promise
    has_number: bool = False


BAD_REQUEST = ErrorPage(
    400,
    _("This request could not be understood"),
    _("Something in the address or in what was sent is not as it should be. Nothing was changed."),
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
        "It stood open too long, you have logged in or out since, or the browser refuses cookies. Nothing was changed. "
        "Go back, load the page again and repeat your entry."
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
    """What to say of an error that no page of the admin foresaw: a refusal says itself what it refuses."""
    if isinstance(error, HeldByOthers):
        return HELD_BY_OTHERS
    if error.status < HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return ErrorPage(int(error.status), _("This is not possible now"), error.message)
    return FAILED


def error_page(request: HttpRequest, page: ErrorPage) -> HttpResponse:
    """The page; it needs neither database nor session, which may be what has failed."""
    context = {"page": page, "number": correlation_id() if page.has_number else "", "back": _came_from(request)}
    answer = HttpResponse(render_to_string(TEMPLATE, context), status=page.status)
    answer["Cache-Control"] = "no-store"
    return answer


def _came_from(request: HttpRequest) -> str:
    """The page of ours that led here; empty when there is none but this one."""
    address = request.headers.get("Referer", "")
    try:
        own, this = request.get_host(), request.build_absolute_uri()
    except DisallowedHost:
        return ""
    is_ours = url_has_allowed_host_and_scheme(address, {own}, require_https=request.is_secure())
    return address if is_ours and address != this else ""
