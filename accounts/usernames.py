"""The names that people log in with. Staff have that of their user, clients that of their contact; no two share one.

Neither case nor spelling (a ligature, full-width letters) makes a difference. The database holds it between users and
contacts, see `contacts/models/triggers.py`.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from django.db.models import Case, Model, QuerySet, Value, When

from accounts.models import User
from accounts.names import LoginName
from core.text import normalized, one_line, storable

NameHolder = Callable[[str], bool]
Row = TypeVar("Row", bound=Model)

_holders: list[NameHolder] = []


def register_name_holder(holder: NameHolder) -> None:
    """Register a function that returns whether something other than a user has a name to log in with."""
    if holder not in _holders:
        _holders.append(holder)


def named(rows: QuerySet[Row], *names: str, column: str = "username") -> QuerySet[Any]:
    """Return the rows with one of these names, as names of logins are compared. They have `compared`."""
    wanted = [LoginName(Value(name)) for name in names]
    return rows.annotate(compared=LoginName(column)).filter(compared__in=wanted)


def named_as_typed(rows: QuerySet[Row], typed: str, *, column: str = "username") -> QuerySet[Any]:
    """Return the rows with a name that somebody typed, those that are meant most likely first, by `distance`.

    A name may have joiners or two spaces inside; where it does not, such characters came with what was pasted.
    """
    name = normalized(storable(typed))
    found = named(rows, name, one_line(typed), column=column)
    distance = Case(When(**{column: name}, then=0), When(compared=LoginName(Value(name)), then=1), default=2)
    return found.annotate(distance=distance).order_by("distance", "pk")


def is_name_taken(name: str, *, but_by: User | None = None) -> bool:
    """Return whether another user or a contact has the name. The database catches concurrent writes."""
    users = User.objects.all() if but_by is None else User.objects.exclude(pk=but_by.pk)
    return named(users, name).exists() or any(holds(name) for holds in _holders)


def login_named(typed: str) -> User | None:
    """Return the user who logs in with this name, as it is typed. Where there are several from before: that spelled so.

    Always runs two queries.
    """
    found: list[Any] = []
    for column in ("username", "contact__username"):
        found += named_as_typed(User.objects.all(), typed, column=column)
    return min(found, key=attrgetter("distance"), default=None)


def name_to_log_in_with(user: User) -> str:
    """Return the name that the user logs in with: a client has that of the contact."""
    client = User.objects.filter(pk=user.pk).values_list("contact__username", flat=True).first()
    return client or user.username
