"""Checks of settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning


def check_second_factor(**_options: Any) -> list[CheckMessage]:
    """Warn where a password is enough for staff and members."""
    if settings.REQUIRE_SECOND_FACTOR:
        return []
    return [
        Warning(
            "REQUIRE_SECOND_FACTOR is off, so a password is enough to log in as staff.",
            hint="Remove the variable from the environment, unless an identity provider asks everybody for a factor.",
            id="kontor.W001",
        )
    ]
