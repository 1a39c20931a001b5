"""Development settings: the commands of `devstack` even if DATABASE_URL and REDIS_URL are set."""

from config.settings.base import *

if not EMBEDDED:
    INSTALLED_APPS += ["devstack"]
