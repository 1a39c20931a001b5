"""Settings of `manage.py lintmigrations`, with which `make check` rejects migrations that block a running Kontor."""

from config.settings.base import *

INSTALLED_APPS += ["django_migration_linter"]
MIGRATION_LINTER_OPTIONS = {
    # Only our apps; libraries are responsible for theirs.
    "include_apps": [
        *(
            "schemas",
            "accounts",
            "audit",
            "events",
            "proof",
            "contacts",
            "changerequests",
            "contactgroups",
            "legalentities",
            "matching",
            "merging",
            "importexport",
        ),
    ],
    # New tables block nothing.
    "ignore_initial_migrations": True,
    "ignore_name": [
        # From before the first release, when no installation existed.
        *("0002_channels_pictures_anonymization", "0002_imports"),
        # They leave views with the names and columns that the previous version uses.
        *("0001_entries", "0008_history_in_the_ledger"),
        # A unique index takes the place of another, and a table is dropped that no version uses.
        *("0003_one_sequence_of_each_subject", "0012_drop_moved_history"),
    ],
    "no_cache": True,
    "quiet": ["ok", "ignore"],
    "sql_analyser": "postgresql",
}
