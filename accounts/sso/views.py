"""Logging in at an identity provider, and out again."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.views import LogoutView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters

from accounts import second_factor
from accounts.logins import LOCAL_BACKEND, ask_second_factor, onward_of
from accounts.models import User
from accounts.sso.client import (
    Identity,
    ProviderUnreachableError,
    SignInExpiredError,
    SignInRefusedError,
    end_session_address,
    identity_of,
    redirect_to_provider,
)
from accounts.sso.logout_tokens import LogoutRefusedError, logout_of
from accounts.sso.providers import Provider, provider_named
from accounts.sso.services import come_in, log_out
from accounts.throttling import check_login_rate, forgive_login
from core.errors import ApiError, TooManyRequests
from core.json import rendered

log = structlog.get_logger("kontor.sso")

# In the session: where to continue after the login, and what the logout at the provider needs.
ONWARD, SIGNED_IN = "sso_onward", "sso"

PageOfProvider = Callable[[Any, HttpRequest, Provider], HttpResponse]


def _page_of_provider(page: PageOfProvider) -> Callable[[Any, HttpRequest, str], HttpResponse]:
    """Give a page its provider, and show a page for what goes wrong between us and the provider."""

    @wraps(page)
    def shown(view: Any, request: HttpRequest, name: str) -> HttpResponse:
        provider = _known(name)
        try:
            return page(view, request, provider)
        except SignInExpiredError:
            text = _("This login was begun elsewhere or has expired. Start again.")
            return _refused(request, provider, text, status=400)
        except SignInRefusedError as error:
            log.warning("sign_in_refused", provider=name, reason=str(error))
            return _refused(request, provider, _("%(provider)s has not logged you in.") % {"provider": provider.label})
        except ProviderUnreachableError as error:
            log.error("provider_unreachable", provider=name, reason=str(error))
            text = _("%(provider)s is not responding correctly. Try again in a few minutes.")
            return _refused(request, provider, text % {"provider": provider.label}, status=503)
        except ApiError as error:
            return _refused(request, provider, str(error), status=error.status)

    return shown


@method_decorator(never_cache, name="dispatch")
class SignInView(View):
    """Redirects to the provider. A GET changes nothing here, and applications may send people to it directly."""

    http_method_names = ["get"]

    @_page_of_provider
    def get(self, request: HttpRequest, provider: Provider) -> HttpResponse:
        check_login_rate(request)
        request.session[ONWARD] = onward_of(request)
        callback = request.build_absolute_uri(reverse("sso-callback", args=[provider.name]))
        return redirect_to_provider(request, provider, callback)


@method_decorator(never_cache, name="dispatch")
class CallbackView(View):
    """Where the provider sends the browser back to."""

    http_method_names = ["get"]

    @_page_of_provider
    def get(self, request: HttpRequest, provider: Provider) -> HttpResponse:
        onward = request.session.get(ONWARD) or settings.LOGIN_REDIRECT_URL
        identity = identity_of(request, provider)
        if provider.is_factor_required and not identity.has_factor:
            text = _("%(provider)s did not require a second factor, and Kontor admits nobody without one.")
            return _refused(request, provider, text % {"provider": provider.label})
        user = come_in(identity)
        if user is None:
            return _refused(request, provider, _("No login here is linked to you."), identity=identity)
        forgive_login(request)
        return _let_in(request, user, identity, onward)


def _let_in(request: HttpRequest, user: User, identity: Identity, onward: str) -> HttpResponse:
    """Log the user in, or ask for our second factor where the provider does not vouch for one."""
    # A new session, against session fixation.
    request.session.flush()
    signed_in = {"provider": identity.provider.name, "id_token": identity.id_token}
    asks_ours = second_factor.has_factor(user) or second_factor.is_required_of(user)
    if not identity.has_factor and (asks_ours or identity.provider.vouches_for_factor):
        response = ask_second_factor(request, user, onward=onward)
    else:
        login(request, user, backend=LOCAL_BACKEND)
        if identity.has_factor:
            request.session[second_factor.MARK] = True
        response = HttpResponseRedirect(onward)
    request.session[SIGNED_IN] = signed_in
    return response


@method_decorator([csrf_exempt, sensitive_post_parameters("logout_token")], name="dispatch")
class BackChannelLogoutView(View):
    """Where a provider says that somebody has logged out there. Errors have the format of the specification."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        provider = _known(name)
        try:
            check_login_rate(request)
            log_out(logout_of(provider, request.POST.get("logout_token", "")))
        except LogoutRefusedError as error:
            log.warning("logout_refused", provider=name, reason=str(error))
            return _answer(400, {"error": "invalid_request", "error_description": str(error)})
        except ProviderUnreachableError as error:
            log.error("provider_unreachable", provider=name, reason=str(error))
            return _answer(503, {"error": "temporarily_unavailable"})
        except TooManyRequests as error:
            return _answer(429, {"error": "temporarily_unavailable"}, **error.headers)
        forgive_login(request)
        return _answer(200, None)


class KontorLogoutView(LogoutView):
    """Ends the session here, and leads on to the logout at the provider of who came from there."""

    next_page = "login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        signed_in = request.session.get(SIGNED_IN) or {}
        response = super().post(request, *args, **kwargs)
        provider = provider_named(signed_in.get("provider", ""))
        if provider is None:
            return response
        onward = request.build_absolute_uri(reverse("login"))
        try:
            address = end_session_address(provider, id_token=signed_in["id_token"], onward=onward)
        except ProviderUnreachableError:
            address = None
        if address is None:
            return response
        # A page, because no form may lead to another site, not even by a redirect.
        page = render(request, "accounts/logged_out.html", {"provider": provider, "address": address})
        page["Referrer-Policy"] = "no-referrer"
        return page


def _known(name: str) -> Provider:
    provider = provider_named(name)
    if provider is None:
        raise Http404
    return provider


def _refused(
    request: HttpRequest, provider: Provider, text: str, *, status: int = 403, identity: Identity | None = None
) -> HttpResponse:
    """Return the page that says why somebody does not come in, and whom to ask."""
    again = reverse("sso-login", args=[provider.name])
    if onward := request.session.get(ONWARD):
        again = f"{again}?{urlencode({'next': onward})}"
    context = {"text": text, "provider": provider, "identity": identity, "help": settings.SSO_HELP, "again": again}
    return render(request, "accounts/sso_refused.html", context, status=status)


def _answer(status: int, body: Any, **headers: str) -> HttpResponse:
    return rendered(body, status=status, headers={"Cache-Control": "no-store", **headers})
