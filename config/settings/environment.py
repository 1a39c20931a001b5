"""The environment and the profile that it selects."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
env = environ.Env()

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

VAR_DIR = Path(env.str("KONTOR_VAR", default=str(ROOT / "var")))
EMBEDDED = not (env.str("DATABASE_URL", default="") and env.str("REDIS_URL", default=""))


def weekdays(names: list[str]) -> frozenset[int]:
    """Return the numbers of weekdays; Monday is 0. Raise ImproperlyConfigured for another name, or for none."""
    if not names or not set(names) <= set(WEEKDAYS):
        found = ",".join(names) or "nothing"
        raise ImproperlyConfigured(f"BUSINESS_DAYS names some of {','.join(WEEKDAYS)}, not {found}.")
    return frozenset(map(WEEKDAYS.index, names))


def embedded_servers() -> ModuleType:
    """Return the module `devstack.embedded`. Only for the embedded profile.

    Imported by name, because `devstack` is a layer above the settings and absent in production. Raise
    ImproperlyConfigured if it is missing.
    """
    try:
        return import_module("devstack.embedded")
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured("Set DATABASE_URL and REDIS_URL: the image has no embedded servers.") from error


def s3_config() -> object:
    """Return how patient clients of S3 are, whose own patience is minutes. By name, for the package is in an extra."""
    make = import_module("botocore.config").Config
    return make(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2}, signature_version="s3v4")
