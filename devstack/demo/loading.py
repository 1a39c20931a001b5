"""Loads the demo. A second run adds missing rows and changes no existing ones."""

from collections.abc import Iterator

from django.db import transaction

from core.gc import relaxed_gc
from devstack.demo.contacts import add_contacts, missing_numbers
from devstack.demo.people import Staff
from devstack.demo.policies import set_policies
from devstack.demo.requests import play
from devstack.demo.sharing import share
from schemas.services import load_default_schemas, load_lists

_BATCH = 1_000


def load(*, contacts: int) -> int:
    """Load lists, schemas, people, the clients with the numbers 1 to `contacts` and their stories.

    Return the number of clients added. Raise DemoDoesNotFitError. Each batch has its own transaction, so that the next
    run continues an interrupted one.
    """
    load_lists()
    load_default_schemas()
    staff = Staff.hired()
    set_policies()
    with relaxed_gc():
        return sum(_add(staff, numbers) for numbers in _batches(contacts))


def _batches(contacts: int) -> Iterator[range]:
    for start in range(1, contacts + 1, _BATCH):
        yield range(start, min(start + _BATCH, contacts + 1))


def _add(staff: Staff, numbers: range) -> int:
    missing = missing_numbers(numbers)
    if missing:
        with transaction.atomic():
            contacts = add_contacts(staff=staff, numbers=missing)
            play(staff=staff, contacts=contacts)
            share(staff=staff, contacts=contacts)
    return len(missing)
