"""Data directories and addresses of the embedded servers, computed without starting them."""

import hashlib
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_ROOT = Path(__file__).resolve().parents[2]
_DATABASE = "kontor"


class EmbeddedServerError(Exception):
    """An embedded server cannot run; the message gives the reason and the remedy."""


def var_directory() -> Path:
    """Return the directory of all runtime files: KONTOR_VAR, or `var/` in the project root."""
    return Path(os.environ.get("KONTOR_VAR") or _ROOT / "var").absolute()


def socket_directory(var: Path) -> Path:
    """Return the socket directory of the servers under `var`; it may not exist yet.

    A socket path is limited to 107 characters, which a deeply nested clone exceeds, so the name is a digest. It does
    not depend on TMPDIR or the session, because every process must compute the same path.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(var))).hexdigest()[:16]
    return Path("/tmp") / f"kontor-{digest}"  # noqa: S108 - make_private() rejects another user's directory


def make_private(directory: Path) -> Path:
    """Create the directory with mode 0700 and return it.

    Raise EmbeddedServerError if it belongs to another user or is not a directory.
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
    """Return the URL of the embedded PostgreSQL under `var`, in the format of django-environ."""
    return f"postgres://{_DATABASE}@/{socket_directory(var)}/{_DATABASE}"


def redis_url(var: Path) -> str:
    """Return the URL of the embedded Valkey under `var`, in the format of redis-py."""
    return f"unix://{valkey_socket(var)}?db=0"


def valkey_socket(var: Path) -> Path:
    """Return the socket path of the embedded Valkey under `var`."""
    return socket_directory(var) / "valkey.sock"


def log_file(var: Path, server: str) -> Path:
    """Return the log file of the embedded server `postgres` or `valkey`."""
    return var / "log" / f"{server}.log"


def secret_key(var: Path) -> str:
    """Return the secret key of this installation, created in `var` at the first call, readable only by its owner."""
    path = var / "secret_key"
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return _create_secret(path, secrets.token_urlsafe(50))


def seal_key(var: Path) -> str:
    """Return the file with the key that signs this installation's seals, created in `var` at the first call."""
    path = var / "seal-key.pem"
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _create_secret(path, pem.decode())
    return str(path)


def _create_secret(path: Path, secret: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secret)
    try:
        # Linking is atomic and never overwrites the key of a process that was faster.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii")
