"""Where links to set a password go: to the address of the login's owner.

Staff have that of their user. The app that knows the clients says what theirs is, and opens their logins.
"""

from typing import Protocol

from accounts.models import User
from accounts.second_factor import is_for
from accounts.usernames import login_named
from core.mails import mailable


class ClientLogins(Protocol):
    """What the app of the clients says about their logins."""

    def address_of(self, user: User) -> str | None:
        """Return the client's address, empty if there is none to rely on; None if the login is not a client's."""

    def open_for(self, typed: str) -> User | None:
        """Open the login of a client who has none yet and logs in with this name, if there is an address to rely on."""


_clients: list[ClientLogins] = []


def register_client_logins(clients: ClientLogins) -> None:
    """Register what knows the clients' logins."""
    if clients not in _clients:
        _clients.append(clients)


def link_address(user: User) -> str:
    """Return the address to which a link for this login goes; empty if there is none."""
    if is_for(user):
        return mailable(user.email)
    known = (clients.address_of(user) for clients in _clients)
    return mailable(next((address for address in known if address is not None), user.email))


def login_for_link(typed: str) -> User | None:
    """Return the user who logs in with this name, as it is typed; that of a client is opened if needed."""
    user = login_named(typed)
    if user is not None:
        return user
    opened = (clients.open_for(typed) for clients in _clients)
    return next((user for user in opened if user is not None), None)
