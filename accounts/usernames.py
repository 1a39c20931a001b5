"""The names that people log in with. Staff have that of their user, clients that of their contact; no two share one.

Neither case nor spelling (a ligature, full-width letters) makes a difference. The database holds it between users and
contacts, see `contacts/models/triggers.py`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet, Value

from accounts.models import User
from accounts.names import LoginName
from core.text import one_line

NameHolder = Callable[[str], bool]
Row = TypeVar("Row", bound=Model)

_holders: list[NameHolder] = []


def register_name_holder(holder: NameHolder) -> None:
    """Register a function that returns whether something other than a user has a name to log in with."""
    if holder not in _holders:
        _holders.append(holder)


def named(rows: QuerySet[Row], name: str, *, column: str = "username") -> QuerySet[Any]:
    """Return the rows whose name opens the same login. They have `compared`."""
    return rows.annotate(compared=LoginName(column)).filter(compared=LoginName(Value(name)))


def is_name_taken(name: str, *, but_by: User | None = None) -> bool:
    """Return whether another user or a contact has the name. The database catches concurrent writes."""
    users = User.objects.all() if but_by is None else User.objects.exclude(pk=but_by.pk)
    return named(users, name).exists() or any(holds(name) for holds in _holders)


def login_named(typed: str) -> User | None:
    """Return the user who logs in with this name, as it is typed. Where there are several from before: that spelled so.

    Always runs two queries.
    """
    name = one_line(typed)
    found: list[Any] = []
    for column in ("username", "contact__username"):
        found += named(User.objects.annotate(spelled=F(column)), name, column=column).order_by()
    return min(found, key=lambda user: bool(user.spelled != name), default=None)


def name_to_log_in_with(user: User) -> str:
    """Return the name that the user logs in with: a client has that of the contact."""
    client = User.objects.filter(pk=user.pk).values_list("contact__username", flat=True).first()
    return client or user.username
