"""Where the embedded servers keep their data and where they listen, computed without starting anything."""

import hashlib
import os
import secrets
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_DATABASE = "kontor"


class EmbeddedServerError(Exception):
    """An embedded server cannot run; the message says why, and what to do about it."""


def var_directory() -> Path:
    """The directory of everything that a run leaves behind: KONTOR_VAR, or `var/` at the project's root."""
    return Path(os.environ.get("KONTOR_VAR") or _ROOT / "var").absolute()


def socket_directory(var: Path) -> Path:
    """The directory of the sockets of the servers under `var`; it need not exist yet.

    A socket's path has room for 107 characters, less than a clone in a deep folder takes, so the name is a digest. It
    does not depend on TMPDIR or the session: every process must come to the same answer.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(var))).hexdigest()[:16]
    return Path("/tmp") / f"kontor-{digest}"  # noqa: S108 - made private, and refused when it is someone else's


def make_private(directory: Path) -> Path:
    """Makes the directory, for its owner alone, and returns it.

    Raises EmbeddedServerError where the name is taken by another user or by something else than a directory.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.lstat()
    if directory.is_symlink() or found.st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{directory} belongs to another user; remove it, or set KONTOR_VAR to a directory of your own"
        )
    directory.chmod(0o700)
    return directory


def database_url(var: Path) -> str:
    """The URL of the embedded PostgreSQL under `var`, as django-environ reads it."""
    return f"postgres://{_DATABASE}@/{socket_directory(var)}/{_DATABASE}"


def redis_url(var: Path) -> str:
    """The URL of the embedded Valkey under `var`, as redis-py reads it."""
    return f"unix://{valkey_socket(var)}?db=0"


def valkey_socket(var: Path) -> Path:
    """The socket on which the embedded Valkey under `var` listens."""
    return socket_directory(var) / "valkey.sock"


def log_file(var: Path, server: str) -> Path:
    """The log of the embedded server `postgres` or `valkey`."""
    return var / "log" / f"{server}.log"


def secret_key(var: Path) -> str:
    """The secret key of this installation; made at the first call, kept in `var`, readable by its owner alone."""
    path = var / "secret_key"
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return _create_secret(path)


def _create_secret(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))
    try:
        # A link appears whole or not at all, and never replaces the key of a process that was faster.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii")
