"""Acts by files: an import of contacts and of legal entities."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contactgroups.models import CONTACT_GROUP, GroupMembership
from contacts.models import CONTACT_ACCESS, CONTACT_CREATION, CONTACT_DETAILS, CONTACT_IDENTITY
from importexport.imports.running import run_job
from importexport.models import ImportJob, ImportKind
from legalentities.models import LEGAL_ENTITY_CREATION, LEGAL_ENTITY_DETAILS
from tests.api import Api
from tests.changerequests.reviewing import text_of
from tests.fixtures import details
from tests.importexport.importing import array, upload
from tests.legalentities.documents import company
from tests.operations.acts import World, act, command, sent, told
from tests.operations.acts.companies import companies, name
from tests.operations.acts.contacts import last_name, participants, usernames

CONTACT, COMPANY = "E-1", "C-1"
RENAMED = details(personalInformation={"lastName": "Heusser", "maritalStatus": "married"})


def synced(api: Api, kind: str, content: bytes) -> str:
    assert upload(api, ("file.json", content), kind=kind).status == 201
    job = api.post(f"/v1.0/{kind}/import/sync").json["statusId"]
    run_job(job)
    return told(api.get(f"/v1.0/import/sync/{job}/status"))


def imported(browser: Client, kind: ImportKind, content: bytes) -> str:
    form: dict[str, Any] = {"kind": kind, "uploads": [SimpleUploadedFile("file.json", content)]}
    sent(browser, "/admin/importexport/importjob/add/", form)
    job = ImportJob.objects.latest("created_at").pk
    run_job(job)
    return text_of(browser.get(f"/admin/importexport/importjob/{job}/change/"))


def imported_on_the_host(name: str, content: bytes) -> str:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "file.json"
        file.write_bytes(content)
        return command(name, file)


def new_contact(world: World) -> bytes:
    type_id = world.contact.type_id
    return array({"externalId": "E-2", "contactTypeId": type_id, "username": "clara", "details": details()})


def new_company(world: World) -> bytes:
    member = {"id": world.contact.pk, "accessPolicy": "owner"}
    return array({"externalId": "C-2", "details": company(name="Alp AG"), "contacts": [member]})


def other_policy(world: World) -> bytes:
    return array({"externalId": COMPANY, "contacts": [{"id": world.contact.pk, "accessPolicy": "read-only"}]})


def policies(world: World) -> set[str]:
    members = GroupMembership.objects.filter(group__linked_entities__entity_type="LegalEntity")
    return set(members.filter(contact=world.contact).values_list("access_policy__key", flat=True))


Content = Callable[[World], bytes]
Result = Callable[[World], Any]
# What a file asks for: the kind, its content, and what it would change.
OF_CONTACTS: list[tuple[str, Content, Result]] = [
    (CONTACT_DETAILS, lambda _world: array({"externalId": CONTACT, "details": RENAMED}), last_name),
    (CONTACT_ACCESS, lambda _world: array({"externalId": CONTACT, "participants": ["Geneva"]}), participants),
    (CONTACT_IDENTITY, lambda _world: array({"externalId": CONTACT, "username": "clara"}), usernames),
    (CONTACT_CREATION, new_contact, usernames),
]
OF_COMPANIES: list[tuple[str, Content, Result]] = [
    (LEGAL_ENTITY_DETAILS, lambda _world: array({"externalId": COMPANY, "details": company(name="Alp AG")}), name),
    (CONTACT_GROUP, other_policy, policies),
    (LEGAL_ENTITY_CREATION, new_company, companies),
]


def enter(kind: ImportKind, directory: str, command_name: str, asked: list[tuple[str, Content, Result]]) -> None:
    """Enter an act for each door of imports and each kind of change that a file can ask for."""
    for key, content, result in asked:
        act(f"POST /v1.0/{directory}/import/sync", key, result)(
            lambda world, api, content=content: synced(api, directory, content(world))
        )
        act("importexport_importjob_add", key, result)(
            lambda world, browser, content=content: imported(browser, kind, content(world))
        )
        act(command_name, key, result)(
            lambda world, _host, content=content: imported_on_the_host(command_name, content(world))
        )


enter(ImportKind.CONTACTS, "contacts", "import_contacts", OF_CONTACTS)
enter(ImportKind.LEGAL_ENTITIES, "legal-entities", "import_legal_entities", OF_COMPANIES)
