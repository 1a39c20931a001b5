"""Authorization codes: what came of each, and its end if the code is used twice (RFC 6749, 4.1.2)."""

from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import AuthorizationCode
from accounts.tokens import end_family


def note_code(code: str, application_id: int, *, confirmed_at: datetime | None) -> None:
    """Note a new code, and when the person who allows it gave its second factor."""
    AuthorizationCode.objects.create(code_hash=_hashed(code), application_id=application_id, confirmed_at=confirmed_at)


def note_use(code: str, application_id: int, token_family: UUID) -> None:
    """Note which family of tokens an application got for its code."""
    _of(code, application_id).update(token_family=token_family)


def end_what_came_of(code: str, application_id: int) -> None:
    """End the tokens that an application got for its code, and their renewals: the first user may be the thief."""
    family = _of(code, application_id).values_list("token_family", flat=True).first()
    if family is not None:
        end_family(family)


def delete_old_codes() -> None:
    """Delete codes whose tokens have expired, if they were never renewed."""
    lifetime = timedelta(seconds=settings.OAUTH2_PROVIDER["REFRESH_TOKEN_EXPIRE_SECONDS"])
    AuthorizationCode.objects.filter(created_at__lt=timezone.now() - lifetime).delete()


def _of(code: str, application_id: int) -> QuerySet[AuthorizationCode]:
    return AuthorizationCode.objects.filter(code_hash=_hashed(code), application=application_id)


def _hashed(code: str) -> str:
    return sha256(code.encode()).hexdigest()
