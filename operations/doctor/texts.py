"""Finds names and ids that are not in the one form of text, and systems of ids that nobody has configured.

An upgrade leaves what would collide.
"""

from collections.abc import Iterator

import psycopg
from django.contrib.auth.models import Group
from django.db import DatabaseError
from django.db.models import BooleanField, Func, Model

from accounts.models import ClientApplication, Participant, User
from contactgroups.models import ContactGroup
from contacts.models import Contact, ExternalConnection
from contacts.queries.systems import known_systems
from legalentities.models import LegalEntity
from operations import probes
from operations.doctor.database import described
from operations.doctor.findings import Finding, error, ok, shortened, warning

# What the columns hold -> their rows' model and column.
_COLUMNS: dict[str, tuple[type[Model], str]] = {
    "usernames of contacts": (Contact, "username"),
    "external ids of contacts": (ExternalConnection, "external_id"),
    "systems of external ids": (ExternalConnection, "system"),
    "external ids of legal entities": (LegalEntity, "external_id"),
    "names of contact groups": (ContactGroup, "name"),
    "external ids of contact groups": (ContactGroup, "external_id"),
    "usernames of staff": (User, "username"),
    "names of groups of staff": (Group, "name"),
    "names of participants": (Participant, "name"),
    "names of applications": (ClientApplication, "name"),
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
            found, strange = dict(_found()), _in_strange_systems()
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
    if not found and not strange:
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
