"""Finds names and ids that are not in their one form, that several rows share, or in systems that nobody configured.

An upgrade leaves what would collide.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.contrib.auth.models import Group
from django.db import DatabaseError
from django.db.models import BooleanField, Count, Func, Model

from accounts.models import ClientApplication, Participant, User
from accounts.names import LoginName
from contactgroups.models import ContactGroup
from contacts.models import Contact, ExternalConnection, ReservedExternalId, WaitingContact
from contacts.queries.systems import known_systems
from legalentities.models import LegalEntity, WaitingLegalEntity
from operations import probes
from operations.doctor.database import described
from operations.doctor.findings import Finding, error, ok, shortened, warning

# What the columns hold -> their rows' model and column.
_COLUMNS: dict[str, tuple[type[Model], str]] = {
    "usernames of contacts": (Contact, "username"),
    "external ids of contacts": (ExternalConnection, "external_id"),
    "systems of external ids": (ExternalConnection, "system"),
    "usernames of contacts that wait": (WaitingContact, "username"),
    "external ids of contacts that wait": (ReservedExternalId, "external_id"),
    "external ids of legal entities": (LegalEntity, "external_id"),
    "external ids of legal entities that wait": (WaitingLegalEntity, "external_id"),
    "names of contact groups": (ContactGroup, "name"),
    "external ids of contact groups": (ContactGroup, "external_id"),
    "usernames of staff": (User, "username"),
    "names of groups of staff": (Group, "name"),
    "names of participants": (Participant, "name"),
    "names of applications": (ClientApplication, "name"),
}
# What the rows are -> their model, in which no two have one name, but for those from before.
_NAMED: dict[str, type[Model]] = {
    "groups of staff": Group,
    "participants": Participant,
    "applications": ClientApplication,
}
MOST_ROWS = 100


class _HasOtherForm(Func):
    """Whether a text is not composed, has spaces at its ends, or has a character that one line must not have."""

    template = (
        r"(%(expressions)s IS NOT NFC NORMALIZED OR %(expressions)s ~ "
        r"'^\s|\s$|[\u0001-\u001F\u007F-\u009F\u00AD\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\uE000-\uF8FF\uFEFF]')"
    )
    output_field = BooleanField()


def examine_texts() -> Iterator[Finding]:
    """List names and ids by the ids of their rows, as the texts themselves look like others."""
    try:
        with probes.database():
            found, strange, shared = dict(_found()), _in_strange_systems(), dict(_shared())
    except psycopg.Error as problem:
        yield error(f"Not known: {described(problem)}", "See the database.")
        return
    except DatabaseError as problem:
        yield error(f"Not known: {type(problem).__name__}", "See the migrations.")
        return
    for what, ids in found.items():
        yield warning(
            f"{what.capitalize()} are not in the form of text: rows {shortened(ids)}",
            "docs/text.md says how to tell such rows apart. Give them another name or id.",
        )
    if strange:
        yield warning(
            f"External ids are in systems that nobody has configured: rows {shortened(strange)}",
            "Add these systems in the admin, or see docs/text.md where one is there in another spelling.",
        )
    for what, ids in shared.items():
        yield warning(
            f"{what.capitalize()} share a name, whatever its case: rows {shortened(ids)}",
            "Give all but one of them another name.",
        )
    if not found and not strange and not shared:
        yield ok("names and ids have one form")


def _found() -> Iterator[tuple[str, list[str]]]:
    for what, (model, column) in _COLUMNS.items():
        rows = model._default_manager.filter(**{f"{column}__isnull": False}).alias(is_odd=_HasOtherForm(column))
        ids = list(rows.filter(is_odd=True).order_by("pk").values_list("pk", flat=True)[:MOST_ROWS])
        if ids:
            yield what, list(map(str, ids))


def _in_strange_systems() -> list[str]:
    rows = ExternalConnection.objects.exclude(system__in=known_systems().names).order_by("pk")
    return list(map(str, rows.values_list("pk", flat=True)[:MOST_ROWS]))


def _shared() -> Iterator[tuple[str, list[str]]]:
    for what, model in _NAMED.items():
        rows: Any = model._default_manager.exclude(name="").annotate(compared=LoginName("name")).order_by("pk")
        counted = rows.order_by().values("compared").annotate(count=Count("pk")).filter(count__gt=1)
        ids = list(rows.filter(compared__in=counted.values("compared")).values_list("pk", flat=True)[:MOST_ROWS])
        if ids:
            yield what, list(map(str, ids))
