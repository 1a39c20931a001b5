"""Acts on legal entities."""

from django.test import Client

from contactgroups.models import ContactGroup
from legalentities.models import LEGAL_ENTITY_CREATION, LEGAL_ENTITY_DETAILS, LegalEntity
from tests.api import Api
from tests.browserless import sent_by
from tests.legalentities.documents import company
from tests.operations.acts import World, act, sent, told
from tests.operations.acts.groups import membership


def name(world: World) -> str:
    return str(LegalEntity.objects.get(pk=world.company.pk).details["name"])


@act("PUT /v1.0/legalentities/{legalEntityId}/details", LEGAL_ENTITY_DETAILS, name)
def _put(world: World, api: Api) -> str:
    document = {"details": company(name="Alp AG")}
    return told(api.put(f"/v1.0/legalentities/{world.company.pk}/details", document))


@act("legalentities_legalentity_edit", LEGAL_ENTITY_DETAILS, name)
def _edit(world: World, browser: Client) -> str:
    address = f"/admin/legalentities/legalentity/{world.company.pk}/edit/"
    form = sent_by(browser.get(address).content.decode())
    form["details.name"] = "Alp AG"
    return sent(browser, address, dict(form.lists()))


# ---- new ones


def companies(_world: World) -> tuple[set[str], int]:
    """Return the names of all, and how many groups there are: a new one comes with its own."""
    return set(LegalEntity.objects.values_list("name", flat=True)), ContactGroup.objects.count()


def created(world: World, api: Api, version: str) -> str:
    return told(api.post(f"/{version}/legalentities", {"details": company(), "contacts": [membership(world)]}))


@act("POST /v1.0/legalentities", LEGAL_ENTITY_CREATION, companies)
def _create(world: World, api: Api) -> str:
    return created(world, api, "v1.0")


@act("POST /v1.1/legalentities", LEGAL_ENTITY_CREATION, companies)
def _create_by_the_newer_version(world: World, api: Api) -> str:
    return created(world, api, "v1.1")


@act("legalentities_legalentity_add", LEGAL_ENTITY_CREATION, companies)
def _create_in_the_admin(world: World, browser: Client) -> str:
    address = "/admin/legalentities/legalentity/add/"
    form = sent_by(browser.get(address).content.decode())
    form.update({"policy": str(membership(world)["accessPolicyId"]), "details.name": "Alp AG"})
    form.setlist("contacts", [str(world.contact.pk)])
    return sent(browser, address, dict(form.lists()))
