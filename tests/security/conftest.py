"""Two worlds in one database: one that the callers of these tests see, and one that they must not see."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from PIL import Image

from accounts.actor import member_actor, system_actor
from accounts.models import ClientApplication, Member, Participant
from changerequests.models import ChangeRequest
from contactgroups.models import ContactGroup, EntityType
from contactgroups.services import Membership, create_group
from contacts.models import Contact
from contacts.services.changes import patch_details
from contacts.services.connections import add_external_connection
from contacts.services.creation import create_contact
from contacts.services.pictures import replace_picture
from events.models import Webhook
from importexport.exports.selection import Selection
from importexport.exports.services import request_export
from importexport.imports.services import start_sync
from importexport.models import ExportJob, ExportKind, ExportStatus, ImportJob, ImportKind
from legalentities.models import LegalEntity
from legalentities.services import create_legal_entity
from matching.models import Pair
from schemas.models import ListItem
from tests.fixtures import details
from tests.importexport.importing import array, stored
from tests.legalentities.documents import company

OURS = (
    "accounts",
    "audit",
    "contacts",
    "changerequests",
    "contactgroups",
    "legalentities",
    "matching",
    "importexport",
    "events",
)


@dataclass(frozen=True)
class World:
    """A participant, a member, an application and a contact with one of every related object."""

    participant: Participant
    member: Member
    app: ClientApplication
    contact: Contact
    request: ChangeRequest
    group: ContactGroup
    account_id: int
    legal_entity: LegalEntity
    exports: dict[str, ExportJob]
    file_name: str
    job: ImportJob
    webhook: Webhook

    @property
    def external_id(self) -> str:
        return f"crm-{self.contact.pk}"

    @property
    def identity_id(self) -> UUID:
        return self.member.uid


@pytest.fixture(autouse=True)
def _files_of_this_test(settings: Any, tmp_path: Any) -> None:
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


@pytest.fixture
def policy(default_schemas: None) -> Callable[..., int]:
    """Return the id of an access policy by its key."""
    return lambda key="owner": ListItem.objects.get(list__key="access-policy", key=key).pk


@pytest.fixture
def make_group(policy: Callable[..., int]) -> Callable[..., ContactGroup]:
    """Create a group; all contacts get the policy `owner`."""

    def make(*contacts: Contact) -> ContactGroup:
        members = [Membership(contact.pk, policy()) for contact in contacts]
        new = create_group(actor=system_actor("tests"), memberships=members)
        return ContactGroup.objects.get(pk=new.id)

    return make


@pytest.fixture
def entry(contact_type: ListItem) -> Callable[..., dict[str, Any]]:
    """Return an entry of an import file."""

    def make(external_id: str, *, username: str) -> dict[str, Any]:
        entry = {"externalId": external_id, "contactTypeId": contact_type.pk, "username": username}
        return {**entry, "details": details()}

    return make


PERMISSIONS = [
    "view_contact",
    "add_contact",
    "change_contact_details",
    "view_changerequest",
    "review_changerequest",
    "anonymize_contact",
    "view_contactgroup",
    "add_contactgroup",
    "change_contactgroup",
    "delete_contactgroup",
    "view_legalentity",
    "add_legalentity",
    "change_legalentity",
    "view_exportjob",
    "add_exportjob",
    "view_importjob",
    "add_importjob",
    "change_schema",
    "view_pair",
    "change_pair",
]


@pytest.fixture
def make_world(
    make_participant: Callable[..., Participant],
    make_member: Callable[..., Member],
    make_app: Callable[..., ClientApplication],
    make_contact: Callable[..., Contact],
) -> Callable[[str], World]:
    def make(name: str) -> World:
        participant = make_participant(f"Participant of {name}")
        member = make_member(f"{name}-member", participants=[participant], permissions=PERMISSIONS)
        colleague = make_member(f"{name}-colleague", manager=member)
        app = make_app(f"{name}-app", participants=[participant])
        document = details(personalInformation={"lastName": name, "displayName": f"Person of {name}"})
        contact = make_contact(document, username=f"person.{name}", members=[colleague], participants=[participant])
        system = system_actor("tests")
        add_external_connection(actor=system, contact_id=contact.pk, system="crm", external_id=f"crm-{contact.pk}")
        replace_picture(actor=system, contact_id=contact.pk, content=_picture())
        asked = patch_details(
            actor=member_actor(colleague),
            contact_id=contact.pk,
            patch={"personalInformation": {"lastName": f"New {name}"}},
        )
        assert asked.change_request is not None
        owner = ListItem.objects.get(list__key="access-policy", key="owner").pk
        memberships = [Membership(contact.pk, owner)]
        new = create_group(
            actor=system,
            memberships=memberships,
            linked=[(EntityType.ACCOUNT, contact.pk)],
            name=f"Group of {name}",
            external_id=f"group-{name}",
        )
        group = ContactGroup.objects.get(pk=new.id)
        legal_entity = create_legal_entity(
            actor=system, details=company(name=f"{name} AG"), memberships=memberships, external_id=f"company-{name}"
        )
        actor = member_actor(member)
        (file_name,) = stored(array({"externalId": name}), actor=actor)
        return World(
            participant=participant,
            member=member,
            app=app,
            contact=contact,
            request=ChangeRequest.objects.get(subject_id=contact.pk),
            group=group,
            account_id=contact.pk,
            legal_entity=legal_entity,
            exports={kind: _exported(member, kind) for kind in ExportKind.values},
            file_name=stored(array({"externalId": f"{name}-2"}), actor=actor)[0],
            job=start_sync(actor=actor, kind=ImportKind.CONTACTS, names=[file_name], is_dry_run=True),
            webhook=Webhook.objects.create(application=app, url=f"https://{name}.example/events"),
        )

    return make


def pair_of(world: World) -> Pair:
    """Return the contact of a world and another one that the same people see, as possible duplicates."""
    found = Pair.objects.filter(lower=world.contact).first()
    if found is not None:
        return found
    document = world.contact.details
    other = create_contact(
        actor=member_actor(world.member),
        type_id=world.contact.type_id,
        username=f"pair.{world.contact.pk}",
        details=document,
    )
    return Pair.objects.create(lower=world.contact, higher_id=other.pk, score=0.99)


def _picture() -> bytes:
    content = BytesIO()
    Image.new("RGB", (20, 20), "red").save(content, "PNG")
    return content.getvalue()


PICTURE = b64encode(_picture()).decode()


def _exported(member: Member, kind: str) -> ExportJob:
    """Create a completed export with its file."""
    job = request_export(actor=member_actor(member), selection=Selection(kind))
    job.file_name = default_storage.save(f"exports/{job.pk}-1.csv", ContentFile(b"id\r\n1\r\n"))
    job.status = ExportStatus.COMPLETED
    job.finished_at = job.created_at
    job.expires_at = job.created_at.replace(year=job.created_at.year + 1)
    job.save()
    return job


@pytest.fixture
def ours(make_world: Callable[[str], World]) -> World:
    """The world that the callers see."""
    return make_world("ours")


@pytest.fixture
def theirs(make_world: Callable[[str], World]) -> World:
    """The world that none of the callers sees."""
    return make_world("theirs")


def state() -> dict[str, str | None]:
    """Return a fingerprint of every table of the apps in OURS, by table name."""
    tables = [model._meta.db_table for name in OURS for model in apps.get_app_config(name).get_models()]
    tables += ["accounts_member_participants", "contacts_contactassignment", "contacts_contactparticipant"]
    fingerprints = {}
    with connection.cursor() as cursor:
        for table in dict.fromkeys(tables):
            cursor.execute(f'SELECT md5(string_agg(row::text, chr(10) ORDER BY row::text)) FROM "{table}" row')  # noqa: S608
            fingerprints[table] = cursor.fetchone()[0]
    return fingerprints


@contextmanager
def nothing_changes() -> Iterator[None]:
    before = state()
    yield
    after = state()
    assert after == before, [table for table in after if after[table] != before[table]]
