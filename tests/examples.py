"""How many random examples a property is tried on, and that none fails because the machine is busy."""

from hypothesis import HealthCheck, settings

DEFAULT = 100
PATIENT, QUICK = "patient", "quick"

# By default an example may take 0.2 s, and what makes examples a second.
settings.register_profile(PATIENT, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(PATIENT)
# `make test-quick` selects it. It is as patient.
settings.register_profile(QUICK, max_examples=DEFAULT // 10)


def examples(number: int) -> int:
    """Return the number for a full run, or as much of it as the profile has of the default."""
    return max(1, number * settings().max_examples // DEFAULT)
