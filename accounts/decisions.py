"""Members who decide through an application: it has to be approved for that, and they confirm by second factor."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.models import RefreshToken

from accounts.actor import Actor
from accounts.models import AuthorizationCode, ClientApplication
from core.errors import Forbidden

DECIDES_WITH = "change-requests.write"


def check_carries_decision(actor: Actor) -> None:
    """Raise Forbidden if the actor's token carries no decision; a session does, and so does what `issue_token` printed.

    `ApplicationCarriesNoDecisions`: the application is not approved for it. `ConfirmationRequired`: the member gave no
    second factor when it last allowed the application, or too long ago (RFC 9470 has the header's form).
    """
    if actor.via_application_id is None:
        return
    if not ClientApplication.objects.filter(pk=actor.via_application_id, carries_decisions=True).exists():
        raise Forbidden(
            _("This application may not relay decisions. Decide in the admin."),
            sub_code="ApplicationCarriesNoDecisions",
        )
    lasts = timedelta(minutes=settings.DECISION_CONFIRMATION_MINUTES)
    families = RefreshToken.objects.filter(access_token__token_checksum=actor.token_checksum).values("token_family")
    codes = AuthorizationCode.objects.filter(token_family__in=families, application=actor.via_application_id)
    if not codes.filter(confirmed_at__gt=timezone.now() - lasts).exists():
        max_age = round(lasts.total_seconds())
        raise Forbidden(
            _("Confirm with your second factor: the application has to ask you again for your permission."),
            sub_code="ConfirmationRequired",
            headers={
                "WWW-Authenticate": f'Bearer error="insufficient_user_authentication", max_age={max_age}',
            },
        )
