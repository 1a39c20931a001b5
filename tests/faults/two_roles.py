"""The two roles of docs/deployment.md in the database of an installation."""

import os
import subprocess

from devstack.embedded import paths
from devstack.embedded.servers import _postgres_program
from tests.devstack.stack import ROOT
from tests.faults.installation import Installation

# The server's superuser has the name `kontor` here.
OWNER, RUNTIME, PASSWORD = "kontor_owner", "kontor_web", "of-both-roles"
# What `deploy/roles.sql` reads.
VARIABLES = {
    "KONTOR_OWNER_ROLE": OWNER,
    "KONTOR_ROLE": RUNTIME,
    "KONTOR_OWNER_PASSWORD": PASSWORD,
    "KONTOR_PASSWORD": PASSWORD,
}


def make_roles(installation: Installation) -> None:
    """Make them as the page says, and give the one that runs Kontor its privileges."""
    done = subprocess.run(
        [_postgres_program("psql"), "--no-psqlrc", "--quiet", f"--file={ROOT / 'deploy' / 'roles.sql'}"],
        env={
            "PATH": os.environ["PATH"],
            "PGHOST": str(paths.socket_directory(installation.var)),
            "PGUSER": "kontor",
            "PGDATABASE": "kontor",
            **VARIABLES,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    granted = installation.manage("grant_privileges", RUNTIME, DATABASE_URL=url_of(installation, OWNER))
    assert granted.returncode == 0, granted.stderr


def url_of(installation: Installation, role: str, database: str = "kontor") -> str:
    server = paths.database_url(installation.var).rpartition("/")[0]
    return f"{server.replace('postgres://kontor@', f'postgres://{role}@')}/{database}"
