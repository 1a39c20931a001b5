"""PostgreSQL and Valkey from wheels, run under `var/` for development, tests and trials.

Where a server listens follows from the directory alone (`database_url`, `redis_url`), so reading the settings starts
nothing. Who needs the servers says so (`ensure_running`, `running`): the first user starts them, later ones, in any
process, find them, and the last one out stops them. DATABASE_URL and REDIS_URL, where set, name servers of someone
else's, and the embedded one is left alone.
"""

from devstack.embedded.paths import (
    EmbeddedServerError,
    database_url,
    log_file,
    redis_url,
    secret_key,
    var_directory,
)
from devstack.embedded.refcount import ensure_running, failed, needed, release, running

__all__ = [
    "EmbeddedServerError",
    "database_url",
    "ensure_running",
    "failed",
    "log_file",
    "needed",
    "redis_url",
    "release",
    "running",
    "secret_key",
    "var_directory",
]
