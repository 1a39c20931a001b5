"""Examines whether webhooks reach their receivers."""

from collections.abc import Iterator

import psycopg
from django.db import DatabaseError

from events.queries.webhooks import State, troubled_webhooks
from operations import probes
from operations.doctor.database import described
from operations.doctor.findings import Finding, error, ok, shortened, warning


def examine_webhooks() -> Iterator[Finding]:
    """Say which receivers fail, and which were given up."""
    try:
        with probes.database():
            yield from _examined()
    except psycopg.Error as problem:
        yield error(f"Not known: {described(problem)}", "See the database.")
    except DatabaseError as problem:
        yield error(f"Not known: {type(problem).__name__}", "See the migrations.")


def _examined() -> Iterator[Finding]:
    names: dict[str, list[str]] = {}
    for webhook in troubled_webhooks():
        names.setdefault(webhook.state, []).append(f"{webhook.application.name} at {webhook.url}")
    if State.GIVEN_UP in names:
        yield error(
            f"Nothing is sent any more to webhooks that were given up: {shortened(names[State.GIVEN_UP])}",
            "Mend the receiver, and replay from the position that it has come to, in the admin or over the API.",
        )
    if State.FAILING in names:
        yield warning(
            f"Webhooks fail, and are tried again: {shortened(names[State.FAILING])}",
            "The log on the page of the webhook says what the receiver answers.",
        )
    if not names:
        yield ok("whatever is sent arrives")
