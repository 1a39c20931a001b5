"""Parent process of one server, which stops it after its last user has left.

Users hold a shared lock on a file. The supervisor waits for the exclusive lock, which it gets when the last user has
ended, even by `kill -9`, and then stops the server. It runs in its own session, so that Ctrl-C in one user's terminal
does not stop the servers of other users. Like `launch`, this script uses only the standard library.
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
    """The command that a supervisor runs (through `launch`, as its child), and how to stop it."""

    argv: list[str]
    log: str
    users_lock: str
    server_lock: int  # A locked descriptor, which the server inherits: the lock is free when both have ended.
    stop_signals: list[int]  # In order of increasing force; SIGKILL always follows.
    stop_seconds: float

    def command(self) -> list[str]:
        """Return the command line of the supervisor."""
        return [sys.executable, "-I", "-S", __file__, json.dumps(asdict(self))]


def main() -> None:
    assignment = Assignment(**json.loads(sys.argv[1]))
    wanted = {signal.SIGCHLD, signal.SIGTERM}
    # Blocked, so that none is missed between start and wait; the launcher unblocks them.
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
    """Make the supervisor the parent that the launcher watches, instead of the process that built argv."""
    at = argv.index("--parent") + 1
    return [*argv[:at], str(os.getpid()), *argv[at + 1 :]]


def _wait_for_users(users_lock: str) -> None:
    descriptor = os.open(users_lock, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # The descriptor stays open: new users wait until the supervisor ends, and then start another.
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
