"""Django's PostgreSQL backend, which tells whether a kept connection still has its server without asking the server.

Each thread keeps its connection from request to request, and Django examines it before it is used again. A round trip
for that is a third of what reading a contact takes, and nearly always in vain: a server that stops, crashes or ends a
connection is heard of at the socket, which has something to read while nothing was asked.
"""

from select import POLLIN, poll
from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def is_usable(self) -> bool:
        """Whether the connection can be used. The server is asked where it has said something by itself."""
        connection: psycopg.Connection | None = self.connection
        if connection is None or connection.closed:
            return False
        return _is_quiet(connection) or super().is_usable()

    def chunked_cursor(self) -> Any:
        """A cursor on the server within a transaction. Elsewhere an ordinary one, which reads all rows at once.

        What outlives its transaction belongs to a session, and behind a pooler there are none.
        """
        return super().chunked_cursor() if self.in_atomic_block else self.cursor()


def _is_quiet(connection: psycopg.Connection) -> bool:
    """Whether the server has sent nothing since it was last asked, not even the end."""
    poller = poll()
    poller.register(connection.fileno(), POLLIN)
    return not poller.poll(0)
