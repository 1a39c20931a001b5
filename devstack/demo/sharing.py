"""Families and company owners: groups of clients and the objects that each group shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from accounts.actor import Actor
from contactgroups.documents import Entity
from contactgroups.models import ACCESS_POLICIES, EntityType
from contactgroups.services import GroupTexts, Membership, change_group, create_group
from contacts.models import Contact
from devstack.demo.people import Staff
from legalentities.models import LegalEntity
from legalentities.services import create_legal_entity
from schemas.models import ListItem


@dataclass(frozen=True)
class Circle:
    """A group: the access policy by client number, and the objects that it shares.

    Accounts and portfolios are numbers in other systems; a company is a legal entity here, with details.
    """

    name: str
    external_id: str
    members: Mapping[int, str]
    accounts: Sequence[int] = ()
    portfolios: Sequence[int] = ()
    company: Mapping[str, Any] | None = None


# Clients with odd numbers belong to Zurich.
CIRCLES = (
    Circle(
        "Family Dürrenmatt",
        "FAM-29",
        {29: "owner", 31: "full-access"},
        accounts=(700_129, 700_131),
        portfolios=(81_029,),
    ),
    Circle("Famille Décosterd", "FAM-22", {22: "owner", 36: "owner", 38: "read-only"}, accounts=(700_122,)),
    Circle("Häberli and Wäfler", "FAM-21", {21: "owner", 23: "full-access"}, portfolios=(81_021, 81_023)),
    Circle(
        "Owners of Solcà & Pfister AG",
        "CORP-35",
        {35: "owner", 33: "full-access", 37: "read-only"},
        accounts=(700_235,),
        company={
            "name": "Solcà & Pfister AG",
            "registration": {
                "legalForm": "stock-corporation",
                "registrationNumber": "CHE-000.104.435",
                "country": "CH",
                "state": "CH-ZH",
                "date": "1998-04-03",
            },
            "business": {"industry": "manufacturing", "employees": 84},
            "contactInformation": {
                "addresses": [
                    {"type": "business", "postalCode": "8400", "city": "Winterthur", "country": "CH", "state": "CH-ZH"}
                ]
            },
        },
    ),
    Circle(
        "Fondation Chappuis",
        "CORP-24",
        {24: "owner", 28: "full-access"},
        company={
            "name": "Fondation Chappuis pour la musique",
            "registration": {
                "legalForm": "foundation",
                "registrationNumber": "CHE-000.106.024",
                "country": "CH",
                "state": "CH-GE",
                "date": "1974-11-20",
            },
            "business": {"industry": "arts", "employees": 6},
        },
    ),
)


def share(*, staff: Staff, contacts: Mapping[int, Contact]) -> None:
    """Create the groups whose clients are all in `contacts`, by number. The contacts must be new."""
    policies = dict(ListItem.objects.filter(list__key=ACCESS_POLICIES).values_list("key", "pk"))
    for circle in CIRCLES:
        if circle.members.keys() <= contacts.keys():
            memberships = [Membership(contacts[n].pk, policies[policy]) for n, policy in circle.members.items()]
            _make(circle, staff.app, memberships)


def _make(circle: Circle, actor: Actor, memberships: Sequence[Membership]) -> None:
    texts = GroupTexts(name=circle.name, external_id=circle.external_id)
    linked: list[Entity] = [(EntityType.ACCOUNT, number) for number in circle.accounts]
    linked += [(EntityType.PORTFOLIO, number) for number in circle.portfolios]
    if circle.company is None:
        create_group(actor=actor, memberships=memberships, linked=linked, **texts)
        return
    # The company's group is created with it. An application's creation does not wait.
    company = cast(
        LegalEntity,
        create_legal_entity(
            actor=actor, details=dict(circle.company), memberships=memberships, external_id=circle.external_id
        ),
    )
    change_group(actor=actor, group_id=company.group_id, linked=linked, **texts)
