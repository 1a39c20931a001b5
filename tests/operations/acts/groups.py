"""Acts on contact groups."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.test import Client

from contactgroups.models import CONTACT_GROUP, ContactGroup, LinkedEntity
from schemas.models import ListItem
from tests.api import Api
from tests.contactgroups.test_admin_groups import LIST, form, page_of
from tests.operations.acts import World, act, command, sent, told


def groups(_world: World) -> set[str | None]:
    return set(ContactGroup.objects.values_list("name", flat=True))


def accounts(_world: World) -> set[int]:
    return set(LinkedEntity.objects.filter(entity_type="Account").values_list("entity_id", flat=True))


def membership(world: World) -> dict[str, int]:
    owner = ListItem.objects.get(list__key="access-policy", key="owner")
    return {"contactId": world.contact.pk, "accessPolicyId": owner.pk}


def family(_world: World) -> ContactGroup:
    return ContactGroup.objects.get(name="Family")


@act("POST /v2.0/contacts/{contactId}/contactgroups", CONTACT_GROUP, groups)
def _create(world: World, api: Api) -> str:
    body = {"groupName": "Clan", "contacts": [membership(world)]}
    return told(api.post(f"/v2.0/contacts/{world.contact.pk}/contactgroups", body))


@act("PUT /v1.0/contactgroups/{contactGroupId}", CONTACT_GROUP, groups)
def _rename(world: World, api: Api) -> str:
    body = {"groupName": "Clan", "contacts": [membership(world)]}
    return told(api.put(f"/v1.0/contactgroups/{family(world).pk}", body))


@act("DELETE /v1.0/contactgroups/{contactGroupId}", CONTACT_GROUP, groups)
def _delete(world: World, api: Api) -> str:
    return told(api.delete(f"/v1.0/contactgroups/{family(world).pk}"))


@act("contactgroups_contactgroup_add", CONTACT_GROUP, groups)
def _create_in_the_admin(world: World, browser: Client) -> str:
    joining = [(world.contact, membership(world)["accessPolicyId"])]
    return sent(browser, f"{LIST}add/", form(joining=joining, name="Clan"))


@act("contactgroups_contactgroup_change", CONTACT_GROUP, groups)
def _rename_in_the_admin(world: World, browser: Client) -> str:
    return sent(browser, page_of(family(world)), form(family(world), name="Clan"))


@act("contactgroups_contactgroup_delete", CONTACT_GROUP, groups)
def _delete_in_the_admin(world: World, browser: Client) -> str:
    return sent(browser, page_of(family(world), "delete/"), {"post": "yes"})


@act("link_entities", CONTACT_GROUP, accounts)
def _link(world: World, _host: Any) -> str:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "links.csv"
        file.write_text(f"groupId,entityType,entityId\n{family(world).pk},Account,4711\n", "utf-8")
        return command("link_entities", file)
