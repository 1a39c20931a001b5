"""Lockout: too many wrong passwords or secrets lock a login or application for a while, from every address.

django-axes counts failures in PostgreSQL, which all web processes share. It gets a keyed hash instead of the name, so
that its rows contain no names. Failures count for the login that a name leads to, not for the name as it was typed;
names that lead nowhere are counted alike.
"""

import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import ngettext

from core.keyed_hashes import former_hashes, keyed_hash

_SALT = "kontor.lockout"


@dataclass(frozen=True)
class Secret:
    """What an attacker guesses: the password of a user, or the secret of an application.

    `username` is that of the user itself, whatever it logs in with; of nobody, it is what was typed.
    """

    username: str | None = None
    client_id: str | None = None

    @property
    def key(self) -> str:
        """The key under which failures are counted."""
        login = unicodedata.normalize("NFKC", self.username or "").strip().casefold()
        name = f"client {self.client_id}" if self.client_id else f"login {login}"
        if former := former_hashes(_SALT, name):
            # What was counted under a former secret key still counts, until it no longer would.
            counted = _recent_attempts().filter(username__in=former).values_list("username", flat=True).first()
            if counted:
                return str(counted)
        return keyed_hash(_SALT, name)


def key_of_attempt(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """For axes: return the key under which an attempt is counted."""
    given = credentials if credentials is not None else request.POST
    return Secret(username=given.get("username"), client_id=given.get("client_id")).key


def describe_attempt(*args: Any) -> str:
    """For axes: return the name of the client in log lines, which identifies nobody."""
    return "somebody"


def note_failure(request: HttpRequest, secret: Secret) -> None:
    """Count a wrong secret, as axes counts wrong passwords on Django's signal."""
    credentials = {"client_id": secret.client_id, "username": secret.username}
    AxesProxyHandler.user_login_failed(sender=note_failure, credentials=credentials, request=request)


def seconds_locked(secret: Secret) -> int:
    """Return for how many seconds the name is still locked; 0 if it is not."""
    found = (
        _recent_attempts()
        .filter(username=secret.key)
        .aggregate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
    )
    if (found["failures"] or 0) < settings.LOGIN_MAX_FAILURES:
        return 0
    period = timedelta(seconds=settings.LOGIN_LOCK_SECONDS)
    return max(1, ceil((found["last"] + period - timezone.now()).total_seconds()))


def _recent_attempts() -> QuerySet[AccessAttempt]:
    period = timedelta(seconds=settings.LOGIN_LOCK_SECONDS)
    return AccessAttempt.objects.filter(attempt_time__gt=timezone.now() - period)


def unlock(secret: Secret) -> int:
    """Delete the failures counted for a name; return the number of rows."""
    return AccessAttempt.objects.filter(username=secret.key).delete()[0]


def forget_old_attempts() -> int:
    """Delete attempts that no longer count; return how many."""
    period = timedelta(seconds=settings.LOGIN_LOCK_SECONDS)
    return AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - period).delete()[0]


def locked_text(seconds: int) -> str:
    """Return the error message for a locked login."""
    minutes = ceil(seconds / 60)
    return ngettext(
        "Too many failed attempts. Try again in %(minutes)s minute, or set a new password by “Forgot your "
        "password?”. An administrator of logins can also unlock it.",
        "Too many failed attempts. Try again in %(minutes)s minutes, or set a new password by “Forgot your "
        "password?”. An administrator of logins can also unlock it.",
        minutes,
    ) % {"minutes": minutes}


def too_many_attempts(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """For axes: return the response to an attempt that locks the name or comes while it is locked."""
    given = credentials or {}
    if given.get("client_id") and response is not None:
        # OAuth2 endpoints keep their format: this attempt gets the usual error, the next one a lockout.
        return response
    username = given.get("username") or request.POST.get("username", "")
    return login_refused(request, seconds_locked(Secret(username=username)) or 1)


def login_refused(request: HttpRequest, seconds: int) -> HttpResponse:
    """Return the login page with the time to wait, as a 429."""
    context = {"refusal": locked_text(seconds), "next": request.POST.get("next", "")}
    page = render(request, "accounts/login.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
    page["Retry-After"] = str(seconds)
    return page
