"""What a contact is called and shown by: at once by default, under four eyes where the policy says so."""

import re
from base64 import b64encode
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from changerequests.services.withdrawing import amend_change_request
from contacts.kinds.identity import ContactIdentityKind
from contacts.models import CONTACT_IDENTITY, ProfilePicture
from contacts.services.anonymization import anonymize_contacts
from contacts.services.connections import add_external_connection
from contacts.services.identity import change_username
from core.errors import UnprocessableEntity
from tests.changerequests.engine import approve_all, seen
from tests.changerequests.policies import set_policy
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SYSTEM = system_actor("tests")


@pytest.fixture(autouse=True)
def _files_of_this_test(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


@pytest.fixture
def strict(db):
    set_policy(ContactIdentityKind.profiles["strict"], kind=CONTACT_IDENTITY)


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=["view_contact", "change_contact_details", "view_changerequest"])


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna], username="heidi")


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def png(colour):
    content = BytesIO()
    Image.new("RGB", (10, 10), colour).save(content, "PNG")
    return content.getvalue()


def operations(contact):
    """The method, path and body of each operation."""
    path = f"/v1.0/contacts/{contact.pk}"
    picture = {"imageContentBase64": b64encode(png("red")).decode()}
    return [
        ("PUT", f"{path}/username", {"username": "johanna"}),
        ("POST", f"{path}/external-connections", {"externalId": "CRM-7", "system": "CRM"}),
        ("PUT", f"{path}/profile-picture", picture),
    ]


def identity(contact):
    contact.refresh_from_db()
    picture = ProfilePicture.objects.filter(contact=contact).first()
    return (
        contact.username,
        list(contact.external_connections.values_list("external_id", flat=True)),
        None if picture is None else str(picture.file.name),
    )


def test_by_default_a_member_changes_it_at_once_and_it_is_recorded(api_of, anna, contact):
    for operation in operations(contact):
        assert api_of(anna).call(*operation).status == 204
    assert api_of(anna).delete(f"/v1.0/contacts/{contact.pk}/profile-picture").status == 204
    assert identity(contact) == ("johanna", ["CRM-7"], None)
    entries = Entry.objects.of(CONTACT_IDENTITY, contact.pk).order_by("sequence")
    assert [entry.paths for entry in entries] == [["username"], ["externalConnections"], ["picture"], ["picture"]]
    assert {entry.initiator_member for entry in entries} == {anna}


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("number", range(3))
def test_where_it_waits_a_member_asks_and_another_approves(api_of, anna, rita, contact, number):
    before = identity(contact)
    answer = api_of(anna).call(*operations(contact)[number])
    request = ChangeRequest.objects.get()
    assert (answer.status, answer.json) == (202, {"isApprovalRequired": True, "changeRequestId": request.pk})
    assert identity(contact) == before
    again = api_of(anna).call(*operations(contact)[number])
    assert (again.status, again.sub_code) == (422, "PendingChangeRequestExists")
    approve_all(rita)
    after = identity(contact)
    assert [index for index in range(3) if after[index] != before[index]] == [number]
    assert Entry.objects.of(CONTACT_IDENTITY, contact.pk).get().change_request == request


@pytest.mark.usefixtures("strict")
def test_applications_and_the_contact_itself_change_it_at_once(api_of, app, contact):
    assert app.call(*operations(contact)[1]).status == 204
    for number in (0, 2):
        assert api_of(contact).call(*operations(contact)[number]).status == 204


@pytest.mark.usefixtures("strict")
def test_what_is_taken_meanwhile_is_refused_at_the_approval(anna, rita, contact, make_contact):
    request = change_username(actor=member_actor(anna), contact_id=contact.pk, username="johanna")
    make_contact(username="Johanna")
    with pytest.raises(UnprocessableEntity) as refused:
        approve_all(rita)
    assert refused.value.sub_code == "UsernameNotUnique"
    request.refresh_from_db()
    assert request.status == Status.PENDING


@pytest.mark.usefixtures("strict")
def test_what_has_changed_meanwhile_is_outdated(anna, rita, contact):
    add_external_connection(actor=member_actor(anna), contact_id=contact.pk, system="CRM", external_id="CRM-7")
    add_external_connection(actor=SYSTEM, contact_id=contact.pk, system="CBS", external_id="CBS-1")
    with pytest.raises(UnprocessableEntity) as refused:
        approve_all(rita)
    assert refused.value.sub_code == "ChangeRequestOutdated"


@pytest.mark.usefixtures("strict")
def test_it_is_amended(anna, contact, make_contact):
    make_contact(username="taken")
    actor = member_actor(anna)
    request = change_username(actor=actor, contact_id=contact.pk, username="johanna")
    with pytest.raises(UnprocessableEntity):
        amend_change_request(actor=actor, change_request_id=request.pk, document={"username": "taken"})
    amend_change_request(actor=actor, change_request_id=request.pk, document={"username": "louise"})
    request.refresh_from_db()
    assert [(change["path"], change["target"]) for change in changes_of(request)] == [("username", "louise")]


@pytest.mark.usefixtures("strict")
def test_the_pages_say_that_it_waits(admin_of, anna, contact):
    browser = admin_of(anna)
    page = f"/admin/contacts/contact/{contact.pk}"
    sent = {"system": "CRM", "external_id": "CRM-7"}
    assert "Nothing has changed yet" in text_of(browser.post(f"{page}/connections/add/", sent, follow=True))
    ChangeRequest.objects.get().subjects.get()
    picture = SimpleUploadedFile("a.png", png("red"), "image/png")
    assert "is pending review" in text_of(browser.post(f"{page}/picture/change/", {"picture": picture}, follow=True))
    assert identity(contact) == ("heidi", [], None)


@pytest.mark.usefixtures("strict")
def test_a_reviewer_sees_both_pictures_side_by_side(admin_of, api_of, app, anna, rita, contact, make_member):
    app.call(*operations(contact)[2])
    old = identity(contact)[2]
    body = {"imageContentBase64": b64encode(png("blue")).decode()}
    assert api_of(anna).put(f"/v1.0/contacts/{contact.pk}/profile-picture", body).status == 202
    request = ChangeRequest.objects.get()
    (change,) = changes_of(request)
    new = change["target"]["file"]
    assert (change["original"]["file"], len(change["target"]["sha256"])) == (old, 64)
    assert identity(contact)[2] == old
    browser = admin_of(rita)
    shown = browser.get(f"/admin/changerequests/changerequest/{request.pk}/change/").content.decode()
    for file in (old, new):
        address = f"/admin/contacts/contact/picture-files/{file.rpartition('/')[2]}/"
        assert f'src="{address}"' in shown
        assert browser.get(address).headers["Content-Type"] == "image/jpeg"
        stranger = make_member(permissions=["view_contact"])
        assert admin_of(stranger).get(address).status_code == 404
    assert browser.get("/admin/contacts/contact/picture-files/none.jpg/").status_code == 404
    approve_all(rita)
    assert identity(contact)[2] == new


@pytest.mark.usefixtures("strict")
def test_a_rejected_picture_stays_with_its_request_until_the_contact_is_anonymized(
    api_of, anna, rita, contact, django_capture_on_commit_callbacks
):
    api_of(anna).call(*operations(contact)[2])
    request = ChangeRequest.objects.get()
    file = changes_of(request)[0]["target"]["file"]
    decide(
        actor=member_actor(rita),
        change_request_id=request.pk,
        verdict=Verdict.REJECT,
        comment="No",
        digest=seen(request),
    )
    assert default_storage.exists(file)
    assert identity(contact)[2] is None
    with django_capture_on_commit_callbacks(execute=True):
        anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    assert not default_storage.exists(file)
    assert changes_of(request)[0]["target"] is None


def test_a_search_reads_it_with_the_others(api_of, anna, rita, contact, strict):
    change_username(actor=member_actor(anna), contact_id=contact.pk, username="johanna")
    [row] = api_of(rita).post("/v1.0/change-requests/search", {"kinds": [CONTACT_IDENTITY]}).json["results"]
    assert (row["kind"], row["subject"]["id"], row["isOutdated"]) == (CONTACT_IDENTITY, contact.pk, False)
    change_username(actor=SYSTEM, contact_id=contact.pk, username="louise")
    [row] = api_of(rita).post("/v1.0/change-requests/search", {}).json["results"]
    assert row["isOutdated"] is True
