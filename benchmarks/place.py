"""Directory of the benchmark's servers and files: `var/benchmark` or BENCHMARK_VAR, recreated by each run.

Importing this module sets up Django for embedded servers that write to disk as in production.
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

# Never use the databases of the user's environment, and measure without DEBUG.
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


def make_place(*, is_prepared: bool = False) -> None:
    """Empty the directory, start the servers and load the default schemas and lists.

    If the directory `is_prepared`, it holds a migrated database with these already, and keeps them.
    """
    if not is_prepared:
        shutil.rmtree(PLACE, ignore_errors=True)
    embedded.ensure_running(PLACE)
    # WhiteNoise warns if it is missing; no pages are requested.
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    if not is_prepared:
        call_command("migrate", verbosity=0)
        call_command("load_schemas", stdout=io.StringIO())
    JSON_SCHEMA.write_text(json.dumps(current_schema(CONTACT_SCHEMA).json_schema))


def conninfo(database: str = "kontor") -> str:
    """Return psycopg's conninfo of a database of the embedded server."""
    server = connection.settings_dict
    return f"host={server['HOST']} user={server['USER']} dbname={database}"


def make_database(name: str, *, template: str = "template1") -> str:
    """Recreate a database from the template, which must have no connections. Return its conninfo."""
    with psycopg.connect(conninfo("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
    return conninfo(name)


def database_url(name: str) -> str:
    """Return the DATABASE_URL of a database of the embedded server."""
    server, _, _kontor = embedded.database_url(PLACE).rpartition("/")
    return f"{server}/{name}"
