"""Merkle trees as in RFC 6962: a leaf's hash is prefixed by 0, that of a node by 1."""

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(line: str) -> bytes:
    return sha256(b"\x00" + line.encode()).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves."""
    return _levels(leaves)[-1][0] if leaves else sha256().digest()


def path_of(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root, from the bottom."""
    path = []
    for level in _levels(leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
    return path


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return all levels of the tree. A node without a sibling goes up as it is, which makes the tree of RFC 6962."""
    levels = [list(leaves)]
    while len(level := levels[-1]) > 1:
        pairs = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        levels.append(pairs + level[len(pairs) * 2 :])
    return levels
