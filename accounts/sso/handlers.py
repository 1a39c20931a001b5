"""Registry of what happens when somebody comes in from an identity provider; apps above register in their `apps.py`."""

from collections.abc import Callable

from accounts.models import User
from accounts.sso.client import Identity

SignInHandler = Callable[[User, Identity], None]

_handlers: list[SignInHandler] = []


def register_sign_in_handler(handler: SignInHandler) -> None:
    """Register a function that runs before the user is logged in, in the transaction that remembers its session."""
    if handler not in _handlers:
        _handlers.append(handler)


def run_sign_in_handlers(user: User, identity: Identity) -> None:
    for handler in _handlers:
        handler(user, identity)
