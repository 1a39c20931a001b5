"""Reference counting of the servers: the first user starts them, the last one stops them.

Each server's directory has three lock files. The kernel releases the locks of a process however it dies:

- `start.lock`, exclusive while a user arrives or leaves, to serialize these;
- `users.lock`, shared by the users; the supervisor waits for an exclusive lock and then stops the server;
- `server.lock`, exclusive, held by the supervisor and the server: it is free only when both have ended.
"""

import atexit
import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from devstack.embedded import paths
from devstack.embedded.paths import EmbeddedServerError
from devstack.embedded.servers import ENVIRONMENT, Postgres, Server, Valkey
from devstack.embedded.supervisor import Assignment

_START_SECONDS = 120  # Crash recovery replays the WAL since the last checkpoint.
_STOP_SECONDS = 30
_POLL_SECONDS = 0.02
_LOG_BYTES = 5_000_000

# A supervisor may outlive its use by this process, which must still reap it as its child.
_supervisors: dict[Path, subprocess.Popen[bytes]] = {}
_held: dict[Path, ExitStack] = {}


def needed() -> list[str]:
    """Return those of DATABASE_URL and REDIS_URL that are unset, whose embedded servers are needed."""
    return [kind.variable for kind in (Postgres, Valkey) if not os.environ.get(kind.variable)]


@contextmanager
def running(var: Path, *, durable: bool = True) -> Iterator[None]:
    """Run the needed servers under `var` within the block. `durable` applies only if this call starts them.

    On exit, wait until the servers end, unless others use them. Raise EmbeddedServerError if a server does not start.
    """
    with ExitStack() as stack:
        for server in _servers(var, durable=durable):
            stack.enter_context(_use(server))
        yield


def ensure_running(var: Path, *, durable: bool = True) -> None:
    """Run the needed servers under `var` until `release` or the end of this process.

    Idempotent. Raise EmbeddedServerError if a server does not start.
    """
    if var in _held:
        return
    stack = ExitStack()
    stack.enter_context(running(var, durable=durable))
    _held[var] = stack
    atexit.register(_release_of, os.getpid(), var)


def release(var: Path) -> None:
    """Undo `ensure_running` and wait until the servers end, unless others use them."""
    if stack := _held.pop(var, None):
        stack.close()


def failed(var: Path) -> str | None:
    """Return the name of a needed server that is down (`postgres`, `valkey`), or None."""
    for server in _servers(var, durable=True):
        if (supervisor := _supervisors.get(_home(server))) is not None:
            supervisor.poll()
        if (lock := _try_lock(_home(server) / "server.lock", fcntl.LOCK_EX)) is not None:
            os.close(lock)
            return server.name
    return None


def _servers(var: Path, *, durable: bool) -> list[Server]:
    servers: list[Server] = [Postgres(var, durable), Valkey(var, durable)]
    return [server for server in servers if server.variable in needed()]


def _home(server: Server) -> Path:
    return server.var / server.name


def _release_of(process: int, var: Path) -> None:
    # A forked child inherits the exit handlers but must not release its parent's servers.
    if process == os.getpid():
        release(var)


@contextmanager
def _use(server: Server) -> Iterator[None]:
    descriptor = _arrive(server)
    try:
        yield
    finally:
        _leave(server, descriptor)


def _arrive(server: Server) -> int:
    home = _home(server)
    _make_home(server)
    with _locked(home / "start.lock"):
        users = _lock(home / "users.lock", fcntl.LOCK_SH)  # Blocks while a supervisor is stopping the server.
        try:
            _await_server(server)
        except BaseException:
            os.close(users)
            raise
    return users


def _make_home(server: Server) -> None:
    server.var.mkdir(parents=True, exist_ok=True)
    if server.var.stat().st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{server.var} belongs to another user. Run as that user, or set KONTOR_VAR to a directory of your own."
        )
    paths.make_private(_home(server))
    paths.make_private(paths.socket_directory(server.var))
    paths.log_file(server.var, server.name).parent.mkdir(exist_ok=True)


def _await_server(server: Server) -> None:
    """Wait until the server answers; start it if it is down."""
    log = paths.log_file(server.var, server.name)
    supervisor, log_start = None, 0
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        lock = _try_lock(_home(server) / "server.lock", fcntl.LOCK_EX)
        if lock is not None and supervisor is not None:
            os.close(lock)
            break
        if lock is not None:
            try:
                log_start = _limit(log)
                supervisor = _supervisors[_home(server)] = _start(server, lock)
            finally:
                os.close(lock)
        elif server.ready():
            return
        time.sleep(_POLL_SECONDS)
    raise EmbeddedServerError(f"{server.title} did not start. The end of {log}:\n{_tail(log, log_start)}")


def _start(server: Server, lock: int) -> subprocess.Popen[bytes]:
    assignment = Assignment(
        argv=server.command(lock),
        log=str(paths.log_file(server.var, server.name)),
        users_lock=str(_home(server) / "users.lock"),
        server_lock=lock,
        stop_signals=server.stop_signals,
        stop_seconds=_STOP_SECONDS,
    )
    return subprocess.Popen(  # noqa: S603 - our own script
        assignment.command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        pass_fds=[lock],
        start_new_session=True,
    )


def _leave(server: Server, users: int) -> None:
    home = _home(server)
    with _locked(home / "start.lock"):
        # Closed, not unlocked: a forked child with the same descriptor is a user, too.
        os.close(users)
        if _used_by_others(home):
            return
        deadline = time.monotonic() + (len(server.stop_signals) + 1) * _STOP_SECONDS
        while time.monotonic() < deadline:
            if (lock := _try_lock(home / "server.lock", fcntl.LOCK_EX)) is not None:
                os.close(lock)
                break
            time.sleep(_POLL_SECONDS)
    if (supervisor := _supervisors.pop(home, None)) is not None:
        supervisor.wait(_STOP_SECONDS)


def _used_by_others(home: Path) -> bool:
    """Return whether others share the lock. If not, it is free or the supervisor already holds it."""
    for kind, answer in ((fcntl.LOCK_EX, False), (fcntl.LOCK_SH, True)):
        if (lock := _try_lock(home / "users.lock", kind)) is not None:
            os.close(lock)
            return answer
    return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, kind: int) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _try_lock(path: Path, kind: int) -> int | None:
    try:
        return _lock(path, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def _limit(log: Path) -> int:
    """Rotate a large log and return the size of the current one."""
    if not log.exists():
        return 0
    if log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
        return 0
    return log.stat().st_size


def _tail(log: Path, start: int) -> str:
    if not log.exists():
        return "(nothing)"
    with log.open("rb") as file:
        file.seek(start)
        return file.read()[-4000:].decode(errors="replace").strip() or "(nothing)"
