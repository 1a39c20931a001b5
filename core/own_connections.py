"""Connections to the database apart from Django's own."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections


def parameters_of(*, alias: str = DEFAULT_DB_ALIAS, seconds: int) -> dict[str, Any]:
    """Return what psycopg connects with: the address and options of Kontor's own connections, also of several hosts.

    Connecting to each host, and noticing that one has vanished, takes at most `seconds`.
    """
    parameters = {
        name: value
        for name, value in connections[alias].get_connection_params().items()
        if name not in {"context", "cursor_factory"}
    }
    return parameters | {"connect_timeout": seconds, "tcp_user_timeout": seconds * 1000}
