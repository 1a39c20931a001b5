"""Settings of `manage.py lintmigrations`, with which `make check` rejects migrations that block a running Kontor."""

from config.settings.base import *

INSTALLED_APPS += ["django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    # Only our apps; libraries are responsible for theirs.
    "include_apps": [
        *("schemas", "accounts", "contacts", "changerequests", "contactgroups", "legalentities", "importexport"),
    ],
    # New tables block nothing.
    "ignore_initial_migrations": True,
    # From before the first release, when no installation existed.
    "ignore_name": ["0002_channels_pictures_anonymization", "0002_imports"],
    "no_cache": True,
    "quiet": ["ok", "ignore"],
    "sql_analyser": "postgresql",
}
