"""A second PostgreSQL server, which follows that of an installation by streaming replication."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from devstack.embedded import paths
from devstack.embedded.servers import Postgres, _postgres_program
from tests.faults.installation import PATIENCE, Installation, OwnServer, wait_until

NAME = "standby"


class Standby(OwnServer):
    """A hot standby of the installation's server, made by pg_basebackup."""

    def __init__(self, installation: Installation, var: Path) -> None:
        super().__init__(Postgres(var))
        self.var = var
        self._primary = installation
        (var / "postgres").mkdir(parents=True)
        source = f"host={paths.socket_directory(installation.var)} user=kontor application_name={NAME}"
        subprocess.run(
            [
                _postgres_program("pg_basebackup"),
                f"--dbname={source}",
                f"--pgdata={var / 'postgres' / 'data'}",
                "--write-recovery-conf",
                "--checkpoint=fast",
            ],
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )

    def database(self) -> psycopg.Connection:
        return psycopg.connect(host=str(paths.socket_directory(self.var)), user="kontor", autocommit=True)

    def follow(self, *, synchronous: bool) -> None:
        """Start, and wait until the primary's commits wait for this server, if they shall."""
        self.start()
        with self._primary.database() as primary:
            if synchronous:
                primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")
                primary.execute("SELECT pg_reload_conf()")
            state = "sync" if synchronous else "async"
            query = "SELECT FROM pg_stat_replication WHERE application_name = %s AND sync_state = %s"
            wait_until(lambda: primary.execute(query, [NAME, state]).fetchone() is not None, "it does not follow")

    def promote(self) -> None:
        """Make it the primary. Returns when it takes writes."""
        with self.database() as own:
            assert own.execute("SELECT pg_promote()").fetchone() == (True,)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Within the block it receives what the primary does, and shows nothing of it."""
        with self.database() as own:
            own.execute("SELECT pg_wal_replay_pause()")
            state = "SELECT pg_get_wal_replay_pause_state()"
            wait_until(lambda: own.execute(state).fetchone() == ("paused",), "it goes on")
            try:
                yield
            finally:
                own.execute("SELECT pg_wal_replay_resume()")

    def end(self) -> None:
        self.stop(signal.SIGQUIT)
        with contextlib.suppress(OSError):
            paths.socket_directory(self.var).rmdir()


def address(*folders: Path) -> str:
    """The URL of the database in the servers of these folders, in this order."""
    if len(folders) == 1:
        return paths.database_url(folders[0])
    hosts = ",".join(f"{quote(str(paths.socket_directory(var)), safe='')}:5432" for var in folders)
    return f"postgres://kontor@{hosts}/kontor"


def kill_all(server: OwnServer) -> None:
    """Kill a server with all its processes at once, as when its host loses power."""
    processes = [server.process, *server.process.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=PATIENCE)
    server.stop(signal.SIGKILL)
