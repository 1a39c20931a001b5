"""When two JSON values are the same."""

from typing import Any


def is_same(one: Any, other: Any) -> bool:
    """JSON equality: `1` is `1.0`, but neither is `true`, which Python takes for the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other
