"""The session policy: sessions end when idle, at the latest after a working day, and require both factors."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language

from accounts.logins import is_missing_factor
from accounts.models import User
from core.exception_handlers import PAGES_FOR_PEOPLE
from core.middleware import SkipApi

BEGAN, SEEN = "began", "seen"
# The session is saved at most this often, instead of with every page.
SEEN_EVERY = 60
GUARDED = ("/admin", "/connect/authorize", "/connect/change-password")


def begin(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Record when the session began, and the language for mails. Receiver of Django's login signal."""
    request.session[BEGAN] = request.session[SEEN] = int(time.time())
    language = get_language() or ""
    if user.language != language:
        User.objects.filter(pk=user.pk).update(language=language)


class SessionPolicyMiddleware:
    """Ends expired sessions and redirects those without their second factor. Applies only to pages for people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(PAGES_FOR_PEOPLE):
            _end_if_over(request)
            if request.path.startswith(GUARDED) and is_missing_factor(request):
                onward = urlencode({"next": request.get_full_path()})
                return HttpResponseRedirect(f"{reverse('second-factor')}?{onward}")
        return self.get_response(request)


class SkipApiSessionPolicyMiddleware(SkipApi, SessionPolicyMiddleware):
    pass


def _end_if_over(request: HttpRequest) -> None:
    seen = request.session.get(SEEN)
    if seen is None:
        return
    now = int(time.time())
    is_idle = now - seen > settings.SESSION_IDLE_SECONDS
    if is_idle or now - request.session[BEGAN] > settings.SESSION_COOKIE_AGE:
        logout(request)
        request.user = AnonymousUser()
    elif now - seen > SEEN_EVERY:
        request.session[SEEN] = now
