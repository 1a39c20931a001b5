"""Settings of `manage.py lintmigrations`, which `make check` runs: what would stop a running Kontor fails there."""

from config.settings.base import *

INSTALLED_APPS += ["django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    # Ours; those of libraries are theirs to answer for.
    "include_apps": [
        *("schemas", "accounts", "contacts", "changerequests", "contactgroups", "legalentities", "importexport"),
    ],
    # New tables disturb nobody.
    "ignore_initial_migrations": True,
    # Of before the first release, when there was nobody to disturb.
    "ignore_name": ["0002_channels_pictures_anonymization", "0002_imports"],
    "no_cache": True,
    "quiet": ["ok", "ignore"],
    "sql_analyser": "postgresql",
}
