"""Systems of external ids: nobody adds or renames one alone, and one in which contacts have ids keeps its name."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from accounts.actor import system_actor
from administration.services.configuration import add_configuration, change_configuration
from audit.models import Entry
from changerequests.models import ChangeRequest
from contacts.models import ExternalSystem
from contacts.services.connections import add_external_connection
from contacts.systems import SYSTEM
from core.errors import ApiError
from tests.administration.approving import approve, waiting
from tests.changerequests.reviewing import text_of
from tests.concurrency import while_waiting

pytestmark = pytest.mark.django_db

ADD = reverse("admin:contacts_externalsystem_add")
ACTOR = system_actor("tests")


def page_of(name):
    return reverse("admin:contacts_externalsystem_change", args=[ExternalSystem.objects.get(name=name).pk])


@pytest.fixture
def kim(make_member):
    return make_member("kim", permissions=["view_externalsystem", "add_externalsystem", "change_externalsystem"])


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_externalsystem"])


def connect(contact, system="CRM", external_id="C-1"):
    return add_external_connection(actor=ACTOR, contact_id=contact.pk, system=system, external_id=external_id)


def renamed(name, target):
    pk = ExternalSystem.objects.get(name=name).pk
    return change_configuration(actor=ACTOR, sort=SYSTEM, object_id=pk, target={"name": target})


@pytest.mark.parametrize("permission", ["view_externalsystem", "change_externalsystem", None])
def test_adding_takes_its_own_permission(permission, make_member, admin_of):
    member = make_member(permissions=[] if permission is None else [permission])
    assert admin_of(member).post(ADD, {"name": "Old CRM"}).status_code == 403
    assert not ChangeRequest.objects.exists()


def test_nobody_adds_one_alone(kim, rita, admin_of, make_contact, app):
    contact = make_contact()
    answer = admin_of(kim).post(ADD, {"name": " Old CRM "}, follow=True)
    request = waiting()
    assert f"change request #{request.pk} is pending approval" in text_of(answer)
    body = {"externalId": "C-1", "system": "old crm"}
    assert app.post(f"/v1.0/contacts/{contact.pk}/external-connections", body).status == 422
    with pytest.raises(ApiError):
        approve(kim, request)
    approve(rita, request)
    assert app.post(f"/v1.0/contacts/{contact.pk}/external-connections", body).status == 204
    assert contact.external_connections.get().system == "Old CRM"
    (change,) = Entry.objects.get(kind="configuration").changes
    assert (change["path"], change["target"]) == ("system.name", "Old CRM")


def test_nobody_renames_one_alone(kim, rita, admin_of):
    admin_of(kim).post(page_of("CBS"), {"name": "Core"})
    assert ExternalSystem.objects.filter(name="CBS").exists()
    approve(rita, waiting())
    assert not ExternalSystem.objects.filter(name="CBS").exists()
    assert ExternalSystem.objects.filter(name="Core").exists()


def test_who_may_not_see_systems_does_not_see_the_request(kim, make_member, admin_of, api_of):
    admin_of(kim).post(ADD, {"name": "Old CRM"})
    path = f"/v1.0/change-requests/{waiting().pk}"
    assert api_of(make_member(reviews=True, permissions=["view_participant"])).get(path).status == 404
    assert api_of(make_member(permissions=["view_externalsystem"])).get(path).status == 200


@pytest.mark.parametrize("name", ["crm", "ＣＲＭ", " default", "A/B", "\u3164", "A\u202eB", "A\nB", "x" * 101])
def test_what_is_no_name_or_that_of_another_is_refused(name):
    for act in (
        lambda: add_configuration(actor=ACTOR, sort=SYSTEM, target={"name": name}),
        lambda: renamed("CBS", name),
    ):
        with pytest.raises(ApiError) as refused:
            act()
        assert list(refused.value.properties) == ["system.name"]


def test_one_in_use_keeps_its_name_and_no_page_deletes_one(make_contact, kim, rita, admin_of):
    browser = admin_of(kim)
    browser.post(page_of("CRM"), {"name": "Old CRM"})
    connect(make_contact())
    with pytest.raises(ApiError) as refused:
        approve(rita, waiting())
    assert refused.value.properties == {"system.name": ["Contacts have ids in this system, so it keeps its name."]}
    for name in ("CRM", "Default"):
        with pytest.raises(ApiError):
            renamed(name, "Old CRM")
    page = page_of("CBS").replace("change", "delete")
    assert browser.post(page, {"post": "yes"}).status_code in (403, 404)


def test_the_database_keeps_one_in_use(make_contact):
    connect(make_contact())
    for statement in (
        "UPDATE contacts_externalsystem SET name = 'Old CRM' WHERE name = 'CRM'",
        "DELETE FROM contacts_externalsystem WHERE name = 'CRM'",
        "DELETE FROM contacts_externalsystem WHERE name = 'Default'",
        "INSERT INTO contacts_externalsystem (name) VALUES ('cbs')",
    ):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_one_that_is_about_to_be_used_keeps_its_name(make_contact):
    """The renaming waits for the contact's id, and sees it then."""
    contact = make_contact()

    def rename():
        with pytest.raises(ApiError) as refused:
            renamed("CRM", "Old CRM")
        return list(refused.value.properties)

    assert while_waiting(rename, before=lambda: connect(contact)) == ["system.name"]
    assert contact.external_connections.get().system == "CRM"


def test_forms_offer_the_systems_and_say_which_there_are(make_contact, make_member, admin_of):
    browser = admin_of(make_member(is_superuser=True, sees_all_contacts=True))
    contact = make_contact()
    page = f"/admin/contacts/contact/{contact.pk}/connections/"
    assert '<option value="CBS">CBS</option>' in browser.get(page).content.decode()
    answer = browser.post(f"{page}add/", {"system": "Old CRM", "external_id": "C-1"})
    assert answer.status_code == 422
    assert "There is no system “Old CRM”. The systems are: CBS, " in text_of(answer)
    assert not contact.external_connections.exists()
