"""PgBouncer between Kontor and the server of an installation, with the settings of docs/database.md."""

import configparser
import io
import os
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from devstack.embedded import launch, paths
from devstack.embedded.servers import _identity
from tests.devstack.stack import ROOT, free_port
from tests.faults.installation import PATIENCE, Installation, wait_until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
POOL_SIZE = 3
PAGE = (ROOT / "docs" / "database.md").read_text()


def block(title: str) -> str:
    """The block of the page that has the title."""
    found = re.search(rf'^```\w+ title="{title}"\n(.*?)^```', PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


class Pooler:
    """A PgBouncer for one role. It has its own port and a few connections, for which all clients compete."""

    def __init__(self, installation: Installation, *, role: str, password: str) -> None:
        if PROGRAM is None:
            reason = "no PgBouncer on this machine (apt-get install pgbouncer)"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        folder = installation.var / "pgbouncer"
        folder.mkdir()
        self.port = free_port()
        self.url = f"postgres://{role}:{password}@127.0.0.1:{self.port}/kontor"
        (folder / "userlist.txt").write_text(f'"{role}" "{password}"\n')
        (folder / "pgbouncer.ini").write_text(self._settings(installation, folder))
        # It refuses to run as root, and the server's socket is open to root alone.
        identity = _identity(folder, PROGRAM)
        argv = launch.command([PROGRAM, str(folder / "pgbouncer.ini")], identity=identity)
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd="/")
        wait_until(self._answers, "PgBouncer does not answer")

    def _settings(self, installation: Installation, folder: Path) -> str:
        settings = configparser.ConfigParser()
        settings.read_string(block("pgbouncer.ini"))
        here = f"host={paths.socket_directory(installation.var)}"
        settings["databases"]["kontor"] = settings["databases"]["kontor"].replace("host=db.example", here)
        own = {"listen_port": self.port, "auth_file": folder / "userlist.txt", "default_pool_size": POOL_SIZE}
        settings["pgbouncer"].update({name: str(value) for name, value in own.items()})
        written = io.StringIO()
        settings.write(written)
        return written.getvalue()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def variables(self) -> dict[str, str]:
        """What the page sets for the processes, with this pooler's address."""
        lines = block("behind a pooler").splitlines()
        return dict(line.split()[0].split("=", 1) for line in lines) | {"DATABASE_URL": self.url}

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
