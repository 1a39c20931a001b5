"""Checks of settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from schemas.phones import REGIONS


def check_phone_region(**_options: Any) -> list[CheckMessage]:
    """Refuse a country that phonenumbers does not know: no number without a calling code could be read."""
    if settings.PHONE_REGION in REGIONS:
        return []
    return [Error("PHONE_REGION is not the code of a country.", hint="Such as CH, in capitals.", id="kontor.E005")]
