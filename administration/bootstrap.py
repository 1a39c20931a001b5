"""The first people of an installation. Everybody after them comes by a request that one of them makes."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.actor import system_actor
from accounts.models import Member, User
from accounts.password_links import password_link
from accounts.usernames import is_name_taken
from administration.services.roles import create_roles
from core.errors import UnprocessableEntity

# One asks and one decides. A request about the rights of one of them needs a third.
FEWEST_PEOPLE = 2


@dataclass(frozen=True, slots=True)
class Person:
    """One of the first people: a superuser with a member that sees all contacts."""

    username: str
    email: str
    first_name: str
    last_name: str


def is_bootstrapped() -> bool:
    """Return whether there are people: members, or staff without one."""
    return User.objects.filter(Q(member__isnull=False) | Q(is_staff=True)).exists()


@transaction.atomic
def create_first_people(people: Sequence[Person]) -> list[tuple[Member, str]]:
    """Create the first people and the shipped roles; return each person with the path of its page for a password.

    Raises UnprocessableEntity: `AlreadyBootstrapped` if there are people; `TooFewPeople`; `ValidationFailed` with the
    faults by `people[INDEX].PROPERTY`. Two calls at once wait for each other.
    """
    with connection.cursor() as cursor:
        # There is no row to lock yet.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('administration_bootstrap', 0))")
    if is_bootstrapped():
        raise UnprocessableEntity(
            _("There are members already. One of them requests others in the admin."), sub_code="AlreadyBootstrapped"
        )
    if len(people) < FEWEST_PEOPLE:
        raise UnprocessableEntity(
            _("Name at least %(number)s people: one requests, and another one decides.") % {"number": FEWEST_PEOPLE},
            sub_code="TooFewPeople",
        )
    users = [_user(person) for person in people]
    if faults := _faults(users):
        raise UnprocessableEntity(_("These people cannot be created."), sub_code="ValidationFailed", properties=faults)
    for user in users:
        user.save()
    create_roles(actor=system_actor("bootstrap"))
    members = [Member.objects.create(user=user, sees_all_contacts=True) for user in users]
    return [(member, password_link(member.user)) for member in members]


def _user(person: Person) -> User:
    return User(
        username=person.username,
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        password=make_password(None),
        is_staff=True,
        is_superuser=True,
    )


def _faults(users: Sequence[User]) -> dict[str, list[str]]:
    """Return what is wrong with new users, by `people[INDEX].COLUMN`."""
    faults: dict[str, list[str]] = {}
    for index, user in enumerate(users):
        try:
            user.full_clean(exclude=["password"])
        except ValidationError as error:
            faults |= {f"people[{index}].{column}": messages for column, messages in error.message_dict.items()}
        if is_name_taken(user.username):
            faults.setdefault(f"people[{index}].username", [_("A user with this name exists already.")])
        if not user.email:
            faults[f"people[{index}].email"] = [_("Everybody needs an email address.")]
        for column in ("username", "email"):
            if getattr(user, column).casefold() in {getattr(other, column).casefold() for other in users[:index]}:
                faults[f"people[{index}].{column}"] = [_("These must be different people, but two have the same.")]
    return faults
