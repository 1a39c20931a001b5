"""Executes a program that ends with its parent and, if root starts it, drops root.

This script uses only the standard library, so that it starts fast and does not depend on the project.
PostgreSQL refuses to run as root. There are two workarounds, and neither needs a path that other users can traverse:

- `namespace`: a user namespace that maps root to another user; root still owns the files;
- `nobody`: the user nobody with the capability to bypass file modes; nobody owns the data.

Containers often forbid the first, and rootless ones lack the second user.
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PLAIN, NAMESPACE, NOBODY = "plain", "namespace", "nobody"

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1


def command(argv: Sequence[str], *, identity: str = PLAIN, death_signal: int = signal.SIGTERM) -> list[str]:
    """Return a command line that runs `argv` under `identity` and gets `death_signal` when the calling thread ends."""
    options = ["--identity", identity, "--signal", str(int(death_signal)), "--parent", str(os.getpid())]
    return [sys.executable, "-I", "-S", __file__, *options, "--", *argv]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--identity", choices=[PLAIN, NAMESPACE, NOBODY], required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("argv", nargs="+")
    options = parser.parse_args()

    if options.identity == NAMESPACE:
        _enter_namespace()
    elif options.identity == NOBODY:
        _become_nobody()
    # After the change of identity, which clears the death signal.
    _die_with(options.parent, options.signal)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execv(options.argv[0], options.argv)  # noqa: S606 - the caller's own program


def _die_with(parent: int, death_signal: int) -> None:
    if sys.platform != "linux":
        return
    _call("prctl", _PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the starting process is gone")


def _enter_namespace() -> None:
    outer_user, outer_group, nobody = os.geteuid(), os.getegid(), pwd.getpwnam("nobody")
    _call("unshare", _CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{nobody.pw_uid} {outer_user} 1")
    Path("/proc/self/gid_map").write_text(f"{nobody.pw_gid} {outer_group} 1")


def _become_nobody() -> None:
    nobody = pwd.getpwnam("nobody")
    _call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
    bit = 1 << _CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    capabilities = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    _call("capset", header, capabilities)
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library. Raise OSError if it fails."""
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
