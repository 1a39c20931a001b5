"""The review page of an import's request: its entries, found and paged, left out, and what became of them."""

import re

import pytest

from accounts.actor import member_actor
from changerequests.models import Status
from changerequests.services.applying import apply_approved_request
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.changerequests.reviewing import QUEUE, page_of, text_of
from tests.fixtures import details
from tests.importexport.importing import SYSTEM, lines, synced

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ENTRIES = 60


@pytest.fixture
def anna(make_member):
    permissions = ["add_importjob", "view_importjob", "view_changerequest"]
    return make_member("anna", permissions=permissions, sees_all_contacts=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def job(entry, anna):
    synced(lines(*(entry(f"E-{number}") for number in range(ENTRIES))))
    renamed = [
        entry(f"E-{number}", details=details(personalInformation={"lastName": f"Heusser-{number:02}"}))
        for number in range(ENTRIES)
    ]
    return synced(lines(*renamed), actor=member_actor(anna))


@pytest.fixture
def asked(job):
    return job.change_requests.get()


def shown_names(page):
    return re.findall(r"Heusser-\d\d", page.content.decode())


def entry_ids(asked):
    return list(asked.subjects.order_by("pk").values_list("pk", flat=True))


def digest_in(page):
    return re.search(r'name="digest" value="(\w+)"', page.content.decode())[1]


def test_the_entries_are_paged_with_what_each_has_and_would_get(asked, rita, admin_of):
    page = admin_of(rita).get(page_of(asked))
    text = text_of(page)
    assert f"Import (Contact details): {ENTRIES} entries" in text
    assert "Page 1 of 3" in text
    assert shown_names(page) == [f"Heusser-{number:02}" for number in range(25)]
    assert text.count("Spyri") >= 25
    page = admin_of(rita).get(page_of(asked), {"page": 3})
    assert shown_names(page) == [f"Heusser-{number:02}" for number in range(50, 60)]


def test_entries_are_found_by_id_and_by_external_id(asked, rita, admin_of):
    contact = Contact.objects.get(external_connections__external_id="E-33")
    assert shown_names(admin_of(rita).get(page_of(asked), {"term": "E-33"})) == ["Heusser-33"]
    # A number may be part of another one's username.
    assert "Heusser-33" in shown_names(admin_of(rita).get(page_of(asked), {"term": str(contact.pk)}))
    assert "No entry matches." in text_of(admin_of(rita).get(page_of(asked), {"term": "nobody"}))


def test_the_queue_finds_an_import_by_its_kind_and_by_each_of_its_contacts(asked, rita, admin_of):
    queue = admin_of(rita).get(QUEUE, {"kind": "import"})
    assert f"{ENTRIES} entries" in text_of(queue)
    assert f"{QUEUE}{asked.pk}/change/" in queue.content.decode()
    assert f"{QUEUE}{asked.pk}/change/" in admin_of(rita).get(QUEUE, {"q": "E-33"}).content.decode()
    assert f"{QUEUE}{asked.pk}/change/" not in admin_of(rita).get(QUEUE, {"kind": "contact-details"}).content.decode()


def test_what_is_left_out_goes_along_from_page_to_page_and_stays_as_it_is(asked, rita, admin_of):
    browser, ids = admin_of(rita), entry_ids(asked)
    sent = {"left_out": [ids[1]], "comment": "But for two", "page": "2", "term": ""}
    page = browser.post(page_of(asked), sent)
    asked.refresh_from_db()
    assert (page.status_code, asked.status) == (200, Status.PENDING)
    assert f'<input type="hidden" name="left_out" value="{ids[1]}" form="decision-form">' in page.content.decode()
    assert "1 on other pages is excluded" in text_of(page)
    assert "But for two" in page.content.decode()
    decision = {"decision": "approve", "left_out": [ids[1], ids[30]], "digest": digest_in(page), "comment": ""}
    assert browser.post(page_of(asked), decision).status_code == 302
    apply_approved_request(asked.pk)
    assert Contact.objects.filter(details__personalInformation__lastName="Spyri").count() == 2
    page = browser.get(page_of(asked))
    assert "Applied 58 Excluded 2" in text_of(page)
    assert 'name="left_out"' not in page.content.decode()
    assert shown_names(browser.get(page_of(asked), {"outcome": "excluded"})) == ["Heusser-01", "Heusser-30"]


def test_the_page_says_what_is_outdated_and_afterwards_why_it_was_not_applied(asked, rita, admin_of):
    contact = Contact.objects.get(external_connections__external_id="E-3")
    patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"personalInformation": {"lastName": "Keller"}})
    browser = admin_of(rita)
    page = browser.get(page_of(asked))
    assert text_of(page).count("Outdated") == 2  # the entry and the field
    browser.post(page_of(asked), {"decision": "approve", "digest": digest_in(page)})
    assert "Not applied yet" in text_of(browser.get(page_of(asked)))
    apply_approved_request(asked.pk)
    page = browser.get(page_of(asked), {"outcome": "outdated"})
    assert shown_names(page) == ["Heusser-03"]
    assert "The subject has changed since this was requested." in text_of(page)


def test_another_digest_decides_nothing(asked, rita, admin_of):
    answer = admin_of(rita).post(page_of(asked), {"decision": "approve", "digest": "0" * 64})
    assert answer.status_code == 412
    asked.refresh_from_db()
    assert asked.status == Status.PENDING


def test_the_initiator_sees_the_entries_and_may_only_cancel(asked, anna, admin_of):
    page = admin_of(anna).get(page_of(asked))
    assert 'name="left_out"' not in page.content.decode()
    assert 'value="approve"' not in page.content.decode()
    assert len(shown_names(page)) == 25
    assert shown_names(admin_of(anna).get(page_of(asked), {"page": "2"}))[0] == "Heusser-25"
    assert admin_of(anna).post(page_of(asked), {"decision": "approve"}).status_code == 403
    admin_of(anna).post(page_of(asked), {"decision": "cancel"})
    asked.refresh_from_db()
    assert asked.status == Status.CANCELLED


def test_it_is_not_approved_from_the_list_which_does_not_show_it(asked, rita, admin_of):
    selected = {"action": "approve_selected", "_selected_action": [asked.pk]}
    page = admin_of(rita).post(QUEUE, selected)
    assert "decide it on its own page" in text_of(page)
    assert "None of these can be decided by you." in text_of(page)


def test_the_import_leads_to_its_request(job, asked, anna, admin_of):
    browser = admin_of(anna)
    page = browser.get(f"/admin/importexport/importjob/{job.pk}/change/")
    said = f"{ENTRIES} entries have to be approved by somebody else. Contact details: change request #{asked.pk}"
    assert said in text_of(page)
    assert f'href="{QUEUE}{asked.pk}/change/"' in page.content.decode()
    assert f"{ENTRIES} pending approval" in text_of(browser.get("/admin/importexport/importjob/"))


def test_a_contact_that_waits_says_so_on_its_page(asked, rita, admin_of):
    contact = Contact.objects.get(external_connections__external_id="E-3")
    page = admin_of(rita).get(f"/admin/contacts/contact/{contact.pk}/change/")
    assert f"{QUEUE}{asked.pk}/change/" in page.content.decode()


def test_the_page_takes_as_many_queries_for_many_entries_as_for_few(entry, anna, rita, admin_of, count_queries, job):
    browser = admin_of(rita)
    few = synced(lines(*(entry(f"F-{number}") for number in range(2))))
    renamed = [entry(f"F-{n}", details=details(personalInformation={"lastName": "Alp"})) for n in range(2)]
    few = synced(lines(*renamed), actor=member_actor(anna)).change_requests.get()
    numbers = []
    for request in (few, job.change_requests.get()):
        browser.get(page_of(request))
        with count_queries() as queries:
            browser.get(page_of(request))
        numbers.append(len(queries))
    assert numbers[0] == numbers[1] <= 30
