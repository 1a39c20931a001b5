"""How Kontor connects to a database."""

from typing import Any

from config.settings.environment import env


def database_config(url: str, *, takes_writes: bool) -> dict[str, Any]:
    """Return the entry of DATABASES for a URL. Of several hosts, the one that takes writes is used if that is asked."""
    config: dict[str, Any] = env.db_url_config(url)
    # Each thread keeps its connection: connections made per request would cost more than the requests. After a restart
    # of the server no request meets one of before it.
    config |= {"ENGINE": "core.postgresql", "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
    options = config.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 5 if takes_writes else 2)
    # A host that vanishes closes no connection. Who waits for it hears so in seconds, and connects to another one.
    options.setdefault("tcp_user_timeout", 20_000)
    options.setdefault("keepalives_idle", 5)
    options.setdefault("keepalives_interval", 5)
    if takes_writes and "," in str(config["HOST"]):
        options.setdefault("target_session_attrs", "read-write")
    # No query of a request runs without end: operations/gunicorn.py sets the limit. Tasks have none.
    seconds = env.int("DATABASE_STATEMENT_SECONDS", default=0)
    if seconds:
        limits = f"-c statement_timeout={seconds}s -c lock_timeout={max(1, seconds // 2)}s"
        # Prepared statements find rows by keys (core/prepared.py): one plan serves all values.
        planning = "-c plan_cache_mode=force_generic_plan"
        # After what the URL asks for.
        options["options"] = f"{options.get('options', '')} {limits} {planning}".strip()
    # After how many times a connection has the server prepare a statement; 0 for never, where a proxy between them
    # hands connections round by transaction and knows nothing of prepared statements.
    options["prepare_threshold"] = env.int("DATABASE_PREPARE_THRESHOLD", default=3) or None
    return config
