"""Fixtures for all tests: default schemas, members, contacts, applications, and API clients for each of them."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oauth2_provider.models import AccessToken, set_token_value

from accounts.actor import Actor, member_actor, system_actor
from accounts.admin_rebasing import OPENED_ON
from accounts.models import ClientApplication, Member, Participant, User
from accounts.scopes import ALL_SCOPES
from accounts.services import issue_token
from administration.services.applications import create_client_application
from contacts.models import Contact, ContactAssignment, ContactParticipant
from contacts.services.creation import create_contact
from contacts.services.logins import open_login
from schemas.models import ListItem
from tests.api import Api

numbers = count(1)

# What members need for the daily work over the API.
WORK = (
    *("add_contact", "change_contact_details"),
    *("add_contactgroup", "change_contactgroup", "delete_contactgroup"),
    *("add_legalentity", "change_legalentity"),
    *("add_importjob", "add_exportjob"),
)


def details(**overrides: Any) -> dict[str, Any]:
    """Return a valid document of the default contact schema; `section={...}` merges into a section."""
    document: dict[str, Any] = {
        "personalInformation": {
            "firstName": "Johanna",
            "lastName": "Spyri",
            "displayName": "Johanna Spyri",
            "dateOfBirth": "1967-06-12",
            "nationalities": ["CH"],
        },
    }
    for section, values in overrides.items():
        document[section] = {**document.get(section, {}), **values}
    return document


@contextmanager
def without_triggers() -> Iterator[None]:
    """Disable triggers and foreign keys within the block, for rows that they would reject."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = origin")


def keep_search_keys(contacts: Iterable[Contact]) -> None:
    """Write the keys that the triggers would have written, for rows of `without_triggers`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kontor_keep_search_keys(%s, true)", [[contact.pk for contact in contacts]])


@pytest.fixture
def default_schemas(db: None) -> None:
    """Default lists and schemas, reloaded if an earlier test emptied the database."""


@pytest.fixture
def case(db: None, subtests: pytest.Subtests) -> Callable[..., AbstractContextManager[None]]:
    """A row of a table whose rows share one set-up: it fails by itself, under its name, and leaves no rows behind."""

    @contextmanager
    def run(*names: object) -> Iterator[None]:
        with subtests.test(" ".join(map(str, names))), transaction.atomic():
            yield
            transaction.set_rollback(True)

    return run


class AdminClient(Client):
    """A browser: it opens the form of a row before it sends it, unless it says what it has opened."""

    def post(self, path: str, data: Any = None, *args: Any, **kwargs: Any) -> Any:
        is_form = isinstance(data, dict | None) and re.search(r"/(change|policyversion(/[a-z-]+/edit)?)/$", path)
        if is_form and OPENED_ON not in (data or {}):
            shown = self.get(path).context or {}
            data = {**(data or {}), OPENED_ON: shown.get(OPENED_ON, "")}
        return super().post(path, data, *args, **kwargs)


@pytest.fixture
def make_participant(db: None) -> Callable[..., Participant]:
    return lambda name="": Participant.objects.create(name=name or f"Participant {next(numbers)}")


@pytest.fixture
def make_member(db: None) -> Callable[..., Member]:
    def make(
        username: str = "",
        *,
        manager: Member | None = None,
        reviews: bool = False,
        participants: Iterable[Participant] = (),
        permissions: Iterable[str] = WORK,
        is_superuser: bool = False,
        is_staff: bool = True,
        sees_all_contacts: bool = False,
    ) -> Member:
        """Create a member with a login. `reviews` grants the review permission; `permissions` are codenames.

        Without `permissions`, the member may do the daily work over the API.
        """
        user = User.objects.create_user(
            username or f"member-{next(numbers)}",
            first_name=(username or "member").title(),
            last_name="Tester",
            password="secret-for-tests",
            is_staff=is_staff,
            is_superuser=is_superuser,
        )
        codenames = [*permissions, *(["review_changerequest"] if reviews else [])]
        user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
        member = Member.objects.create(user=user, manager=manager, sees_all_contacts=sees_all_contacts)
        member.participants.add(*participants)
        return member

    return make


@pytest.fixture
def contact_type(default_schemas: None) -> ListItem:
    return ListItem.objects.get(list__key="contact-type", key="client")


@pytest.fixture
def make_contact(contact_type: ListItem) -> Callable[..., Contact]:
    def make(
        document: dict[str, Any] | None = None,
        *,
        username: str = "",
        members: Iterable[Member] = (),
        participants: Iterable[Participant] = (),
        actor: Actor | None = None,
    ) -> Contact:
        """Create a contact with the service, by default with `details()`, and assign members and participants."""
        contact = create_contact(
            actor=actor or system_actor("tests"),
            type_id=contact_type.pk,
            username=username or f"contact-{next(numbers)}",
            details=details() if document is None else document,
        )
        for member in members:
            ContactAssignment.objects.create(contact=contact, member=member)
        for participant in participants:
            ContactParticipant.objects.create(contact=contact, participant=participant)
        return contact

    return make


@pytest.fixture
def make_app(db: None) -> Callable[..., ClientApplication]:
    def make(name: str = "", *, participants: Iterable[Participant] = ()) -> ClientApplication:
        return create_client_application(
            actor=system_actor("tests"),
            name=name or f"app-{next(numbers)}",
            scopes=ALL_SCOPES,
            participants=participants,
        ).application

    return make


@pytest.fixture
def api_of() -> Callable[..., Api]:
    """API client with the bearer token of a member, a contact or an application."""

    def make(who: Member | Contact | ClientApplication, *, scopes: Iterable[str] = ALL_SCOPES) -> Api:
        actor = system_actor("tests")
        if isinstance(who, Member):
            return Api(issue_token(actor=actor, user=who.user, scopes=scopes))
        if isinstance(who, Contact):
            return Api(issue_token(actor=actor, user=open_login(actor=actor, contact_id=who.pk), scopes=scopes))
        return Api(app_token(who, scopes))

    return make


def app_token(application: ClientApplication, scopes: Iterable[str]) -> str:
    """Issue a token like the client-credentials grant, without the cost of hashing a secret in every test."""
    token = f"app-token-{next(numbers)}"
    issued = AccessToken(application=application, expires=timezone.now() + timedelta(hours=1), scope=" ".join(scopes))
    set_token_value(issued, token)
    issued.save()
    return token


@pytest.fixture
def app(make_app: Callable[..., ClientApplication], api_of: Callable[..., Api]) -> Api:
    """API client of an application that sees all contacts and has all scopes."""
    return api_of(make_app())


@pytest.fixture
def actor_of() -> Callable[[Member], Actor]:
    return member_actor


@pytest.fixture
def admin_of() -> Callable[[Member], Client]:
    """Django test client with a member's admin session."""

    def make(member: Member) -> Client:
        client = AdminClient()
        client.force_login(member.user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def anonymous() -> Api:
    """API client without a token."""
    return Api()


@pytest.fixture
def count_queries() -> Callable[[], CaptureQueriesContext]:
    """Capture the SQL of a block, including transaction control: `with count_queries() as queries: ...`."""
    return lambda: CaptureQueriesContext(connection)
