#!/usr/bin/env python
"""Runs the project's commands, and starts the embedded servers for them if the environment names no others."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config.settings.environment import EMBEDDED, embedded_servers

# These need no database, or run beside one. `runstack` starts the servers itself, once it has checked that nothing is
# in its way.
_WITHOUT_SERVERS = frozenset(
    {"beat", "check", "collectstatic", "compilemessages", "diffsettings", "findstatic", "help", "makemessages"}
    | {"runstack", "spectacular", "startapp", "version", "web", "worker"}
)
_HELP = frozenset({"-h", "--help", "--version"})


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    if EMBEDDED and _needs_servers(sys.argv[1:]):
        _start_servers()
    execute_from_command_line(sys.argv)


def _start_servers() -> None:
    try:
        embedded = embedded_servers()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    try:
        embedded.ensure_running(embedded.var_directory())
    except embedded.EmbeddedServerError as error:
        sys.exit(str(error))


def _needs_servers(arguments: list[str]) -> bool:
    """Return whether the command may read or write data."""
    return bool(arguments) and arguments[0] not in _WITHOUT_SERVERS and not _HELP.intersection(arguments)


if __name__ == "__main__":
    main()
