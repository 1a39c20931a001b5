"""PostgreSQL and Valkey from wheels, run under `var/` for development, tests and trials.

The addresses depend only on the directory (`database_url`, `redis_url`), so reading the settings starts nothing.
Processes that need the servers call `ensure_running` or `running`: the first user starts them, later users in any
process share them, and the last user stops them. If DATABASE_URL or REDIS_URL is set, the external server is used and
the embedded one does not start.
"""

from devstack.embedded.paths import (
    EmbeddedServerError,
    database_url,
    log_file,
    redis_url,
    seal_key,
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
    "seal_key",
    "secret_key",
    "var_directory",
]
