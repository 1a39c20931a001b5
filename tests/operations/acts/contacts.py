"""Acts on contacts: details, what they are called and shown by, who sees them, anonymization."""

from base64 import b64encode
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.actor import system_actor
from contacts.models import (
    ANONYMIZATION,
    CONTACT_ACCESS,
    CONTACT_CREATION,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    MERGE,
    UNMERGE,
    Contact,
    Merge,
    ProfilePicture,
)
from contacts.services.creation import create_contact
from merging.services.merging import merge_contacts
from tests.api import Api
from tests.browserless import sent_by
from tests.fixtures import details
from tests.operations.acts import World, act, command, sent, told

SYSTEM = system_actor("tests")
RENAMED = {"personalInformation": {"lastName": "Heusser"}}


def now(world: World) -> Contact:
    return Contact.objects.get(pk=world.contact.pk)


def last_name(world: World) -> str:
    return str(now(world).details["personalInformation"]["lastName"])


def username(world: World) -> str | None:
    return now(world).username


def connections(world: World) -> set[str]:
    return set(world.contact.external_connections.values_list("system", flat=True))


def picture(world: World) -> str | None:
    return ProfilePicture.objects.filter(contact=world.contact).values_list("file", flat=True).first()


def participants(world: World) -> list[int]:
    return list(world.contact.participants.values_list("pk", flat=True))


def is_anonymous(world: World) -> bool:
    return now(world).anonymized_at is not None


def png(colour: str) -> bytes:
    content = BytesIO()
    Image.new("RGB", (10, 10), colour).save(content, "PNG")
    return content.getvalue()


def page(world: World, name: str) -> str:
    return f"/admin/contacts/contact/{world.contact.pk}/{name}/"


# ---- new ones


def usernames(_world: World) -> set[str | None]:
    return set(Contact.objects.values_list("username", flat=True))


@act("POST /v1.0/contacts", CONTACT_CREATION, usernames)
def _create(world: World, api: Api) -> str:
    body = {"contactTypeId": world.contact.type_id, "username": "clara", "details": details()}
    return told(api.post("/v1.0/contacts", body))


@act("contacts_contact_add", CONTACT_CREATION, usernames)
def _create_in_the_admin(_world: World, browser: Client) -> str:
    address = "/admin/contacts/contact/add/"
    form = sent_by(browser.get(address).content.decode())
    form.update({"username": "clara", "details.personalInformation.lastName": "Sesemann"})
    form.update({"details.personalInformation.firstName": "Clara"})
    return sent(browser, address, dict(form.lists()))


# ---- details


@act("PATCH /v1.0/contacts/{contactId}/details", CONTACT_DETAILS, last_name)
def _patch(world: World, api: Api) -> str:
    return told(api.patch(world.details, {"details": RENAMED}))


@act("PUT /v1.0/contacts/{contactId}/details", CONTACT_DETAILS, last_name)
def _put(world: World, api: Api) -> str:
    document = details(personalInformation={"lastName": "Heusser", "maritalStatus": "married"})
    return told(api.put(world.details, {"details": document}))


@act("contacts_contact_edit", CONTACT_DETAILS, last_name)
def _edit(world: World, browser: Client) -> str:
    form = sent_by(browser.get(page(world, "edit")).content.decode())
    form["details.personalInformation.lastName"] = "Heusser"
    return sent(browser, page(world, "edit"), dict(form.lists()))


# ---- identity


@act("PUT /v1.0/contacts/{contactId}/username", CONTACT_IDENTITY, username)
def _rename(world: World, api: Api) -> str:
    return told(api.put(f"/v1.0/contacts/{world.contact.pk}/username", {"username": "johanna"}))


@act("POST /v1.0/contacts/{contactId}/external-connections", CONTACT_IDENTITY, connections)
def _connect(world: World, api: Api) -> str:
    connection = {"system": "CRM", "externalId": "CRM-7"}
    return told(api.post(f"/v1.0/contacts/{world.contact.pk}/external-connections", connection))


@act("contacts_contact_connections_add", CONTACT_IDENTITY, connections)
def _connect_in_the_admin(world: World, browser: Client) -> str:
    return sent(browser, page(world, "connections/add"), {"system": "CRM", "external_id": "CRM-7"})


@act("PUT /v1.0/contacts/{contactId}/profile-picture", CONTACT_IDENTITY, picture)
def _replace_picture(world: World, api: Api) -> str:
    content = {"imageContentBase64": b64encode(png("blue")).decode()}
    return told(api.put(f"/v1.0/contacts/{world.contact.pk}/profile-picture", content))


@act("DELETE /v1.0/contacts/{contactId}/profile-picture", CONTACT_IDENTITY, picture)
def _remove_picture(world: World, api: Api) -> str:
    return told(api.delete(f"/v1.0/contacts/{world.contact.pk}/profile-picture"))


@act("contacts_contact_picture_change", CONTACT_IDENTITY, picture)
def _replace_picture_in_the_admin(world: World, browser: Client) -> str:
    file = SimpleUploadedFile("blue.png", png("blue"), "image/png")
    return sent(browser, page(world, "picture/change"), {"picture": file})


# ---- who sees them


@act("contacts_contact_change", CONTACT_ACCESS, participants)
def _open_to_others(world: World, browser: Client) -> str:
    form = {
        "contact_participants-TOTAL_FORMS": 1,
        "contact_participants-INITIAL_FORMS": 0,
        "contact_participants-0-participant": world.geneva.pk,
        "assignments-TOTAL_FORMS": 0,
        "assignments-INITIAL_FORMS": 0,
    }
    return sent(browser, page(world, "change"), form)


def assigned_to(world: World) -> list[int]:
    return list(world.contact.members.values_list("pk", flat=True))


@act("accounts_member_change", CONTACT_ACCESS, assigned_to)
def _assign(world: World, browser: Client) -> str:
    form = {
        **{f"assignments{one}-{count}": 0 for one in ("", "-2") for count in ("TOTAL_FORMS", "INITIAL_FORMS")},
        "assignments-2-TOTAL_FORMS": 1,
        "assignments-2-0-contact": world.contact.pk,
    }
    return sent(browser, f"/admin/accounts/member/{world.ben.pk}/change/", form)


# ---- merges


def twin(world: World, name: str = "twin") -> Contact:
    """Return a contact that is the same person."""
    found = Contact.objects.filter(username=name).first()
    return found or create_contact(actor=SYSTEM, type_id=world.contact.type_id, username=name, details=details())


def merged_twin(world: World) -> Contact:
    """Return a contact that is merged into that of the world."""
    twin_of = twin(world, "merged-twin")
    if not Merge.objects.filter(loser=twin_of).exists():
        merge_contacts(actor=SYSTEM, survivor_id=world.contact.pk, loser_id=twin_of.pk)
    return twin_of


def merged_into(world: World) -> int | None:
    return Contact.objects.values_list("merged_into", flat=True).get(pk=twin(world).pk)


def still_merged(world: World) -> int | None:
    return Contact.objects.values_list("merged_into", flat=True).get(pk=merged_twin(world).pk)


@act("POST /v1.0/contacts/{contactId}/merge", MERGE, merged_into)
def _merge(world: World, api: Api) -> str:
    return told(api.post(f"/v1.0/contacts/{world.contact.pk}/merge", {"losingContactId": twin(world).pk}))


@act("POST /v1.0/contacts/{contactId}/unmerge", UNMERGE, still_merged)
def _unmerge(world: World, api: Api) -> str:
    return told(api.post(f"/v1.0/contacts/{world.contact.pk}/unmerge", {"losingContactId": merged_twin(world).pk}))


def asked_with(world: World, browser: Client, name: str, other: Contact) -> str:
    address = f"{page(world, name)}?with={other.pk}"
    return sent(browser, address, sent_by(browser.get(address).content.decode()))


@act("contacts_contact_merge", MERGE, merged_into)
def _merge_in_the_admin(world: World, browser: Client) -> str:
    return asked_with(world, browser, "merge", twin(world))


@act("contacts_contact_unmerge", UNMERGE, still_merged)
def _unmerge_in_the_admin(world: World, browser: Client) -> str:
    return asked_with(world, browser, "unmerge", merged_twin(world))


# ---- anonymization


@act("POST /v1.0/contacts/anonymize", ANONYMIZATION, is_anonymous)
def _anonymize(world: World, api: Api) -> str:
    return told(api.post("/v1.0/contacts/anonymize", {"contactIds": [world.contact.pk]}))


@act("contacts_contact_anonymize", ANONYMIZATION, is_anonymous)
def _anonymize_in_the_admin(world: World, browser: Client) -> str:
    return sent(browser, page(world, "anonymize"), {"confirmation": world.contact.pk})


@act("anonymize_contacts", ANONYMIZATION, is_anonymous)
def _anonymize_on_the_host(world: World, _host: Any) -> str:
    return command("anonymize_contacts", "--id", world.contact.pk, "--yes")
