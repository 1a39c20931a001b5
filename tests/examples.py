"""How many random examples a property is tried on."""

from hypothesis import settings

DEFAULT = 100
QUICK = "quick"

# `make test-quick` selects it.
settings.register_profile(QUICK, max_examples=DEFAULT // 10)


def examples(number: int) -> int:
    """Return the number for a full run, or as much of it as the profile has of the default."""
    return max(1, number * settings().max_examples // DEFAULT)
