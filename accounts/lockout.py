"""Guessing passwords and secrets: after some wrong ones the name is locked for a while, whoever asks, from anywhere.

django-axes counts in PostgreSQL, which all web processes share. It is given a keyed hash instead of a name, so that
what it keeps names nobody, and the same name in another case is the same.
"""

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import ngettext


@dataclass(frozen=True)
class Secret:
    """What is guessed: the password of a username, or the secret of an application."""

    username: str | None = None
    client_id: str | None = None

    @property
    def key(self) -> str:
        """The name under which failures are counted."""
        name = f"client {self.client_id}" if self.client_id else f"login {(self.username or '').strip().casefold()}"
        return salted_hmac("kontor.lockout", name, algorithm="sha256").hexdigest()


def key_of_attempt(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """For axes: the name under which an attempt counts."""
    given = credentials if credentials is not None else request.POST
    return Secret(username=given.get("username"), client_id=given.get("client_id")).key


def describe_attempt(*args: Any) -> str:
    """For axes: how its log lines call who tried. They name nobody."""
    return "somebody"


def note_failure(request: HttpRequest, secret: Secret) -> None:
    """Count a wrong secret of an application, as axes counts the wrong passwords that Django tells it about."""
    credentials = {"client_id": secret.client_id}
    AxesProxyHandler.user_login_failed(sender=note_failure, credentials=credentials, request=request)


def seconds_locked(secret: Secret) -> int:
    """For how long the name is still locked; 0 when it is not."""
    now = timezone.now()
    period = timedelta(seconds=settings.LOGIN_LOCK_SECONDS)
    attempts = AccessAttempt.objects.filter(username=secret.key, attempt_time__gt=now - period)
    found = attempts.aggregate(failures=Sum("failures_since_start"), last=Max("attempt_time"))
    if (found["failures"] or 0) < settings.LOGIN_MAX_FAILURES:
        return 0
    return max(1, ceil((found["last"] + period - now).total_seconds()))


def unlock(secret: Secret) -> int:
    """Forget what was counted of the name; returns how many rows there were."""
    return AccessAttempt.objects.filter(username=secret.key).delete()[0]


def forget_old_attempts() -> int:
    """Forget the attempts that count no more; returns how many."""
    period = timedelta(seconds=settings.LOGIN_LOCK_SECONDS)
    return AccessAttempt.objects.filter(attempt_time__lt=timezone.now() - period).delete()[0]


def locked_text(seconds: int) -> str:
    """What people read who must wait."""
    minutes = ceil(seconds / 60)
    return ngettext(
        "Too many failed attempts. Try again in %(minutes)s minute, or ask an administrator.",
        "Too many failed attempts. Try again in %(minutes)s minutes, or ask an administrator.",
        minutes,
    ) % {"minutes": minutes}


def too_many_attempts(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """For axes, in place of the answer to an attempt that locked the name or came while it was locked."""
    given = credentials or {}
    if given.get("client_id") and response is not None:
        # Endpoints of OAuth2 answer in its shape: this attempt as they would, the next one that it is locked.
        return response
    username = given.get("username") or request.POST.get("username", "")
    return login_refused(request, seconds_locked(Secret(username=username)) or 1)


def login_refused(request: HttpRequest, seconds: int) -> HttpResponse:
    """The login page that says how long to wait."""
    context = {"refusal": locked_text(seconds), "next": request.POST.get("next", "")}
    page = render(request, "accounts/login.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
    page["Retry-After"] = str(seconds)
    return page
