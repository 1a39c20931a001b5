"""Where the benchmark keeps its servers, data and files: `var/benchmark` or BENCHMARK_VAR, made anew by each run.

Importing this makes Kontor ready in this process, on embedded servers that write to the disk as in production.
"""

import io
import json
import os
import shutil
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parents[1]
PLACE = Path(os.environ.get("BENCHMARK_VAR") or ROOT / "var" / "benchmark")
JSON_SCHEMA = PLACE / "contact.schema.json"

# Whatever the user's environment names is left alone, and production does not debug.
for variable in ("DATABASE_URL", "REDIS_URL", "DEBUG"):
    os.environ.pop(variable, None)
os.environ |= {
    "KONTOR_VAR": str(PLACE),
    "DJANGO_SETTINGS_MODULE": "config.settings.base",
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "WARNING",
}
django.setup()

import psycopg  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from psycopg import sql  # noqa: E402

from contacts.models import CONTACT_SCHEMA  # noqa: E402
from devstack import embedded  # noqa: E402
from schemas.queries import current_schema  # noqa: E402

ENVIRONMENT = {
    "KONTOR_VAR": str(PLACE),
    "LOG_FORMAT": "json",
    "LOG_LEVEL": "INFO",
    "BENCHMARK_SCHEMA": str(JSON_SCHEMA),
}


def make_place() -> None:
    """Start the servers on an empty directory, with the schemas and lists that are shipped."""
    shutil.rmtree(PLACE, ignore_errors=True)
    embedded.ensure_running(PLACE)
    settings.STATIC_ROOT.mkdir()  # no page is asked for, and what serves its files would complain
    call_command("migrate", verbosity=0)
    call_command("load_schemas", stdout=io.StringIO())
    JSON_SCHEMA.write_text(json.dumps(current_schema(CONTACT_SCHEMA).json_schema))


def conninfo(database: str = "kontor") -> str:
    """What psycopg connects with to a database of the embedded server."""
    server = connection.settings_dict
    return f"host={server['HOST']} user={server['USER']} dbname={database}"


def make_database(name: str, *, template: str = "template1") -> str:
    """A database beside Kontor's, empty or as its template, to which nobody is connected; returns its conninfo."""
    with psycopg.connect(conninfo("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    return conninfo(name)


def database_url(name: str) -> str:
    """What Kontor finds a database of the embedded server by."""
    server, _, _kontor = embedded.database_url(PLACE).rpartition("/")
    return f"{server}/{name}"
