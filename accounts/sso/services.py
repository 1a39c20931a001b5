"""Who a provider's people are here, and the ends of their sessions there."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import second_factor
from accounts.ends import end_access
from accounts.models import LogoutToken, ProviderIdentity, ProviderSession, User
from accounts.sso.client import Identity
from accounts.sso.handlers import run_sign_in_handlers
from accounts.sso.logout_tokens import LogoutRefusedError, ProviderLogout


@transaction.atomic
def come_in(identity: Identity) -> User | None:
    """Return the active login of staff that is linked to the identity, None if there is none.

    Remembers the session at the provider, and lets apps above do what follows from the identity. Raises HeldByOthers.
    """
    links = ProviderIdentity.objects.filter(issuer=identity.provider.issuer, subject=identity.subject)
    link = links.filter(user__is_active=True).select_related("user").first()
    if link is None or not second_factor.is_for(link.user):
        return None
    if identity.session:
        ProviderSession.objects.update_or_create(
            issuer=identity.provider.issuer,
            sid=identity.session,
            defaults={"user": link.user, "began_at": timezone.now()},
        )
    run_sign_in_handlers(link.user, identity)
    return User.objects.get(pk=link.user_id)


@transaction.atomic
def log_out(said: ProviderLogout) -> None:
    """End all that the person has open here who has logged out there. Raises LogoutRefusedError for a used token."""
    _token, is_new = LogoutToken.objects.get_or_create(issuer=said.issuer, jti=said.jti)
    if not is_new:
        raise LogoutRefusedError("the token was used already")
    users: Any = ProviderIdentity.objects.filter(issuer=said.issuer, subject=said.subject)
    if not said.subject:
        users = ProviderSession.objects.filter(issuer=said.issuer, sid=said.session)
    end_access(list(users.values_list("user", flat=True)))


def forget_provider_sessions() -> None:
    """Delete sessions that cannot be open here any more, and logout tokens that are too old to be used."""
    now = timezone.now()
    ProviderSession.objects.filter(began_at__lt=now - timedelta(seconds=settings.SESSION_COOKIE_AGE)).delete()
    LogoutToken.objects.filter(received_at__lt=now - timedelta(days=1)).delete()
