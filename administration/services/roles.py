"""Creating the shipped roles."""

from collections.abc import Sequence

from django.contrib.auth.models import Group
from django.db import transaction

from accounts.actor import Actor
from administration.outcomes import Outcome
from administration.roles import ROLES
from administration.services.groups import create_group


@transaction.atomic
def create_roles(*, actor: Actor) -> Sequence[Outcome]:
    """Create the shipped roles for which there is no group of that name. What they give may wait, for each of them."""
    existing = {name.casefold() for name in Group.objects.values_list("name", flat=True)}
    return [
        create_group(actor=actor, name=role.name, target={"permissions": sorted(role.permissions)})
        for role in ROLES
        if role.name.casefold() not in existing
    ]
