"""A member's choice to get the daily digest."""

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language

from accounts.actor import Actor
from changerequests.models import DailyDigest


def choose_daily_digest(*, actor: Actor, is_wanted: bool) -> None:
    """Have the daily digest mailed to a member from its next working day on, in the present language, or stop it."""
    own = DailyDigest.objects.filter(member=actor.member_id)
    if not is_wanted:
        own.delete()
        return
    language = get_language() or settings.LANGUAGE_CODE
    DailyDigest.objects.update_or_create(
        member_id=actor.member_id or 0,
        defaults={"language": language},
        create_defaults={"language": language, "day": timezone.localdate()},
    )
