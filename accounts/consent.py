"""The page on which somebody allows an application to act for them (authorization code flow)."""

from collections.abc import Collection
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.forms import AllowForm
from oauth2_provider.http import OAuth2ResponseRedirect
from oauth2_provider.models import Grant
from oauth2_provider.views import AuthorizationView

from accounts import second_factor
from accounts.decisions import DECIDES_WITH
from accounts.models import ClientApplication, Member, User
from accounts.oauth import texts_of
from accounts.throttling import check_login_rate
from core.errors import TooManyRequests
from core.text import is_storable

# As many characters as the database keeps.
LIMITS = {name: Grant._meta.get_field(name).max_length for name in ("nonce", "code_challenge", "code_challenge_method")}


class ConsentView(AuthorizationView):
    """Asks each time. Its answer goes to the redirect address of the request, and to no other.

    Where a member could decide change requests through the application, it may confirm with its second factor here.
    """

    confirmed_at: datetime | None = None
    refusal = ""

    @method_decorator([never_cache, sensitive_post_parameters("code")])
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _check(request)
        # The library would skip the page for an application that asks so: nobody would see it, and Chromium would
        # refuse to go on from the form of the login.
        query = request.GET.copy()
        query.pop("approval_prompt", None)
        request.GET = query  # type: ignore[assignment]
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response

    def handle_no_permission(self) -> HttpResponseBase:
        """Redirect to the login; to the application if the request has a fault, since the login's form may not."""
        try:
            self.validate_authorization_request(self.request)
        except OAuthToolkitError as error:
            refused: HttpResponseBase = self.error_response(error, application=None)
            if isinstance(refused, OAuth2ResponseRedirect):
                return refused
        response: HttpResponseBase = super().handle_no_permission()
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        query = urlencode([*((name, value) for name, value in self.request.GET.items()), ("prompt", "login")])
        return {
            **super().get_context_data(**kwargs),
            "login_name": "" if isinstance(user, AnonymousUser) else user.get_full_name() or user.get_username(),
            "destination": _site(kwargs["redirect_uri"]),
            "other_login": f"{self.request.path}?{query}",
            **self._confirmation(kwargs["application"], kwargs["scopes"]),
        }

    def _confirmation(self, application: ClientApplication, scopes: Collection[str]) -> dict[str, Any]:
        """Return what the page says of the second factor, where a member could decide through the application."""
        user = self.request.user
        may_decide = application.carries_decisions and DECIDES_WITH in scopes
        if not may_decide or not isinstance(user, User) or not Member.objects.filter(user=user).exists():
            return {}
        has_factor = second_factor.has_factor(user)
        return {
            "asks_code": has_factor,
            "lacks_factor": not has_factor,
            "minutes": settings.DECISION_CONFIRMATION_MINUTES,
            "refusal": self.refusal,
            "here": self.request.get_full_path(),
        }

    def form_valid(self, form: AllowForm) -> HttpResponse:
        """Give the code, or show the page again if a second factor was given and is wrong."""
        if not ClientApplication.objects.filter(client_id=form.cleaned_data["client_id"]).exists():
            raise BadRequest("There is no such application.")
        code = self.request.POST.get("code", "").strip()
        if code and form.cleaned_data["allow"] and isinstance(self.request.user, User):
            self.refusal, seconds = _refusal(self.request, self.request.user, code)
            if self.refusal:
                return self._again(seconds)
            self.confirmed_at = timezone.now()
        response: HttpResponse = super().form_valid(form)
        return response

    def _again(self, seconds: int) -> HttpResponse:
        """Show the page of the query again: the library takes no parameter that is in the body as well.

        `seconds` is for how long no code is accepted.
        """
        self.request.method, self.request.POST = "GET", QueryDict()
        shown: HttpResponse = self.get(self.request)
        if seconds:
            shown.status_code = max(shown.status_code, HTTPStatus.TOO_MANY_REQUESTS)
            shown["Retry-After"] = str(seconds)
        return shown

    def create_authorization_response(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # The library makes them attributes of the request that the validator gets.
        kwargs["credentials"]["confirmed_at"] = self.confirmed_at
        return super().create_authorization_response(request, *args, **kwargs)

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().render_to_response(context, **kwargs)
        if "redirect_uri" in context:
            response._csp_update = {"form-action": [_source(context["redirect_uri"])]}  # type: ignore[attr-defined]
        return response


def _check(request: HttpRequest) -> None:
    """Raise BadRequest for what the library would fail at: what cannot be stored, and addresses that are none."""
    for sent in (request.GET, request.POST):
        if any(len(value) > most for name, most in LIMITS.items() for value in sent.getlist(name)):
            raise BadRequest("A parameter is too long.")
        if not all(map(_is_address, sent.getlist("redirect_uri"))):
            raise BadRequest("The redirect address is none.")
    if not all(map(is_storable, texts_of(request))):
        raise BadRequest("A parameter cannot be stored.")


def _is_address(redirect_uri: str) -> bool:
    try:
        return urlsplit(redirect_uri).port != 0
    except ValueError:
        return False


def _refusal(request: HttpRequest, user: User, code: str) -> tuple[str, int]:
    """Return why a code of the second factor is not accepted, empty if it is, and for how many seconds none is."""
    try:
        check_login_rate(request)
    except TooManyRequests as refusal:
        return str(refusal), int(refusal.headers["Retry-After"])
    verdict = second_factor.check_code(user, code)
    return verdict.refusal, verdict.wait_seconds


def _site(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}"


def _source(redirect_uri: str) -> str:
    """Return a redirect address as the policy has it: without a query, and nothing in it that ends a source."""
    return _site(redirect_uri) + quote(urlsplit(redirect_uri).path, safe="/%~:@!$&'()*+=")
