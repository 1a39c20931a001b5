"""The endpoints of OAuth2, with what the library leaves open: closed logins, and guessing an application's secret."""

import base64
import binascii
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.views import RevokeTokenView, TokenView

from accounts.lockout import Secret, note_failure, seconds_locked, unlock
from accounts.throttling import check_login_rate
from core.errors import TooManyRequests


class Validator(OAuth2Validator):
    """Codes and refresh tokens of a login that was closed give nothing."""

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        return super().validate_code(client_id, code, client, request, *args, **kwargs) and request.user.is_active

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        is_valid = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return is_valid and request.user.is_active


class _GuardedView:
    """An endpoint at which applications say who they are: after too many wrong secrets it is closed to the application.

    Its refusals have OAuth's shape, as all at these addresses.
    """

    # As the library's own, which this one hides: applications have no cookies, and hence no token against forgery.
    @method_decorator([csrf_exempt, sensitive_post_parameters("client_secret", "code", "refresh_token", "token")])
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        client_id = _client_id(request)
        secret = Secret(client_id=client_id)
        try:
            check_login_rate(request)
        except TooManyRequests as refusal:
            return _too_many(str(refusal), int(refusal.headers["Retry-After"]))
        if client_id and (seconds := seconds_locked(secret)):
            return locked_client(seconds)
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        if client_id and response.status_code == 401:
            note_failure(request, secret)
        elif client_id and response.status_code == 200:
            unlock(secret)
        return response


def locked_client(seconds: int) -> HttpResponse:
    """The refusal of an application that is locked."""
    text = _("Too many wrong secrets were sent for this application. Try again in %(seconds)s seconds.")
    return _too_many(text % {"seconds": seconds}, seconds)


def _too_many(description: str, seconds: int) -> HttpResponse:
    answer = {"error": "invalid_client", "error_description": description}
    return JsonResponse(answer, status=429, headers={"Retry-After": str(seconds), "Cache-Control": "no-store"})


def _client_id(request: HttpRequest) -> str:
    """What the application calls itself: by HTTP Basic, or in the form."""
    scheme, _space, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return request.POST.get("client_id", "")
    try:
        return base64.b64decode(encoded).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


class KontorTokenView(_GuardedView, TokenView):
    pass


class KontorRevokeTokenView(_GuardedView, RevokeTokenView):
    pass
