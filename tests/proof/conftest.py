"""Keys and copies of seals, a ledger with some history, and somebody who owns the database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.proof.attacker import Attacker


@pytest.fixture
def make_key(tmp_path: Path) -> Callable[[str], Path]:
    """Make a key of seals; its public half is beside it, as `NAME.pub`."""

    def make(name: str) -> Path:
        key = Ed25519PrivateKey.generate()
        path = tmp_path / name
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        path.with_name(f"{name}.pub").write_bytes(public)
        return path

    return make


@pytest.fixture
def seals(settings: Any, make_key: Callable[[str], Path], tmp_path: Path) -> Path:
    """Seal with a key of this test's, and return the file of copies."""
    settings.SEAL_KEY_FILES = [str(make_key("first"))]
    settings.SEAL_FILE = str(tmp_path / "seals.jsonl")
    return tmp_path / "seals.jsonl"


@pytest.fixture
def attacker() -> Attacker:
    return Attacker()
