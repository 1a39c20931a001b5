"""Login: first the password, then the second factor if the login has one or must have one.

Between the two steps, and for ten minutes at most, the session stores who gave the right password. That user is not
logged in yet.
"""

import time
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, login, update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts import second_factor
from accounts.lockout import Secret, login_refused, unlock
from accounts.models import User
from accounts.sso.local import staff_with_passwords
from accounts.throttling import check_login_rate, forgive_login
from accounts.usernames import login_named
from core.errors import TooManyRequests

PENDING = "login_pending"
PENDING_SECONDS = 600
LOCAL_BACKEND = "django.contrib.auth.backends.ModelBackend"


def admin_login(request: HttpRequest) -> HttpResponse:
    """Redirect to the common login page, so that its rules apply to the admin too."""
    return HttpResponseRedirect(
        f"{reverse('login')}?{urlencode({'next': onward_of(request) or reverse('admin:index')})}"
    )


class KontorLoginForm(AuthenticationForm):
    """Takes a name as it is typed, and counts failures for the login that it leads to.

    Staff may have to log in at an identity provider; `LOCAL_LOGIN` says who need not.
    """

    # Not Django's field, which takes only names that it could have stored itself.
    username = forms.CharField(max_length=254)

    def clean_username(self) -> str:
        typed: str = self.cleaned_data["username"]
        user = login_named(typed)
        return typed if user is None else user.username

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if not may_log_in_locally(user):
            raise ValidationError(_("Your institution requires you to log in through its identity provider."))


def may_log_in_locally(user: User) -> bool:
    """Return whether the user may log in with a password; clients always may."""
    return not second_factor.is_for(user) or staff_with_passwords().filter(pk=user.pk).exists()


class KontorLoginView(LoginView):
    """Username and password of staff, members and contacts; staff may log in at an identity provider instead."""

    template_name = "accounts/login.html"
    authentication_form = KontorLoginForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            try:
                check_login_rate(request)
            except TooManyRequests as refusal:
                return login_refused(request, int(refusal.headers["Retry-After"]))
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        is_stranger = user.is_authenticated and not user.is_staff and onward_of(self.request).startswith("/admin")
        return {**super().get_context_data(**kwargs), "is_stranger": is_stranger}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        unlock(Secret(username=user.username))
        forgive_login(self.request)
        if not second_factor.has_factor(user) and not second_factor.is_required_of(user):
            return super().form_valid(form)
        return ask_second_factor(self.request, user, onward=self.get_success_url())


def ask_second_factor(request: HttpRequest, user: User, *, onward: str) -> HttpResponse:
    """Redirect to the second step of the login, where the user gives its second factor, or sets one up."""
    # A new session, against session fixation.
    request.session.flush()
    request.session[PENDING] = {
        "user": user.pk,
        "backend": getattr(user, "backend", LOCAL_BACKEND),
        "until": time.time() + PENDING_SECONDS,
        "hash": user.get_session_auth_hash(),
    }
    step = "second-factor" if second_factor.has_factor(user) else "second-factor-setup"
    return HttpResponseRedirect(f"{reverse(step)}?{urlencode({'next': onward})}")


class _FactorView(View):
    """A page for users who have given the right password or are logged in."""

    user: User
    is_pending: bool

    @method_decorator([never_cache, sensitive_post_parameters("code")])
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        pending = _pending_user(request)
        if pending is None and not isinstance(request.user, User):
            return HttpResponseRedirect(f"{reverse('login')}?{urlencode({'next': onward_of(request)})}")
        self.is_pending = pending is not None
        self.user = pending or request.user  # type: ignore[assignment]
        if request.method == "POST":
            try:
                check_login_rate(request)
            except TooManyRequests as refusal:
                return self.shown(refusal=str(refusal), status=429, retry_after=refusal.headers["Retry-After"])
        return super().dispatch(request, *args, **kwargs)

    def page(self) -> tuple[str, dict[str, Any]]:
        raise NotImplementedError

    def shown(
        self, *, refusal: str = "", status: int = 200, retry_after: str | None = None, **more: Any
    ) -> HttpResponse:
        template, context = self.page()
        context = {**context, "refusal": refusal, "next": onward_of(self.request), **more}
        response = render(self.request, template, context, status=status)
        if retry_after is not None:
            response["Retry-After"] = retry_after
        return response

    def refused(self, verdict: second_factor.Verdict) -> HttpResponse:
        """Render the page again with the error: the code is wrong, or no code is accepted for some seconds."""
        seconds = verdict.wait_seconds
        if not seconds:
            return self.shown(refusal=verdict.refusal)
        return self.shown(refusal=verdict.refusal, status=429, retry_after=str(seconds))

    def verified(self) -> None:
        """Log the user in, unless already done, and record in the session that both factors were given."""
        if self.is_pending:
            backend = self.request.session.pop(PENDING)["backend"]
            login(self.request, self.user, backend=backend)
        else:
            update_session_auth_hash(self.request, self.user)
        self.request.session[second_factor.MARK] = True

    def onward(self) -> str:
        return onward_of(self.request) or settings.LOGIN_REDIRECT_URL


class SecondFactorView(_FactorView):
    """Takes a code of the authenticator or a recovery code."""

    def page(self) -> tuple[str, dict[str, Any]]:
        return "accounts/second_factor.html", {}

    def get(self, request: HttpRequest) -> HttpResponse:
        if not second_factor.has_factor(self.user):
            return HttpResponseRedirect(f"{reverse('second-factor-setup')}?{urlencode({'next': onward_of(request)})}")
        return self.shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        verdict = second_factor.check_code(self.user, request.POST.get("code", ""))
        if not verdict.is_right:
            return self.refused(verdict)
        self.verified()
        return HttpResponseRedirect(self.onward())


class SecondFactorSetupView(_FactorView):
    """Sets up a second factor; with an existing one, generates new recovery codes or removes it."""

    def page(self) -> tuple[str, dict[str, Any]]:
        if second_factor.has_factor(self.user):
            return "accounts/second_factor_settings.html", {"may_remove": not second_factor.is_required_of(self.user)}
        session = self.request.session
        device = second_factor.device_to_enrol(self.user, known=session.get(second_factor.ENROLLING))
        session[second_factor.ENROLLING] = device.pk
        picture = segno.make(device.config_url, error="m").svg_inline(scale=4, border=2, omitsize=True)
        key = device.config_url.partition("secret=")[2].partition("&")[0]
        return (
            "accounts/second_factor_setup.html",
            {
                "picture": mark_safe(picture),  # noqa: S308 - drawn by segno: paths and numbers
                "key": " ".join(key[start : start + 4] for start in range(0, len(key), 4)),
                "is_required": second_factor.is_required_of(self.user),
            },
        )

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.is_pending and second_factor.has_factor(self.user):
            # An existing factor must be proved first: the password is not enough to change it.
            return HttpResponseRedirect(f"{reverse('second-factor')}?{urlencode({'next': onward_of(request)})}")
        if not second_factor.is_for(self.user):
            return HttpResponseRedirect(self.onward())
        return self.shown()

    def post(self, request: HttpRequest) -> HttpResponse:
        code = request.POST.get("code", "")
        if not second_factor.has_factor(self.user):
            if not second_factor.is_for(self.user):
                return HttpResponseRedirect(self.onward())
            known = request.session.get(second_factor.ENROLLING)
            codes = second_factor.confirm_device(self.user, code, known=known)
            if codes is None:
                return self.refused(second_factor.Verdict(False))
            self.verified()
            return self.show_codes(codes)
        verdict = second_factor.check_code(self.user, code)
        if not verdict.is_right:
            return self.refused(verdict)
        self.verified()
        if request.POST.get("what") == "remove" and not second_factor.is_required_of(self.user):
            second_factor.remove_factor(self.user)
            del request.session[second_factor.MARK]
            return HttpResponseRedirect(self.onward())
        return self.show_codes(second_factor.new_recovery_codes(self.user))

    def show_codes(self, codes: list[str]) -> HttpResponse:
        context = {"codes": codes, "onward": self.onward()}
        return render(self.request, "accounts/recovery_codes.html", context)


def is_missing_factor(request: HttpRequest) -> bool:
    """Return whether the session still needs its second factor, or its setup, before it can be used."""
    if not settings.REQUIRE_SECOND_FACTOR or not isinstance(request.user, User):
        return False
    return second_factor.MARK not in request.session and second_factor.is_required_of(request.user)


def _pending_user(request: HttpRequest) -> User | None:
    pending = request.session.get(PENDING)
    if not pending or pending["until"] < time.time() or BACKEND_SESSION_KEY in request.session:
        return None
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    # Another password since then, or other sessions that were ended, end this step too.
    if user is None:
        return None
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return user if any(constant_time_compare(pending.get("hash", ""), found) for found in hashes) else None


def onward_of(request: HttpRequest) -> str:
    """Return the address to continue at if it is on this site, else an empty string."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return asked if is_ours else ""
