"""Acts on legal entities."""

from django.test import Client

from legalentities.models import LEGAL_ENTITY_DETAILS, LegalEntity
from tests.api import Api
from tests.browserless import sent_by
from tests.legalentities.documents import company
from tests.operations.acts import World, act, sent, told


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
