"""Settings of `manage.py lintmigrations`, which `make check` runs: what would stop a running Kontor fails there."""

from config.settings.base import *

INSTALLED_APPS += ["django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    # Those of libraries, which are theirs to answer for.
    "exclude_apps": ["admin", "auth", "contenttypes", "oauth2_provider", "sessions"],
    # New tables disturb nobody.
    "ignore_initial_migrations": True,
    # Of before the first release, when there was nobody to disturb.
    "ignore_name": ["0002_channels_pictures_anonymization", "0002_imports"],
    "no_cache": True,
    "quiet": ["ok", "ignore"],
    "sql_analyser": "postgresql",
}
