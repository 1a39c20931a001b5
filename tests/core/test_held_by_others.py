"""A request that waits too long for a row locked by another transaction gets an error that says so."""

import re
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from accounts.models import Member
from changerequests.models import ChangeRequest
from contactgroups.models import ContactGroup
from contacts.models import Contact
from tests.fixtures import details

pytestmark = pytest.mark.django_db(transaction=True)

TOLD = "Somebody else is changing this right now"


@pytest.fixture(autouse=True)
def _impatient(default_schemas):
    """As workers of the web server are, who wait for ten seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
    yield
    connection.close()


@contextmanager
def held(sql, *values):
    """What another transaction does goes on for the time of the block."""
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(sql, values)
    yield
    other.close()


def contact_held(contact):
    return held("SELECT FROM contacts_contact WHERE id = %s FOR UPDATE", contact.pk)


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def anna(make_member):
    return make_member("anna")


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, is_superuser=True, sees_all_contacts=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


@pytest.fixture
def browser(rita, admin_of):
    browser = admin_of(rita)
    browser.raise_request_exception = False
    return browser


@pytest.fixture
def notes(contact):
    """The path of the contact's details, and a change of them that needs no approval."""
    return f"/v1.0/contacts/{contact.pk}/details", {"details": {"relationship": {"notes": "Prefers letters."}}}


def test_a_caller_is_told_to_come_again_soon_and_then_succeeds(contact, anna, api_of, notes):
    api = api_of(anna)
    with contact_held(contact):
        answer = api.patch(*notes)
    assert (answer.status, answer.json["code"], answer.json["subCode"]) == (503, "General", "NA")
    assert (TOLD in answer.json["message"], answer.headers["Retry-After"]) == (True, "2")
    assert Contact.objects.get().version == 1
    assert api.patch(*notes).status == 200


def test_whatever_else_is_waited_for_in_vain_is_told_alike(app, make_contact):
    groups = f"/v2.0/contacts/{make_contact().pk}/contactgroups"
    with held("LOCK TABLE contactgroups_groupmembership IN EXCLUSIVE MODE"):
        answer = app.post(groups, {"groupName": "Family"})
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert TOLD in answer.json["message"]
    assert ContactGroup.objects.count() == 0
    assert app.post(groups, {"groupName": "Family"}).status == 201


def test_a_form_keeps_its_input_and_says_so(contact, browser):
    address = f"/admin/contacts/contact/{contact.pk}/edit/"
    drawn = browser.get(address).content.decode()
    (name,) = re.findall(r'name="([^"]*)"[^>]*value="Spyri"', drawn)
    sent = {"version": "1", "comment": "Married.", name: "Heusser"}
    with contact_held(contact):
        answer = browser.post(address, sent)
    page = answer.content.decode()
    assert (answer.status_code, TOLD in page) == (503, True)
    assert re.search(rf'name="{re.escape(name)}"[^>]*value="Heusser"', page)
    assert "Married." in page
    assert Contact.objects.get().details["personalInformation"]["lastName"] == "Spyri"


def test_a_reviewer_is_told_on_the_page_and_the_request_waits_on(contact, anna, api_of, browser):
    api_of(anna).patch(
        f"/v1.0/contacts/{contact.pk}/details", {"details": details(personalInformation={"lastName": "H"})}
    )
    request = ChangeRequest.objects.get()
    address = f"/admin/changerequests/changerequest/{request.pk}/change/"
    with contact_held(contact):
        answer = browser.post(address, {"decision": "approve", "comment": "On file."})
    page = answer.content.decode()
    assert (answer.status_code, TOLD in page, "On file." in page) == (503, True, True)
    request.refresh_from_db()
    assert request.is_pending


def test_where_no_form_can_tell_it_a_page_does(anna, rita, browser):
    address = f"/admin/accounts/member/{anna.pk}/change/"
    Member.objects.filter(pk=anna.pk).update(manager=rita)
    form = {f"assignments{more}-{count}": "0" for more in ("", "-2") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}
    sent = {"manager": "", **form}
    with held("UPDATE accounts_member SET manager_id = NULL WHERE id = %s", rita.pk):
        answer = browser.post(address, sent)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert TOLD in text_of(answer)
    assert "load this page again" in text_of(answer)
    assert browser.post(address, sent).status_code == 302
    assert Member.objects.get(pk=anna.pk).manager_id is None
