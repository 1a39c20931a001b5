"""Settings of development on servers that DATABASE_URL and REDIS_URL name: the commands of `devstack` are there too."""

from config.settings.base import *

if not EMBEDDED:
    INSTALLED_APPS += ["devstack"]
