"""Acts by files: an import of contacts and of legal entities."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts.models import CONTACT_CREATION, CONTACT_DETAILS
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
from tests.operations.acts.contacts import last_name, usernames

CONTACT, COMPANY = "E-1", "C-1"
RENAMED = details(personalInformation={"lastName": "Heusser", "maritalStatus": "married"})
CONTACTS = array({"externalId": CONTACT, "details": RENAMED})
COMPANIES = array({"externalId": COMPANY, "details": company(name="Alp AG")})


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


@act("POST /v1.0/contacts/import/sync", CONTACT_DETAILS, last_name)
def _sync_contacts(_world: World, api: Api) -> str:
    return synced(api, "contacts", CONTACTS)


@act("POST /v1.0/legal-entities/import/sync", LEGAL_ENTITY_DETAILS, name)
def _sync_companies(_world: World, api: Api) -> str:
    return synced(api, "legal-entities", COMPANIES)


@act("importexport_importjob_add", CONTACT_DETAILS, last_name)
def _import_contacts(_world: World, browser: Client) -> str:
    return imported(browser, ImportKind.CONTACTS, CONTACTS)


@act("importexport_importjob_add", LEGAL_ENTITY_DETAILS, name)
def _import_companies(_world: World, browser: Client) -> str:
    return imported(browser, ImportKind.LEGAL_ENTITIES, COMPANIES)


def imported_on_the_host(name: str, content: bytes) -> str:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "file.json"
        file.write_bytes(content)
        return command(name, file)


@act("import_contacts", CONTACT_DETAILS, last_name)
def _import_contacts_on_the_host(_world: World, _host: Any) -> str:
    return imported_on_the_host("import_contacts", CONTACTS)


@act("import_legal_entities", LEGAL_ENTITY_DETAILS, name)
def _import_companies_on_the_host(_world: World, _host: Any) -> str:
    return imported_on_the_host("import_legal_entities", COMPANIES)


# ---- what an import creates


def new_contact(world: World) -> bytes:
    type_id = world.contact.type_id
    return array({"externalId": "E-2", "contactTypeId": type_id, "username": "clara", "details": details()})


def new_company(world: World) -> bytes:
    member = {"id": world.contact.pk, "accessPolicy": "owner"}
    return array({"externalId": "C-2", "details": company(name="Alp AG"), "contacts": [member]})


@act("POST /v1.0/contacts/import/sync", CONTACT_CREATION, usernames)
def _sync_a_new_contact(world: World, api: Api) -> str:
    return synced(api, "contacts", new_contact(world))


@act("POST /v1.0/legal-entities/import/sync", LEGAL_ENTITY_CREATION, companies)
def _sync_a_new_company(world: World, api: Api) -> str:
    return synced(api, "legal-entities", new_company(world))


@act("importexport_importjob_add", CONTACT_CREATION, usernames)
def _import_a_new_contact(world: World, browser: Client) -> str:
    return imported(browser, ImportKind.CONTACTS, new_contact(world))


@act("importexport_importjob_add", LEGAL_ENTITY_CREATION, companies)
def _import_a_new_company(world: World, browser: Client) -> str:
    return imported(browser, ImportKind.LEGAL_ENTITIES, new_company(world))


@act("import_contacts", CONTACT_CREATION, usernames)
def _import_a_new_contact_on_the_host(world: World, _host: Any) -> str:
    return imported_on_the_host("import_contacts", new_contact(world))


@act("import_legal_entities", LEGAL_ENTITY_CREATION, companies)
def _import_a_new_company_on_the_host(world: World, _host: Any) -> str:
    return imported_on_the_host("import_legal_entities", new_company(world))
