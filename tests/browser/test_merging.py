"""Two contacts are merged and separated by two people each time."""

from playwright.sync_api import expect

from accounts.actor import system_actor
from changerequests.models import ChangeRequest
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.fixtures import details
from tests.merging.conftest import MERGERS, everything

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def test_a_merge_is_asked_for_approved_and_undone_by_two(
    open_page, sign_in, make_member, make_contact, axe, complaints
):
    survivor = make_contact(details(personalInformation={"nationalities": ["CH"]}))
    loser = make_contact(details(personalInformation={"lastName": "Heusser", "nationalities": ["DE"]}))
    before = everything(survivor), everything(loser)
    anna, rita = open_page(), open_page()
    sign_in(anna, make_member("anna", permissions=MERGERS, sees_all_contacts=True))
    sign_in(rita, make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True))

    anna.goto(f"/admin/contacts/contact/{survivor.pk}/change/")
    anna.get_by_role("link", name="Merge", exact=True).click()
    anna.get_by_label("Name, phone, email, birth date or any id of the other contact").fill("Heusser")
    anna.get_by_label("Name, phone, email, birth date or any id of the other contact").press("Enter")
    axe(anna)
    anna.locator(f'a[href="?with={loser.pk}"]').click()
    anna.locator('input[name="choice:personalInformation.nationalities"][value="both"]').check()
    anna.get_by_label("Comment").fill("One person")
    axe(anna)
    anna.set_viewport_size(PHONE)
    axe(anna)
    anna.set_viewport_size(DESKTOP)
    anna.get_by_role("button", name="Merge", exact=True).click()
    expect(anna.get_by_text("pending approval")).to_be_visible()

    approve(rita, axe)
    assert everything(loser)["mergedInto"] == survivor.pk
    assert everything(survivor)["details"]["personalInformation"]["nationalities"] == ["CH", "DE"]
    patch = {"personalInformation": {"firstName": "Hanna"}}
    patch_details(actor=system_actor("tests"), contact_id=loser.pk, patch=patch)

    anna.goto(f"/admin/contacts/contact/{loser.pk}/changes/")
    expect(anna).to_have_url(f"{anna.url.partition('/admin')[0]}/admin/contacts/contact/{survivor.pk}/changes/")
    expect(anna.get_by_text(f"Merged into this contact: #{loser.pk}")).to_be_visible()
    axe(anna)
    anna.get_by_role("link", name="Undo the merge").click()
    axe(anna)
    anna.get_by_role("button", name="Undo the merge").click()
    expect(anna.get_by_text("pending approval")).to_be_visible()

    approve(rita, axe)
    personal = {**before[0]["details"]["personalInformation"], "firstName": "Hanna"}
    assert everything(loser) == before[1]
    assert everything(survivor) == {**before[0], "details": {"personalInformation": personal}}
    assert not Contact.objects.filter(merged_into__isnull=False).exists()


def approve(page, axe):
    """Approve the latest request, once the page lets one."""
    request = ChangeRequest.objects.latest("pk")
    page.goto(f"/admin/changerequests/changerequest/{request.pk}/change/")
    axe(page)
    page.wait_for_timeout(1_100)
    page.get_by_role("button", name="Approve").first.click()
    expect(page.get_by_text("Nothing else in this queue is pending for you.")).to_be_visible()
