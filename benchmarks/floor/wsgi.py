"""GET returns the jsonb text; PATCH merges, validates, updates and writes a history row in one transaction."""

import json
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
from psycopg_pool import ConnectionPool

VALIDATOR = jsonschema_rs.Draft202012Validator(json.loads(Path(os.environ["BENCHMARK_SCHEMA"]).read_text()))
READ = "SELECT details::text FROM contact WHERE id = %s"
LOCK = "SELECT details::text FROM contact WHERE id = %s FOR UPDATE"
WRITE = "UPDATE contact SET details = %s, version = version + 1 WHERE id = %s"
RECORD = "INSERT INTO history (contact_id, executed_at, changes) VALUES (%s, now(), %s)"
JSON = [("Content-Type", "application/json")]


@cache
def pool() -> ConnectionPool:
    """Return the connection pool of this worker process."""
    threads = int(os.environ.get("WEB_THREADS", "4"))
    return ConnectionPool(
        os.environ["FLOOR_CONNINFO"], min_size=threads, max_size=threads, open=True, kwargs={"autocommit": True}
    )


def merged(document: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    contact_id = int(environ["PATH_INFO"].rpartition("/")[2])
    if environ["REQUEST_METHOD"] == "GET":
        with pool().connection() as connection:
            row = connection.execute(READ, (contact_id,), prepare=True).fetchone()
        body = b"" if row is None else row[0].encode()
        start_response("200 OK" if row else "404 Not Found", [*JSON, ("Content-Length", str(len(body)))])
        return [body]
    patch = orjson.loads(environ["wsgi.input"].read())["details"]
    with pool().connection() as connection, connection.transaction():
        row = connection.execute(LOCK, (contact_id,), prepare=True).fetchone()
        assert row is not None
        target = merged(orjson.loads(row[0]), patch)
        is_valid = VALIDATOR.is_valid(target)
        if is_valid:
            connection.execute(WRITE, (orjson.dumps(target).decode(), contact_id), prepare=True)
            connection.execute(RECORD, (contact_id, orjson.dumps(patch).decode()), prepare=True)
    body = b'{"isApprovalRequired":false}'
    start_response("200 OK" if is_valid else "422 Unprocessable", [*JSON, ("Content-Length", str(len(body)))])
    return [body]
