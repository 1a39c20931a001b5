"""The environment and the profile that it selects."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
env = environ.Env()

VAR_DIR = Path(env.str("KONTOR_VAR", default=str(ROOT / "var")))
EMBEDDED = not (env.str("DATABASE_URL", default="") and env.str("REDIS_URL", default=""))


def embedded_servers() -> ModuleType:
    """Return the module `devstack.embedded`. Only for the embedded profile.

    Imported by name, because `devstack` is a layer above the settings and absent in production. Raise
    ImproperlyConfigured if it is missing.
    """
    try:
        return import_module("devstack.embedded")
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(
            "Set DATABASE_URL and REDIS_URL: the embedded servers come with a clone of the repository, in devstack/."
        ) from error
