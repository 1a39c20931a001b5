"""The OAuth2 endpoints, which in addition to the library refuse inactive logins and lock applications out."""

import base64
import binascii
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_plus

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from oauth2_provider.models import Grant, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views import RevokeTokenView, TokenView
from oauthlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidClientError, InvalidGrantError

from accounts.client_assertions import TYPE as ASSERTION_TYPE
from accounts.client_assertions import is_proof_of, subject_of
from accounts.codes import end_what_came_of, note_code, note_use
from accounts.lockout import Secret, note_failure, seconds_locked, unlock
from accounts.models import ClientApplication, User
from accounts.throttling import check_login_rate, forgive_login
from accounts.tokens import end_family
from core.errors import TooManyRequests
from core.json import rendered
from core.text import is_storable

# What an assertion may name as its audience: the issuer and the address that it is sent to. The library hands the
# request's metadata to the validator, and nothing else of the request.
AUDIENCES = "kontor.audiences"


class Validator(OAuth2Validator):
    """Refuses codes and refresh tokens of inactive logins, and ends what came of a code that is used twice."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        # The library reads the encoding of the header from a form field of this name. It could then read another client
        # id than the one under which wrong secrets are counted.
        request.encoding = "utf-8"
        if _sent(request, "client_assertion") or _sent(request, "client_assertion_type"):
            return self._authenticate_by_assertion(request)
        return bool(super().authenticate_client(request, *args, **kwargs))

    def _authenticate_basic_auth(self, request: Any) -> bool:
        return _by_either_secret(super()._authenticate_basic_auth, request)

    def _authenticate_request_body(self, request: Any) -> bool:
        return _by_either_secret(super()._authenticate_request_body, request)

    def _authenticate_by_assertion(self, request: Any) -> bool:
        """Check a signed assertion (RFC 7523), beside which nothing else may authenticate the application."""
        assertion = _sent(request, "client_assertion")
        client = self._load_application(subject_of(assertion), request)
        if (
            client is None
            or _sent(request, "client_assertion_type") != ASSERTION_TYPE
            or self._extract_basic_auth(request)
            or _sent(request, "client_secret")
            or _sent(request, "client_id") not in ("", client.client_id)
            or not is_proof_of(client, assertion, audiences=request.headers[AUDIENCES])
        ):
            return False
        request.client_id = client.client_id
        return True

    def is_origin_allowed(self, *args: Any, **kwargs: Any) -> bool:
        """Leave it to `CrossOriginMiddleware`, which answers for all endpoints."""
        return False

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        if not Grant.objects.filter(code=code, application=client).exists():
            end_what_came_of(code, client.pk)
            return False
        return super().validate_code(client_id, code, client, request, *args, **kwargs) and request.user.is_active

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        """Save tokens, unless what they came by has ended since it was checked. Locks the application."""
        with transaction.atomic():
            now = ClientApplication.objects.select_for_update(no_key=True).get(pk=request.client.pk)
            if not _is_still_good(request.client, now, token["scope"].split()):
                raise InvalidClientError(request=request)
            super().save_bearer_token(token, request, *args, **kwargs)

    def save_authorization_code(self, client_id: str, code: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        """Save a code, unless the session that allowed it has ended since. Locks the user."""
        with transaction.atomic():
            now = User.objects.select_for_update(no_key=True).get(pk=request.user.pk)
            if not now.is_active or now.get_session_auth_hash() != request.user.get_session_auth_hash():
                raise AccessDeniedError(request=request)
            super().save_authorization_code(client_id, code, request, *args, **kwargs)
            note_code(code["code"], request.client.pk, confirmed_at=request.confirmed_at)

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """End the code, which has been exchanged. Of two requests at the same time neither keeps its tokens."""
        family = request.token_family
        try:
            with transaction.atomic():
                super().invalidate_authorization_code(client_id, code, request, *args, **kwargs)
                note_use(code, request.client.pk, family)
        except InvalidGrantError:
            end_family(family)
            end_what_came_of(code, request.client.pk)
            raise

    def _create_refresh_token(self, request: Any, *args: Any, **kwargs: Any) -> RefreshToken:
        created: RefreshToken = super()._create_refresh_token(request, *args, **kwargs)
        request.token_family = created.token_family
        return created

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        is_valid = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return is_valid and request.user.is_active


def _is_still_good(checked: ClientApplication, now: ClientApplication, scopes: Iterable[str]) -> bool:
    """Return whether an application may still have what was checked before its row was locked."""
    secrets = {now.client_secret, now.previous_secret if now.has_previous_secret else now.client_secret}
    return (
        checked.client_secret in secrets
        and checked.public_keys == now.public_keys
        and checked.client_type == now.client_type
        and checked.authorization_grant_type == now.authorization_grant_type
        and set(scopes) <= set(now.allowed_scopes.split())
    )


def _by_either_secret(authenticate: Callable[[Any], bool], request: Any) -> bool:
    """Authenticate an application by its secret, or by the one before while both work."""
    if authenticate(request):
        return True
    client = request.client
    if client is None or not client.has_previous_secret:
        return False
    client.client_secret = client.previous_secret  # in memory only
    return authenticate(request)


def _sent(request: Any, name: str) -> str:
    """Return a parameter of a request of the library, which knows only some."""
    return str(getattr(request, name, None) or "")


_SENSITIVE = ("client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token")


class GuardedView:
    """An endpoint that authenticates applications. Too many wrong secrets lock the application out.

    Errors have OAuth2's format, as everywhere at these addresses.
    """

    # Repeats the decorators of the library's `dispatch`: applications have no cookies, so CSRF does not apply.
    @method_decorator([csrf_exempt, sensitive_post_parameters(*_SENSITIVE)])
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            check_login_rate(request)
        except TooManyRequests as refusal:
            return _too_many(str(refusal), int(refusal.headers["Retry-After"]))
        names = _client_ids(request)
        if not all(map(is_storable, [*names, *texts_of(request)])):
            return _invalid()
        if len(names) > 1:
            return _invalid(_("The request names two applications."))
        client_id = next(iter(names), "")
        secret = Secret(client_id=client_id)
        if client_id and (seconds := seconds_locked(secret)):
            return locked_client(seconds)
        issuer = oauth2_settings.oauth2_authorization_server_issuer(request)
        request.META[AUDIENCES] = {issuer, issuer + request.path}
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        if client_id and response.status_code == 401 and _has_secret(client_id):
            note_failure(request, secret)
        elif client_id and response.status_code == 200:
            unlock(secret)
            forgive_login(request)
        return response


def _has_secret(client_id: str) -> bool:
    """Return whether there is a secret to guess: to lock another application would only shut its users out.

    Unknown applications count as if they had one.
    """
    only_signs = Q(secret_collected_at=None) & ~Q(public_keys=[])
    without = Q(client_type=ClientApplication.CLIENT_PUBLIC) | only_signs
    return not ClientApplication.objects.filter(without, client_id=client_id).exists()


def locked_client(seconds: int) -> HttpResponse:
    """Return the error for a locked application."""
    text = _("Too many wrong secrets were sent for this application. Try again in %(seconds)s seconds.")
    return _too_many(text % {"seconds": seconds}, seconds)


def _too_many(description: str, seconds: int) -> HttpResponse:
    answer = {"error": "invalid_client", "error_description": description}
    return rendered(answer, status=429, headers={"Retry-After": str(seconds), "Cache-Control": "no-store"})


def texts_of(request: HttpRequest) -> Iterator[str]:
    """Yield the names and values of the query and of the form."""
    for sent in (request.GET, request.POST):
        for name, values in sent.lists():
            yield from (name, *map(str, values))


def _invalid(description: str = "") -> HttpResponse:
    """Return the error for texts that cannot be stored, and for two client ids (RFC 6749, 2.3).

    Wrong secrets of one of two could count for the other.
    """
    answer = {"error": "invalid_request", **({"error_description": description} if description else {})}
    return rendered(answer, status=400, headers={"Cache-Control": "no-store"})


def _client_ids(request: HttpRequest) -> set[str]:
    """Return the client ids in HTTP Basic, in the form and in an assertion, read as the library reads them."""
    names = {request.POST.get("client_id", ""), subject_of(request.POST.get("client_assertion", ""))}
    scheme, _space, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        # The library cannot read such a header either.
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            names.add(unquote_plus(base64.b64decode(encoded).decode().partition(":")[0]))
    return names - {""}


class KontorTokenView(GuardedView, TokenView):
    pass


class KontorRevokeTokenView(GuardedView, RevokeTokenView):
    pass
