"""The pages that merge contacts and undo that, and what reviewers are shown."""

import pytest

from accounts.actor import system_actor
from changerequests.models import ChangeRequest
from contacts.models import Contact, ContactAssignment
from contacts.services.changes import patch_details
from merging.services.merging import merge_contacts
from tests.browserless import sent_by
from tests.changerequests.reviewing import text_of
from tests.merging.conftest import MERGERS, everything

SYSTEM = system_actor("tests")

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def page_of(contact, name="change", other=None):
    query = "" if other is None else f"?with={other.pk}"
    return f"/admin/contacts/contact/{contact.pk}/{name}/{query}"


def review_of(request):
    return f"/admin/changerequests/changerequest/{request.pk}/change/"


def shown(browser, address):
    return text_of(browser.get(address, follow=True))


def send(browser, address, **typed):
    """Send the form of a page as it is shown, with other values."""
    form = sent_by(browser.get(address).content.decode()).copy()
    for name, value in typed.items():
        form[name] = value
    return browser.post(address, form, follow=True)


def test_nobody_opens_the_pages_without_the_right_or_without_seeing_both(admin_of, make_member, make_contact, pair):
    lacks = admin_of(make_member(permissions=["view_contact", "change_contact_details"], sees_all_contacts=True))
    assert lacks.get(page_of(pair[0], "merge", pair[1])).status_code == 403
    assert lacks.get(page_of(pair[0], "unmerge", pair[1])).status_code == 403
    assert "Merge" not in shown(lacks, page_of(pair[0]))
    member = make_member(permissions=MERGERS)
    ContactAssignment.objects.create(contact=pair[0], member=member)
    browser = admin_of(member)
    for address in (
        page_of(pair[0], "merge", pair[1]),
        page_of(pair[1], "merge"),
        page_of(pair[0], "unmerge", pair[1]),
    ):
        assert browser.get(address).status_code == 404
        assert browser.post(address, {}).status_code == 404
    assert not ChangeRequest.objects.exists()


def test_a_merge_is_asked_for_side_by_side_and_reviewed_with_both(admin_of, anna, rita, pair):
    survivor, loser = pair
    browser = admin_of(anna)
    found = browser.get(f"{page_of(survivor, 'merge')}?q=Heusser").content.decode()
    assert f'href="?with={loser.pk}"' in found
    page = browser.get(page_of(survivor, "merge", loser)).content.decode()
    assert "<script>" not in page
    assert "Spyri-Heusser" in page
    answer = send(
        browser,
        page_of(survivor, "merge", loser),
        **{
            "choice:personalInformation.lastName": "loser",
            "choice:personalInformation.nationalities": "both",
            "comment": "One person",
        },
    )
    request = ChangeRequest.objects.get()
    assert f"change request #{request.pk} is pending approval" in text_of(answer)
    assert "Merge of contacts: A change requested by Anna Tester is pending review" in shown(browser, page_of(loser))
    review = shown(admin_of(rita), review_of(request))
    for text in ("One person", "heusser@example.com", "johanna@example.com", "Spyri-Heusser", "Germany", "S-1", "L-1"):
        assert text in review
    admin_of(rita).post(review_of(request), {"decision": "approve", "comment": ""})
    assert everything(loser)["mergedInto"] == survivor.pk
    personal = everything(survivor)["details"]["personalInformation"]
    assert (personal["lastName"], personal["nationalities"]) == ("Spyri-Heusser", ["CH", "DE"])
    assert "Spyri-Heusser" in shown(admin_of(rita), review_of(request))


def test_what_somebody_else_changed_meanwhile_is_looked_at_again(admin_of, anna, pair):
    survivor, loser = pair
    browser = admin_of(anna)
    form = sent_by(browser.get(page_of(survivor, "merge", loser)).content.decode())
    patch_details(actor=SYSTEM, contact_id=loser.pk, patch={"personalInformation": {"firstName": "Other"}})
    answer = browser.post(page_of(survivor, "merge", loser), form)
    assert (answer.status_code, "has changed since you looked at it" in text_of(answer)) == (412, True)
    assert not ChangeRequest.objects.exists()
    assert send(browser, page_of(survivor, "merge", loser)).status_code == 200
    assert ChangeRequest.objects.exists()


def test_the_pages_of_a_merged_contact_lead_to_the_survivor(admin_of, anna, make_member, pair):
    survivor, loser = pair
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    browser = admin_of(anna)
    for name in ("change", "edit", "changes", "requests", "connections", "channels", "picture", "merge"):
        answer = browser.get(page_of(loser, name))
        assert (answer.status_code, answer["Location"]) == (302, page_of(survivor, name))
        assert f"Contact #{loser.pk} was merged into this one." in shown(browser, answer["Location"])
    assert browser.get("/admin/contacts/contact/").content.decode().count("Johanna Spyri") == 1
    stranger = admin_of(make_member(permissions=MERGERS))
    assert stranger.get(page_of(loser)).status_code == 404
    assert stranger.get(page_of(loser, "changes")).status_code == 404


def test_the_history_of_both_is_one_timeline(admin_of, anna, pair, count_queries):
    survivor, loser = pair
    patch_details(actor=SYSTEM, contact_id=loser.pk, patch={"personalInformation": {"firstName": "Hanna"}})
    browser = admin_of(anna)
    assert "Hanna" not in shown(browser, page_of(survivor, "changes"))
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    with count_queries() as queries:
        text = shown(browser, page_of(survivor, "changes"))
    assert len(queries) <= 16
    assert f"Merged into this contact: #{loser.pk}" in text
    assert f"contact #{loser.pk}" in text
    assert text.index("Merged into") < text.index("Hanna") < text.index("The contact was created.")


def test_a_merge_is_undone_by_two(admin_of, anna, rita, pair):
    survivor, loser = pair
    before = everything(survivor), everything(loser)
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk, details=loser.details)
    patch_details(actor=SYSTEM, contact_id=survivor.pk, patch={"personalInformation": {"lastName": "Later"}})
    browser = admin_of(anna)
    address = page_of(survivor, "unmerge", loser)
    assert address.removeprefix("/admin") in browser.get(page_of(survivor)).content.decode()
    page = shown(browser, address)
    assert "Changed after the merge where the merge had changed something" in page
    assert "Before the merge Spyri Stays Later" in page
    send(browser, address)
    request = ChangeRequest.objects.get()
    assert everything(loser)["mergedInto"] == survivor.pk
    assert "Before the merge Spyri Stays Later" in shown(admin_of(rita), review_of(request))
    admin_of(rita).post(review_of(request), {"decision": "approve", "comment": ""})
    assert everything(loser) == before[1]
    personal = {**before[0]["details"]["personalInformation"], "lastName": "Later"}
    assert everything(survivor) == {**before[0], "details": {**before[0]["details"], "personalInformation": personal}}
    assert f"No longer merged into this contact: #{loser.pk}" in shown(browser, page_of(survivor, "changes"))
    assert browser.get(page_of(loser)).status_code == 200
    assert "The contact is not merged into this one." in shown(browser, address)
    assert Contact.objects.filter(merged_into__isnull=False).count() == 0
