"""Checks of settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error


def check_digest_hour(**_options: Any) -> list[CheckMessage]:
    """Refuse an hour that no day has."""
    if settings.DIGEST_HOUR in range(24):
        return []
    return [Error("DIGEST_HOUR is no hour of a day.", hint="Set it to a number from 0 to 23.", id="kontor.E005")]
