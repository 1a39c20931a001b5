"""When a delivery is tried again: soon at first, then ever more seldom, for three days."""

import random
from datetime import timedelta

RETRIED_FOR = timedelta(days=3)
# A receiver that fails once mostly does not fail twice: what waits behind it waits for a quarter of a second.
_SECONDS = (0.25, 0.5, 1, 2, 4, 8, 30, 300, 1_800, 7_200, 18_000, 36_000)
# So that what failed together is not tried together.
_SPREAD = 0.2


def delay_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row, at least one."""
    seconds = _SECONDS[min(failures, len(_SECONDS)) - 1]
    return timedelta(seconds=seconds * random.uniform(1 - _SPREAD, 1 + _SPREAD))  # noqa: S311 - no secret
