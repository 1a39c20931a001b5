"""How a recertification is shown: its columns, and its rows by manager. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from administration.queries.recertification import Certified

# In the ledger only: a manager has confirmed the rights of a login.
RECERTIFICATION = "recertification"
# The columns, by the attribute of a row.
COLUMNS: Mapping[str, "str | Promise"] = {
    "manager": _("Manager"),
    "name": _("Name"),
    "username": _("Username"),
    "is_active": _("Active"),
    "is_superuser": _("Superuser"),
    "roles": _("Roles"),
    "own_permissions": _("Own permissions"),
    "participants": _("Participants"),
    "sees_all_contacts": _("Sees all contacts"),
    "decides": _("Decides"),
    "substitute_for": _("Substitute for"),
    "applications": _("Client applications"),
    "confirmed": _("Last confirmed"),
}


def cells(row: "Certified") -> list[str]:
    """Return the texts of a row in the order of the columns."""
    return [_text(getattr(row, name)) for name in COLUMNS]


def by_manager(rows: Iterable["Certified"]) -> Sequence[tuple[str, list[list[str]]]]:
    """Return rows that are sorted by manager in parts, each with its manager and the texts of its rows."""
    return [
        (manager, [cells(row)[1:] for row in part])
        for (manager, _username), part in groupby(rows, lambda row: (row.manager, row.manager_username))
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    return value if isinstance(value, str) else "; ".join(value)
