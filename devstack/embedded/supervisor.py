"""Supervises one server for as long as anyone uses it: its parent, and its end.

Users hold a shared lock on a file. The supervisor waits for the exclusive one, which it gets when the last user has
left in whatever way, `kill -9` included, and then stops the server. It runs in a session of its own, so that Ctrl-C in
a user's terminal does not take the servers from other users. A script of the standard library alone, as is `launch`.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The command that a supervisor runs (by `launch`, with the supervisor as its parent), and when to stop it."""

    argv: list[str]
    log: str
    users_lock: str
    server_lock: int  # A locked descriptor. The server inherits it too: the lock is free when both are gone.
    stop_signals: list[int]  # From friendly to rude; SIGKILL follows by itself.
    stop_seconds: float

    def command(self) -> list[str]:
        """The command line of the supervisor."""
        return [sys.executable, "-I", "-S", __file__, json.dumps(asdict(self))]


def main() -> None:
    assignment = Assignment(**json.loads(sys.argv[1]))
    wanted = {signal.SIGCHLD, signal.SIGTERM}
    # Blocked, so that none is missed between the start and the wait; the launcher opens the mask again.
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted | {signal.SIGINT, signal.SIGHUP})
    with Path(assignment.log).open("ab") as log:
        server = subprocess.Popen(  # noqa: S603 - the command is ours
            _with_parent(assignment.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=[assignment.server_lock],
        )
        threading.Thread(target=_wait_for_users, args=[assignment.users_lock], daemon=True).start()
        while server.poll() is None:
            if signal.sigwait(wanted) == signal.SIGTERM:
                _stop(server, assignment.stop_signals, assignment.stop_seconds)


def _with_parent(argv: Sequence[str]) -> list[str]:
    """The launcher follows its parent, and checks that it lives: the supervisor, not the one who wrote argv."""
    at = argv.index("--parent") + 1
    return [*argv[:at], str(os.getpid()), *argv[at + 1 :]]


def _wait_for_users(users_lock: str) -> None:
    descriptor = os.open(users_lock, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # The descriptor stays open: who comes now waits until the supervisor is gone, and then starts afresh.
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(server: subprocess.Popen[bytes], stop_signals: Sequence[int], seconds: float) -> None:
    for number in [*stop_signals, signal.SIGKILL]:
        server.send_signal(number)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        return


if __name__ == "__main__":
    main()
