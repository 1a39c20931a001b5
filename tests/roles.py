"""A database of two roles, made by the script and the commands that an operator runs, and tests that act as either."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections

from devstack.embedded import servers
from tests.databases import Kept, _defaults, _load_defaults, _migrations_and_models
from tests.fingerprints import ROOT

SCRIPT = ROOT / "deploy" / "roles.sql"
# Roles belong to the server, which has the tests' superuser `kontor` already.
OWNER, RUNTIME = "tests_owner", "tests_runtime"


def run_script(database: str, *, superuser: str = "kontor", runtime: str = RUNTIME) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [servers._postgres_program("psql"), "--no-psqlrc", "--quiet", f"--file={SCRIPT}"],
        env={
            "PATH": os.environ["PATH"],
            "PGHOST": connection.settings_dict["HOST"],
            "PGUSER": superuser,
            "PGDATABASE": database,
            "KONTOR_OWNER_ROLE": OWNER,
            "KONTOR_ROLE": runtime,
            "KONTOR_OWNER_PASSWORD": "of-the-owner",
            "KONTOR_PASSWORD": "it's of the runtime",
        },
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Within the block, Django connects as the role."""
    settings = connection.settings_dict
    before = settings["USER"]
    connections.close_all()
    settings["USER"] = role
    try:
        yield
    finally:
        connections.close_all()
        settings["USER"] = before


def _build() -> None:
    done = run_script(connection.settings_dict["NAME"])
    assert done.returncode == 0, done.stderr
    with acting_as(OWNER):
        call_command("migrate", verbosity=0, interactive=False)
        call_command("grant_privileges", RUNTIME, verbosity=0)
    with acting_as(RUNTIME):
        _load_defaults()


def _sources() -> Iterator[Path]:
    yield from (SCRIPT, Path(__file__), ROOT / "operations" / "privileges.py")
    yield from _migrations_and_models()
    yield from _defaults()


TWO_ROLES = Kept("roles", _build, _sources)
