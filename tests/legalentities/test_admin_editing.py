"""Creating legal entities and changing their details in the admin, with the form built from the schema."""

import re

import pytest

from contactgroups.models import GroupMembership, LinkedEntity
from legalentities.models import LegalEntity
from legalentities.services import replace_details
from tests.legalentities.documents import company

pytestmark = pytest.mark.django_db
LIST = "/admin/legalentities/legalentity/"
PERMISSIONS = ["view_legalentity", "add_legalentity", "change_legalentity", "view_contact"]


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def named(page, values):
    """The controls of the fields at the paths, with values."""
    nodes = {node.path: node for node in page.context["form"].root.walk() if node.path}
    return {nodes[path].name: value for path, value in values.items()}


def current(page):
    """Every single value that the form shows, as a browser sends it back."""
    found = {}
    content = page.content.decode()
    for tag in re.findall(r"<input[^>]*>", content[content.index('id="details-form"') :]):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrfmiddlewaretoken":
            found[name[1]] = value[1] if value else ""
    return found


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=PERMISSIONS)


@pytest.fixture
def browser(admin_of, anna):
    return admin_of(anna)


def edit_address(legal_entity):
    return f"{LIST}{legal_entity.pk}/edit/"


def test_without_permission_nobody_creates_or_changes_one(admin_of, make_member, make_contact, make_legal_entity):
    looker = make_member(permissions=["view_legalentity"])
    made = make_legal_entity(make_contact(members=[looker]))
    for address in (f"{LIST}add/", edit_address(made)):
        assert admin_of(looker).get(address).status_code == 403
        assert admin_of(looker).post(address, {"version": 1, "details.name": "Stolen AG"}).status_code == 403
    made.refresh_from_db()
    assert (made.details, LegalEntity.objects.count()) == (company(), 1)
    assert "Change the details" not in text_of(admin_of(looker).get(f"{LIST}{made.pk}/change/"))


def test_an_invisible_one_is_not_found(browser, make_contact, make_legal_entity):
    hidden = make_legal_entity(make_contact())
    assert browser.get(edit_address(hidden)).status_code == 404
    assert browser.post(edit_address(hidden), {"version": 1}).status_code == 404


def test_one_is_created_with_its_group_and_contacts(browser, anna, make_contact, policy):
    contact = make_contact(members=[anna])
    page = browser.get(f"{LIST}add/")
    details = {"name": "Geissenpeter AG", "registration.legalForm": "stock-corporation", "registration.country": "CH"}
    others = {"contacts": [contact.pk], "policy": policy("owner"), "external_id": "LE-1"}
    answer = browser.post(f"{LIST}add/", {**named(page, details), **others})
    assert answer.status_code == 302, text_of(answer)
    made = LegalEntity.objects.get()
    assert (made.details["name"], made.external_id) == ("Geissenpeter AG", "LE-1")
    group = LinkedEntity.objects.get(entity_id=made.pk).group
    assert list(GroupMembership.objects.filter(group=group).values_list("contact", flat=True)) == [contact.pk]
    assert "Geissenpeter AG was created." in text_of(browser.get(answer.url))


def test_what_is_wrong_stands_at_its_field_and_nothing_is_created(browser, anna, make_contact, policy):
    mine, theirs = make_contact(members=[anna]), make_contact()
    sent = named(browser.get(f"{LIST}add/"), {"name": ""})
    for contacts in ([mine.pk], [theirs.pk], []):
        answer = browser.post(f"{LIST}add/", {**sent, "contacts": contacts, "policy": policy("owner")})
        assert answer.status_code in (403, 422)
    answer = browser.post(f"{LIST}add/", {**sent, "contacts": [mine.pk], "policy": policy("owner")})
    assert "This field is mandatory." in text_of(answer)
    assert not LegalEntity.objects.exists()


def test_details_are_changed_and_the_rest_stays(browser, anna, make_contact, make_legal_entity):
    made = make_legal_entity(make_contact(members=[anna]))
    page = browser.get(edit_address(made))
    phone = {"contactInformation.phone": "+41 44 123 45 67"}
    answer = browser.post(edit_address(made), {**current(page), **named(page, phone)})
    assert answer.status_code == 302, text_of(answer)
    made.refresh_from_db()
    assert made.details["contactInformation"] == {"phone": "+41 44 123 45 67"}
    assert made.details["registration"] == company()["registration"]
    assert made.version == 2
    assert made.entries.first().initiator_member == anna


def test_what_others_changed_meanwhile_is_kept_and_told(browser, anna, actor_of, make_contact, make_legal_entity):
    made = make_legal_entity(make_contact(members=[anna]))
    page = browser.get(edit_address(made))
    phone = {"contactInformation.phone": "+41 44 123 45 67"}
    sent = {**current(page), **named(page, phone)}
    registration = {key: value for key, value in company()["registration"].items() if key != "state"}
    newer = {**company(), "registration": registration}
    replace_details(actor=actor_of(anna), legal_entity_id=made.pk, details=newer)
    answer = browser.post(edit_address(made), sent)
    assert answer.status_code == 412
    assert "Somebody else has changed this legal entity" in text_of(answer)
    assert "+41 44 123 45 67" in answer.content.decode()
    made.refresh_from_db()
    assert "contactInformation" not in made.details
    browser.post(edit_address(made), {**current(answer), **named(answer, phone)})
    made.refresh_from_db()
    assert made.details["contactInformation"] == {"phone": "+41 44 123 45 67"}
    assert "state" not in made.details["registration"]


def test_a_version_that_never_was_is_refused(browser, anna, make_contact, make_legal_entity):
    made = make_legal_entity(make_contact(members=[anna]))
    for version in ("99", "nonsense", ""):
        assert browser.post(edit_address(made), {"version": version}).status_code == 400
