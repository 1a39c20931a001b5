"""Changing and creating contacts in the admin, with the form built from the schema and through the services."""

import re

import pytest

from accounts.actor import member_actor, system_actor
from changerequests.models import ChangeRequest, Status
from contacts.models import Channel, Contact, ContactAssignment, ExternalConnection
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from tests.browserless import sent_by
from tests.fixtures import details, without_triggers

LIST = "/admin/contacts/contact/"
ADDRESSES = "details.contactInformation.addresses"

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def edit_of(contact):
    return f"{LIST}{contact.pk}/edit/"


def text_of(response):
    """The page without its tags, with every run of white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def anna(make_member):
    """Looks after her contacts and may change them."""
    return make_member("anna", permissions=["view_contact", "change_contact_details", "view_changerequest"])


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(
        details(
            contactInformation={
                "phone": "044 123 45 67",
                "addresses": [{"type": "domicile", "city": "Chur", "country": "CH", "state": "CH-GR"}],
            },
            regulatory={"riskScore": 3},
        ),
        members=[anna],
    )


@pytest.fixture
def browser(admin_of, anna):
    return admin_of(anna)


def form_of(browser, contact):
    """What the browser would send for the form as it opens."""
    return sent_by(browser.get(edit_of(contact)).content.decode())


def send(browser, contact, data):
    return browser.post(edit_of(contact), data.urlencode(), content_type="application/x-www-form-urlencoded")


# ---- who may


def test_members_without_the_permission_get_no_form_and_submit_nothing(
    admin_of, make_member, make_contact, browser, contact
):
    data = form_of(browser, contact)
    data["details.contactInformation.phone"] = "1234567"
    for permissions in ([], ["view_contact"], ["view_contact", "change_contact"], ["change_contact_details"]):
        member = make_member(permissions=permissions, sees_all_contacts=True)
        assert admin_of(member).get(edit_of(contact)).status_code == 403
        assert send(admin_of(member), contact, data).status_code == 403
    assert contact.entries.count() == 1


def test_contacts_out_of_sight_are_not_found(admin_of, make_member, make_contact, browser, contact):
    other = make_contact()
    data = form_of(browser, contact)
    assert browser.get(edit_of(other)).status_code == 404
    assert send(browser, other, data).status_code == 404
    root = make_member("root", is_superuser=True)
    assert admin_of(root).get(edit_of(contact)).status_code == 404
    assert browser.get(f"{LIST}99999999999/edit/").status_code == 404


def test_the_way_to_the_form_is_shown_to_those_who_may_and_the_others_are_told_why(
    admin_of, make_member, browser, contact
):
    assert edit_of(contact) in browser.get(f"{LIST}{contact.pk}/change/").content.decode()
    reader = admin_of(make_member("reader", permissions=["view_contact"], sees_all_contacts=True))
    page = reader.get(f"{LIST}{contact.pk}/change/")
    assert edit_of(contact) not in page.content.decode()
    assert "your account lacks the permission to change it" in text_of(page)


def test_an_anonymized_contact_has_no_form(browser, contact):
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])
    answer = browser.get(edit_of(contact), follow=True)
    assert "was anonymized" in text_of(answer)
    assert 'id="details-form"' not in answer.content.decode()


# ---- what becomes of it


def test_a_change_that_needs_no_approval_is_made_at_once_by_the_member(browser, anna, contact):
    data = form_of(browser, contact)
    data["details.contactInformation.phone"] = "044 999 99 99"
    data.setlist(ADDRESSES, ["", "0", "n1"])
    data.update({f"{ADDRESSES}.n1.type": "domicile", f"{ADDRESSES}.n1.city": "Bern", f"{ADDRESSES}.n1.country": "CH"})
    data["comment"] = "Called"
    answer = send(browser, contact, data)
    assert answer.status_code == 302
    assert answer["Location"] == f"{LIST}{contact.pk}/change/"
    assert "The changes are made." in text_of(browser.get(answer["Location"]))
    contact.refresh_from_db()
    assert contact.version == 2
    assert [address["city"] for address in contact.details["contactInformation"]["addresses"]] == ["Chur", "Bern"]
    made = contact.entries.latest("id")
    assert made.initiator_member == anna
    assert made.comment == "Called"
    assert {change["path"] for change in made.changes} == {
        "contactInformation.phone",
        "contactInformation.addresses",
    }


def test_a_change_that_needs_approval_waits_and_the_fields_that_require_it_are_named(browser, contact):
    data = form_of(browser, contact)
    data["details.personalInformation.lastName"] = "Heusser"
    data["details.contactInformation.phone"] = "044 999 99 99"
    answer = browser.get(send(browser, contact, data)["Location"])
    asked = ChangeRequest.objects.get(subject_id=contact.pk, status=Status.PENDING)
    shown = text_of(answer)
    assert f"Nothing has changed yet: change request #{asked.pk} is pending approval" in shown
    assert "because Last name requires it" in shown
    assert f"/admin/changerequests/changerequest/{asked.pk}/change/" in answer.content.decode()
    contact.refresh_from_db()
    assert contact.version == 1


def test_an_address_that_waits_for_its_key_is_shown_where_people_look(browser, contact):
    data = form_of(browser, contact)
    data["details.contactInformation.email"] = "heidi@chur.example"
    send(browser, contact, data)
    assert Channel.objects.get(contact=contact).pending_value == "heidi@chur.example"
    for page in ("change", "edit"):
        shown = text_of(browser.get(f"/admin/contacts/contact/{contact.pk}/{page}/"))
        assert "heidi@chur.example replaces it once the owner has confirmed it." in shown


def test_a_form_that_is_sent_as_it_came_changes_nothing(browser, contact):
    answer = browser.get(send(browser, contact, form_of(browser, contact))["Location"])
    assert "Nothing was changed: everything is as it was." in text_of(answer)
    assert contact.entries.count() == 1


def test_a_new_address_waits_for_its_owner(browser, contact):
    data = form_of(browser, contact)
    data["details.contactInformation.email"] = "johanna@example.com"
    answer = browser.get(send(browser, contact, data)["Location"])
    assert "Its owner has to confirm the new value before it takes effect: Email." in text_of(answer)
    assert Channel.objects.get(contact=contact).pending_value == "johanna@example.com"


def test_a_request_that_waits_already_is_named_and_linked_and_the_input_stays(browser, contact, anna):
    asked = patch_details(
        actor=member_actor(anna), contact_id=contact.pk, patch={"personalInformation": {"lastName": "A"}}
    ).change_request
    data = form_of(browser, contact)
    data["details.personalInformation.firstName"] = "Heidi"
    answer = send(browser, contact, data)
    assert answer.status_code == 422
    assert f"Change request {asked.pk} is pending review" in text_of(answer)
    assert f"/admin/changerequests/changerequest/{asked.pk}/change/" in answer.content.decode()
    assert sent_by(answer.content.decode())["details.personalInformation.firstName"] == "Heidi"


def test_faults_stand_at_their_fields_and_nothing_that_was_typed_is_lost(browser, contact):
    data = form_of(browser, contact)
    data.setlist(ADDRESSES, ["", "n1", "0"])
    data.update(
        {f"{ADDRESSES}.n1.type": "domicile", f"{ADDRESSES}.n1.street": "Gasse", f"{ADDRESSES}.n1.country": "DE"}
    )
    data[f"{ADDRESSES}.n1.state"] = "CH-ZH"
    data["details.occupation.annualIncome"] = "a lot"
    data["comment"] = "A word"
    answer = send(browser, contact, data)
    assert answer.status_code == 422
    page = answer.content.decode()
    shown = text_of(answer)
    assert "Nothing was changed." in shown
    assert "City : This field is mandatory." in shown
    assert "State or canton : “CH-ZH” does not belong to the Country that is given." in shown
    assert f'aria-describedby="id_{ADDRESSES}.n1.city_error"' in page
    again = sent_by(page)
    data.pop("csrfmiddlewaretoken")
    assert {name: again.getlist(name) for name in data} == dict(data.lists())
    assert contact.entries.count() == 1


def test_what_a_member_may_not_change_is_shown_and_what_is_forged_for_it_is_not_taken(browser, contact):
    page = browser.get(edit_of(contact)).content.decode()
    assert re.search(r'name="details.regulatory.riskScore"[^>]*value="3"[^>]*disabled', page)
    data = sent_by(page)
    data["details.regulatory.riskScore"] = "9"
    data["details.relationship.formerClientNumber"] = "X"
    send(browser, contact, data)
    contact.refresh_from_db()
    assert contact.details["regulatory"]["riskScore"] == 3
    assert "relationship" not in contact.details


def test_a_username_that_follows_the_email_must_be_free(browser, make_contact, contact, settings):
    settings.USERNAME_FROM_EMAIL = True
    make_contact(details(contactInformation={"email": "taken@example.com"}), username="taken@example.com")
    data = form_of(browser, contact)
    data["details.contactInformation.email"] = "Taken@example.com"
    answer = send(browser, contact, data)
    assert answer.status_code == 422
    assert "Email : This username is taken already." in text_of(answer)


def test_a_comment_that_is_too_long_is_told(browser, contact):
    data = form_of(browser, contact)
    data["comment"] = "x" * 2001
    data["details.contactInformation.phone"] = "044 999 99 99"
    answer = send(browser, contact, data)
    assert answer.status_code == 422
    assert "at most 2000 characters" in text_of(answer)
    assert sent_by(answer.content.decode())["details.contactInformation.phone"] == "044 999 99 99"


# ---- others at the same time


def test_a_form_that_others_overtook_shows_what_they_changed_and_keeps_the_input(browser, contact):
    data = form_of(browser, contact)
    robot = system_actor("core-banking")
    patch_details(
        actor=robot,
        contact_id=contact.pk,
        patch={"contactInformation": {"phone": "044 000 00 00"}, "occupation": {"employer": "Spyri AG"}},
    )
    patch_details(actor=robot, contact_id=contact.pk, patch={"occupation": {"position": "Writer"}})
    data["details.contactInformation.phone"] = "044 999 99 99"
    data[f"{ADDRESSES}.0.city"] = "Davos"
    data["comment"] = "Called"
    answer = send(browser, contact, data)
    assert answer.status_code == 412
    shown = text_of(answer)
    assert "Somebody else has changed this contact since you opened the form" in shown
    assert "Employer" in shown
    assert "core-banking" in shown
    assert "Somebody else has changed this in the meantime. What you enter here replaces it." in shown
    again = sent_by(answer.content.decode())
    assert again["version"] == "3"
    assert again["comment"] == "Called"
    assert again["details.contactInformation.phone"] == "044 999 99 99"
    assert again["details.occupation.employer"] == "Spyri AG"
    assert contact.entries.count() == 3
    assert send(browser, contact, again).status_code == 302
    contact.refresh_from_db()
    assert contact.version == 4
    assert contact.details["contactInformation"]["phone"] == "044 999 99 99"
    assert contact.details["contactInformation"]["addresses"][0]["city"] == "Davos"
    assert contact.details["occupation"] == {"employer": "Spyri AG", "position": "Writer"}


@pytest.mark.parametrize("version", ["", "0", "99", "x", "1.5"])
def test_a_version_that_there_is_not_is_refused(browser, contact, version):
    data = form_of(browser, contact)
    data["version"] = version
    assert send(browser, contact, data).status_code == 400


def test_values_that_the_schema_does_not_name_survive(browser, contact):
    stored = {**contact.details, "old": {"key": [1]}}
    with without_triggers():
        Contact.objects.filter(pk=contact.pk).update(details=stored)
    data = form_of(browser, contact)
    data["details.contactInformation.phone"] = "044 999 99 99"
    assert send(browser, contact, data).status_code == 302
    contact.refresh_from_db()
    assert contact.details["old"] == {"key": [1]}


# ---- the look-up of items


def test_items_are_looked_up_by_their_localized_name(browser):
    def found(key, **query):
        answer = browser.get(f"{LIST}choices/{key}/", query)
        assert answer.status_code == 200
        return [item["key"] for item in answer.json()["items"]]

    assert found("country", term="switz") == ["CH"]
    assert found("country", term="schweiz", language="de") == ["CH"]
    assert "CH-ZH" in found("state", term="zur", parent="CH")
    assert found("state", term="zur", parent="DE") == []
    assert browser.get(f"{LIST}choices/country/").json()["hasMore"] is True
    assert browser.get(f"{LIST}choices/nothing/").status_code == 404
    assert browser.post(f"{LIST}choices/country/").status_code == 405


def test_the_look_up_is_for_staff_with_a_permission(admin_of, make_member, client, default_schemas):
    assert client.get(f"{LIST}choices/country/").status_code == 302
    assert admin_of(make_member(permissions=[])).get(f"{LIST}choices/country/").status_code == 403
    outside = make_member(permissions=["view_contact"], is_staff=False)
    assert admin_of(outside).get(f"{LIST}choices/country/").status_code == 302


# ---- new contacts


@pytest.fixture
def creator(admin_of, make_member, default_schemas):
    return admin_of(make_member("creator", permissions=["view_contact", "add_contact"]))


def test_without_the_permission_nobody_creates_a_contact(browser, contact):
    assert browser.get(f"{LIST}add/").status_code == 403
    assert browser.post(f"{LIST}add/", {}).status_code == 403
    assert f"{LIST}add/" not in browser.get(LIST).content.decode()
    assert Contact.objects.count() == 1


def new_contact(browser, **values):
    data = sent_by(browser.get(f"{LIST}add/").content.decode())
    data.update(
        {
            "username": "heidi",
            "details.personalInformation.firstName": "Heidi",
            "details.personalInformation.lastName": "Alp",
            **values,
        }
    )
    return browser.post(f"{LIST}add/", data.urlencode(), content_type="application/x-www-form-urlencoded")


def test_a_contact_is_created_with_its_external_id_and_belongs_to_its_creator(creator):
    assert f"{LIST}add/" in creator.get(LIST).content.decode()
    answer = new_contact(creator, external_id="CRM-7", system="CRM")
    made = Contact.objects.get()
    assert answer["Location"] == f"{LIST}{made.pk}/change/"
    assert "Heidi Alp was created." in text_of(creator.get(answer["Location"]))
    assert made.username == "heidi"
    assert made.details == {"personalInformation": {"firstName": "Heidi", "lastName": "Alp"}}
    assert ContactAssignment.objects.get(contact=made).member.user.username == "creator"
    assert ExternalConnection.objects.get(contact=made).external_id == "CRM-7"


def test_a_contact_that_cannot_be_created_says_why_at_the_field(creator, make_contact):
    make_contact(username="Heidi")
    answer = new_contact(creator)
    assert answer.status_code == 422
    assert "This username is taken already." in text_of(answer)
    answer = new_contact(creator, username="peter", **{"details.personalInformation.lastName": ""})
    assert answer.status_code == 422
    assert "Last name : This field is mandatory." in text_of(answer)
    assert sent_by(answer.content.decode())["username"] == "peter"
    assert new_contact(creator, username="").status_code == 422
    assert Contact.objects.count() == 1


def test_an_external_id_that_is_taken_leaves_no_contact_behind(creator, make_contact):
    ExternalConnection.objects.create(contact=make_contact(), system="CRM", external_id="CRM-7")
    answer = new_contact(creator, external_id="CRM-7")
    assert answer.status_code == 422
    assert "A contact has this external id already." in text_of(answer)
    assert Contact.objects.count() == 1


def test_a_username_that_follows_the_email_is_not_asked_for(creator, settings):
    settings.USERNAME_FROM_EMAIL = True
    assert 'name="username"' not in creator.get(f"{LIST}add/").content.decode()
    answer = new_contact(creator, **{"details.contactInformation.email": "heidi@example.com"})
    assert answer.status_code == 302
    assert Contact.objects.get().username == "heidi@example.com"


# ---- budgets


@pytest.mark.parametrize("rows", [1, 15])
def test_the_form_takes_as_many_queries_for_many_rows_as_for_few(browser, contact, rows, count_queries):
    stored = details(contactInformation={"addresses": [{"type": "domicile", "city": "Chur", "country": "CH"}] * rows})
    with without_triggers():
        Contact.objects.filter(pk=contact.pk).update(details=stored)
    browser.get(edit_of(contact))
    with count_queries() as queries:
        assert browser.get(edit_of(contact)).status_code == 200
    assert len(queries) <= 12, [query["sql"][:120] for query in queries.captured_queries]
