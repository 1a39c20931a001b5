"""Registry of what ends with a login: each app registers, in its `apps.py`, the function that ends it."""

from collections.abc import Callable, Sequence

ClosingHandler = Callable[[Sequence[int]], None]

_handlers: list[ClosingHandler] = []


def register_closing_handler(handler: ClosingHandler) -> None:
    """Register a function that takes ids of users. It runs in the transaction that closes their logins."""
    if handler not in _handlers:
        _handlers.append(handler)


def run_closing_handlers(user_ids: Sequence[int]) -> None:
    """Run all handlers for users whose logins were closed: `accounts.ends.end_closed_logins` does."""
    for handler in _handlers:
        handler(user_ids)
