"""Django system checks of the settings of duplicates."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import Error

from matching.weights import configured


def check_weights(**_kwargs: Any) -> Sequence[Error]:
    """Check that the table of weights can be made."""
    try:
        configured()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [
            Error(
                f"DUPLICATE_WEIGHTS, DUPLICATE_PROBABLE or DUPLICATE_POSSIBLE is wrong: {error}",
                hint='Such as {"email.same": 10}, 0.95 and 0.5; docs/duplicates.md has the names.',
                id="kontor.E006",
            )
        ]
    return []
