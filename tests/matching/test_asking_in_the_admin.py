"""The page between: a form creates or changes a contact, and there is one that may be the same person."""

import pytest
from django.utils import timezone

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import ChangeRequest
from changerequests.services.withdrawing import cancel_change_request
from contacts.kinds.creation import ContactCreationKind
from contacts.models import CONTACT_CREATION, Contact, WaitingContact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.refused import KEPT_FOR, erase_refused_creations
from matching.models import DISTINCTION, Pair
from matching.pairs import distinguish
from matching.services import make_keys
from tests.browserless import sent_by
from tests.changerequests.policies import set_policy
from tests.concurrency import at_once

pytestmark = pytest.mark.django_db
ADD = "/admin/contacts/contact/add/"
RIGHTS = ["view_contact", "add_contact", "change_contact_details"]
RETO = {"personalInformation": {"firstName": "Reto", "lastName": "Nägeli", "dateOfBirth": "1980-02-09"}}
FIELDS = {
    "username": "reto",
    "external_id": "crm-17",
    "details.personalInformation.firstName": "Reto",
    "details.personalInformation.lastName": "Naegeli",
    "details.personalInformation.dateOfBirth": "1980-02-09",
    "details.contactInformation.email": "reto@example.ch",
}


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=RIGHTS)


@pytest.fixture
def browser(anna, admin_of):
    return admin_of(anna)


def filled(browser, address=ADD, **others):
    form = sent_by(browser.get(address).content.decode())
    form.update(FIELDS | others)
    return form


def send(browser, form, address=ADD, **others):
    form = form.copy()
    form.update(others)
    return browser.post(address, form.urlencode(), content_type="application/x-www-form-urlencoded")


def asked(answer):
    """Return the form of the page between: what was typed is in it."""
    assert "duplicates_seen" in answer.content.decode()
    return sent_by(answer.content.decode())


def entries():
    return {
        entry.subject_id: (
            entry.initiator_member_id,
            entry.comment,
            [(one["original"], one["target"]) for one in entry.changes],
        )
        for entry in Entry.objects.filter(kind=DISTINCTION)
    }


def test_a_contact_that_the_member_does_not_see_changes_nothing(make_contact, make_member, browser, anna):
    hidden = make_contact(document=RETO, members=[make_member()])
    answer = send(browser, filled(browser))
    made = Contact.objects.exclude(pk=hidden.pk).get()
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"/{made.pk}/change/")
    assert not Pair.objects.exists()


def test_a_duplicate_is_shown_beside_what_was_typed_and_nothing_is_created(make_contact, browser, anna):
    present = make_contact(document=RETO, members=[anna])
    page = send(browser, filled(browser)).content.decode()
    assert Contact.objects.get() == present
    assert f'href="/admin/contacts/contact/{present.pk}/change/"' in page
    for text in ("Date of birth", "Nägeli", "Naegeli", "Probably the same person", "Nothing was created yet."):
        assert text in page


def test_what_is_not_valid_is_said_before_anybody_is_asked(make_contact, browser, anna):
    make_contact(document=RETO, members=[anna])
    page = send(browser, filled(browser, **{"details.contactInformation.email": "nobody"})).content.decode()
    assert "duplicates_seen" not in page
    assert "kf-error" in page


def test_going_back_to_the_form_loses_nothing(make_contact, browser, anna):
    make_contact(document=RETO, members=[anna])
    form = asked(send(browser, filled(browser)))
    back = sent_by(send(browser, form, duplicates_back="yes").content.decode())
    assert {name: back[name] for name in FIELDS} == FIELDS
    assert Contact.objects.count() == 1


def test_without_a_reason_nothing_is_created(make_contact, browser, anna):
    make_contact(document=RETO, members=[anna])
    form = asked(send(browser, filled(browser)))
    for reason in ("", " \u200b ", "x" * 501):
        again = send(browser, form, duplicates_reason=reason)
        assert again.status_code == 422
        form = asked(again)
    assert Contact.objects.count() == 1
    assert not Pair.objects.exists()


def test_with_a_reason_the_contact_is_created_and_the_pair_remembered(make_contact, browser, anna):
    present = make_contact(document=RETO, members=[anna])
    form = asked(send(browser, filled(browser)))
    assert send(browser, form, duplicates_reason=" His cousin. ").status_code == 302
    made = Contact.objects.exclude(pk=present.pk).get()
    assert made.external_connections.get().external_id == "crm-17"
    pair = Pair.objects.get()
    assert (pair.lower_id, pair.higher_id, pair.is_open) == (present.pk, made.pk, False)
    assert (pair.reason, pair.distinct_by_id) == ("His cousin.", anna.pk)
    # The reason is personal: it is not in the ledger, from which only what is about one person is erased.
    assert entries() == {
        present.pk: (anna.pk, None, [(None, [made.pk])]),
        made.pk: (anna.pk, None, [(None, [present.pk])]),
    }


def test_a_reason_is_not_taken_for_a_contact_that_the_page_did_not_show(make_contact, browser, anna):
    first = make_contact(document=RETO, members=[anna])
    form = asked(send(browser, filled(browser)))
    second = make_contact(document=RETO, members=[anna])
    make_keys()
    form = asked(send(browser, form, duplicates_reason="His cousin."))
    assert form["duplicates_seen"] == f"{first.pk},{second.pk}"
    assert form["duplicates_reason"] == "His cousin."
    assert Contact.objects.count() == 2
    send(browser, form)
    assert Pair.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_creations_at_once_one_sees_the_other(browser, anna, admin_of, api_of, contact_type):
    forms = [filled(browser, username=name, external_id="") for name in ("one", "other")]
    answers = at_once(*(lambda form=form: send(admin_of(anna), form) for form in forms))
    assert sorted(answer.status_code for answer in answers) == [200, 302]
    # And one by the application sees that of the admin.
    body = {"contactTypeId": contact_type.pk, "username": "third", "details": RETO}
    refused = api_of(anna).post("/v1.0/contacts", body, x_refuse_duplicates="probable")
    assert refused.json["subCode"] == "ProbableDuplicate"
    assert Contact.objects.count() == 1


def test_what_is_said_of_a_contact_that_waits_is_erased_if_it_is_refused(make_contact, browser, anna):
    set_policy(ContactCreationKind.profiles["strict"], kind=CONTACT_CREATION)
    present = make_contact(document=RETO, members=[anna])
    form = asked(send(browser, filled(browser)))
    assert "request approval" in send(browser, form, duplicates_reason="").content.decode()
    assert send(browser, form, duplicates_reason="His cousin.").status_code == 302
    request, pair = ChangeRequest.objects.get(), Pair.objects.get()
    assert (pair.lower_id, pair.higher_id) == (present.pk, request.subject_id)
    cancel_change_request(actor=member_actor(anna), change_request_id=request.pk)
    assert erase_refused_creations() == 0
    WaitingContact.objects.update(closed_at=timezone.now() - KEPT_FOR)
    assert erase_refused_creations() == 1
    assert not Pair.objects.exists()


def test_anonymizing_either_erases_the_reason(make_contact, browser, anna):
    first = make_contact(document=RETO, members=[anna])
    send(browser, asked(send(browser, filled(browser))), duplicates_reason="His cousin.")
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[first.pk])
    assert Contact.objects.get(pk=first.pk).anonymized_at
    assert not Pair.objects.exists()
    assert len(entries()) == 2


# ---- changes


@pytest.fixture
def two(make_contact, anna):
    """Two contacts with one birth date, of whom the second has another name."""
    other = {"personalInformation": {"firstName": "Urs", "lastName": "Zgraggen", "dateOfBirth": "1980-02-09"}}
    return make_contact(document=RETO, members=[anna]), make_contact(document=other, members=[anna])


NAMES = {"details.personalInformation.firstName": "Reto", "details.personalInformation.lastName": "Naegeli"}


def edited(browser, contact, **values):
    address = f"/admin/contacts/contact/{contact.pk}/edit/"
    form = sent_by(browser.get(address).content.decode())
    return send(browser, form, address, comment="As in the passport", **values)


def test_a_change_that_makes_two_contacts_alike_is_shown_first(two, browser, anna):
    page = edited(browser, two[1], **NAMES)
    form = asked(page)
    assert f"/admin/contacts/contact/{two[0].pk}/change/" in page.content.decode()
    assert Contact.objects.get(pk=two[1].pk).version == 1
    back = sent_by(send(browser, form, page.request["PATH_INFO"], duplicates_back="yes").content.decode())
    assert back["details.personalInformation.lastName"] == "Naegeli"
    assert back["comment"] == "As in the passport"
    assert send(browser, form, page.request["PATH_INFO"], duplicates_reason="").status_code == 422
    assert send(browser, form, page.request["PATH_INFO"], duplicates_reason="His cousin.").status_code == 302
    # A last name needs approval: what was said is remembered with the submission.
    assert ChangeRequest.objects.get().initiator_comment == "As in the passport"
    assert Pair.objects.get().reason == "His cousin."


def test_a_change_that_makes_nobody_more_alike_asks_nothing(two, browser):
    first, second = two
    assert edited(browser, first, **{"details.personalInformation.maritalStatus": "married"}).status_code == 302
    assert edited(browser, second, **{"details.contactInformation.email": "urs@example.ch"}).status_code == 302
    assert not Pair.objects.exists()


def test_who_was_told_apart_is_not_shown_again_before_the_two_are_more_alike(two, browser, api_of, anna):
    first, second = two
    known = {"personalInformation": {"firstName": "Reto", "lastName": "Naegeli"}}
    distinguish(actor=member_actor(anna), pairs={(second.pk, first.pk): 0.75}, reason="His cousin.")
    path = "/v1.0/contacts/duplicates/search"
    for details, shown in ((known, []), (known | RETO, [first.pk])):
        found = api_of(anna).post(path, {"details": details, "contactId": second.pk}).json["candidates"]
        assert [one["contact"]["id"] for one in found] == shown
