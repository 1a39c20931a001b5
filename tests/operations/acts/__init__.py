"""What people try alone: for each door that goes through a kind, one small function that does it.

`act` enters a function in the table that `tests/operations/test_nobody_alone_by_any_door.py` goes through.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.test import Client

from accounts.models import ClientApplication, Member, Participant, User
from contacts.models import Contact
from legalentities.models import LegalEntity
from operations.doors.declarations import ADMIN_PAGES, COMMANDS, OPERATIONS
from operations.doors.report import left_by_profile
from schemas.models import ListItem
from tests.api import Answer
from tests.changerequests.reviewing import text_of

# What a page, an answer or a command says if nothing is changed yet.
WAITS = (
    r'isApprovalRequired": true|awaitingApproval": 1\b|(pending|waiting for) (approval|review)'
    r"|has to be approved by somebody else"
)
STANDARD, STRICT = PROFILES = ("standard", "strict")
WAYS: Mapping[str, Mapping[str, Any]] = {"API": OPERATIONS, "Admin": ADMIN_PAGES, "Commands": COMMANDS}


@dataclass(frozen=True)
class World:
    """What the acts are about. The ones who act are superusers, so that no permission is what stops them."""

    root: Member
    # Somebody else, whom acts about rights are about.
    ben: Member
    # A login without a member.
    berta: User
    contact: Contact
    company: LegalEntity
    # In use by the contact.
    married: ListItem
    geneva: Participant
    client: ClientApplication

    @property
    def details(self) -> str:
        return f"/v1.0/contacts/{self.contact.pk}/details"


@dataclass(frozen=True)
class Act:
    door: str
    kind: str
    # Does it as the caller (API client, browser or `command`) and returns what the caller is shown.
    attempt: Callable[[World, Any], str]
    # Reads what it would change.
    result: Callable[[World], Any]
    says: str
    waits_in: tuple[str, ...]
    # Members have no such way: it waits only where a policy names the application.
    is_of_applications: bool = False

    @property
    def way(self) -> str:
        return next(way for way, doors in WAYS.items() if self.door in doors)


ACTS: list[Act] = []


def act(
    door: str,
    kind: str,
    result: Callable[[World], Any],
    *,
    says: str = WAITS,
    waits_in: tuple[str, ...] = (),
    is_of_applications: bool = False,
) -> Callable[[Callable[[World, Any], str]], Callable[[World, Any], str]]:
    """Enter the function as the act of a door. It waits in the profiles that leave not all of its kind to one person.

    So it must be about what is flagged where only that waits, or say in which profiles it waits.
    """

    def enter(attempt: Callable[[World, Any], str]) -> Callable[[World, Any], str]:
        waiting = tuple(profile for profile in PROFILES if left_by_profile()[profile][kind] != "all")
        ACTS.append(Act(door, kind, attempt, result, says, waits_in or waiting, is_of_applications))
        return attempt

    return enter


def told(answer: Answer) -> str:
    """Return the answer of an operation that was not refused."""
    assert answer.status < 300, answer.json
    return f"{answer.json}".replace("'", '"').replace("True", "true")


def sent(browser: Client, address: str, form: Any) -> str:
    """Send a form; return the text of the page that it leads to."""
    response = browser.post(address, form, follow=True)
    assert response.status_code == 200, (address, response.status_code)
    return text_of(response)


def command(*arguments: Any, **options: Any) -> str:
    """Run a command; return what it prints."""
    printed = StringIO()
    call_command(*map(str, arguments), stdout=printed, **options)
    return printed.getvalue()
