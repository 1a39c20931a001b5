"""Reviewing in a browser, from the queue to the decision: by mouse, by keyboard and on a phone."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts.actor import member_actor, system_actor
from accounts.models import Member, User
from changerequests.models import ChangeRequest, Proposal, Status
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.browser.browsing import in_both_schemes, scrolls_sideways
from tests.fixtures import details, without_triggers

QUEUE = "/admin/changerequests/changerequest/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def axe(strict_axe: Callable[..., None]) -> Callable[..., None]:
    return strict_axe


@pytest.fixture
def anna(make_member: Callable[..., Member]) -> Member:
    """A member who submits changes."""
    return make_member("anna", permissions=["view_contact", "view_changerequest"])


@pytest.fixture
def rita(make_member: Callable[..., Member]) -> Member:
    """A reviewer who sees all contacts."""
    return make_member("rita", reviews=True, permissions=["view_contact", "view_member"], sees_all_contacts=True)


@pytest.fixture
def ask(anna: Member, make_contact: Callable[..., Contact]) -> Callable[..., ChangeRequest]:
    def make(last_name: str, patch: dict[str, Any] | None = None, **document: Any) -> ChangeRequest:
        """Submit a change of a new contact as Anna, by default of its last name."""
        named = {"lastName": last_name, "displayName": last_name}
        contact = make_contact(details(personalInformation=named, **document), members=[anna])
        asked = {"personalInformation": {"lastName": "Heusser"}} if patch is None else patch
        submission = patch_details(
            actor=member_actor(anna), contact_id=contact.pk, patch=asked, comment="As on the passport"
        )
        assert submission.change_request is not None
        return submission.change_request

    return make


@pytest.fixture
def three(ask: Callable[..., ChangeRequest]) -> tuple[ChangeRequest, ...]:
    return ask("Adler"), ask("Brunner"), ask("Caflisch")


def status_of(request: ChangeRequest) -> Status:
    request.refresh_from_db()
    return Status(request.status)


def shows(page: Page, request: ChangeRequest) -> None:
    expect(page).to_have_url(re.compile(rf"/changerequest/{request.pk}/change/"))


def look(page: Page) -> None:
    """Wait until the page has been open for so long that it takes a decision."""
    expect(page.locator("form[data-look-first] [type=submit][aria-disabled]")).to_have_count(0)


# ---- with the mouse


def test_the_whole_review_with_the_mouse(
    page: Page, sign_in: Callable[..., None], rita: Member, three: tuple[ChangeRequest, ...], axe: Callable[..., None]
) -> None:
    _first, second, third = three
    sign_in(page, rita)
    page.goto(QUEUE)
    axe(page)
    page.get_by_role("link", name=re.compile("Adler")).click()
    expect(page.get_by_role("heading", name="Adler")).to_be_visible()
    expect(page.get_by_text("As on the passport")).to_be_visible()
    axe(page)
    page.get_by_label("Comment", exact=True).fill("Seen the passport")
    look(page)
    page.get_by_role("button", name="Approve").click()
    shows(page, second)
    look(page)
    expect(page.get_by_text("was approved, and the changes are made")).to_be_visible()

    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert")).to_have_text("Say why you reject it: the initiator will want to know.")
    expect(page.get_by_label("Comment", exact=True)).to_be_focused()
    axe(page)
    page.get_by_label("Comment", exact=True).fill("No passport")
    look(page)
    page.get_by_role("button", name="Reject").click()
    shows(page, third)

    page.get_by_role("link", name="Queue", exact=True).click()
    expect(page.locator("#result_list tbody")).to_have_count(1)
    assert [status_of(request) for request in three] == [Status.APPROVED, Status.REJECTED, Status.PENDING]
    assert [request.review_comment for request in three] == ["Seen the passport", "No passport", None]


def test_several_at_once_with_the_mouse(
    page: Page, sign_in: Callable[..., None], rita: Member, three: tuple[ChangeRequest, ...], axe: Callable[..., None]
) -> None:
    sign_in(page, rita)
    page.goto(QUEUE)
    for number in (0, 2):
        page.locator("input.action-select").nth(number).check()
    page.locator("select[name=action]").select_option("reject_selected")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("button", name="Reject 2 requests")).to_be_visible()
    axe(page)
    look(page)
    page.get_by_role("button", name="Reject 2 requests").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why you reject it")
    page.get_by_label("Comment", exact=True).fill("No passports")
    look(page)
    page.get_by_role("button", name="Reject 2 requests").click()
    expect(page.get_by_role("row", name=re.compile("Rejected"))).to_have_count(2)
    axe(page)
    page.get_by_role("link", name="Back to the queue").click()
    expect(page.locator("#result_list tbody")).to_have_count(1)
    assert [status_of(request) for request in three] == [Status.REJECTED, Status.PENDING, Status.REJECTED]


def test_filters_of_the_queue_are_kept_on_the_way_through_it(
    page: Page, sign_in: Callable[..., None], rita: Member, ask: Callable[..., ChangeRequest], axe: Callable[..., None]
) -> None:
    born = {"personalInformation": {"dateOfBirth": "1968-01-02"}}
    first, _other, last = ask("Adler", born), ask("Brunner"), ask("Caflisch", born)
    sign_in(page, rita)
    page.goto(QUEUE)
    page.get_by_role("button", name="Filters", exact=True).click()
    page.locator("select[name=field]").select_option(label="Personal information › Date of birth")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.locator("#result_list tbody")).to_have_count(2)
    axe(page)
    page.get_by_role("link", name=re.compile("Adler")).click()
    shows(page, first)
    page.get_by_role("link", name="Next in queue").click()
    shows(page, last)
    expect(page.get_by_role("link", name="Next in queue")).to_have_count(0)
    page.get_by_role("link", name="Queue", exact=True).click()
    expect(page.locator("#result_list tbody")).to_have_count(2)


# ---- with the keyboard


def test_the_whole_review_with_the_keyboard(
    page: Page, sign_in: Callable[..., None], rita: Member, three: tuple[ChangeRequest, ...], axe: Callable[..., None]
) -> None:
    first, second, third = three
    sign_in(page, rita)
    page.goto(f"{QUEUE}{first.pk}/change/")
    for key, request in (("j", second), ("j", third), ("j", third), ("k", second), ("k", first), ("k", first)):
        page.keyboard.press(key)
        shows(page, request)

    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    axe(page)
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    shows(page, first)

    look(page)
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Press Enter to approve.")).to_be_visible()
    assert status_of(first) == Status.PENDING
    page.keyboard.press("Enter")
    shows(page, second)

    look(page)
    page.keyboard.press("r")
    expect(page.get_by_label("Comment", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Say why you reject it")
    expect(page.get_by_label("Comment", exact=True)).to_be_focused()
    page.keyboard.type("a just reason? k, r")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("and j")
    look(page)
    page.keyboard.press("Control+Enter")
    shows(page, third)

    look(page)
    page.keyboard.press("a")
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile(rf"{QUEUE}$"))
    expect(page.get_by_text("Nothing else in this queue is pending for you.")).to_be_visible()
    assert [status_of(request) for request in three] == [Status.APPROVED, Status.REJECTED, Status.APPROVED]
    assert second.review_comment is not None
    assert second.review_comment.splitlines() == ["a just reason? k, r", "and j"]


def test_keys_do_nothing_with_a_modifier_nor_once_they_are_switched_off(
    page: Page, sign_in: Callable[..., None], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    sign_in(page, rita)
    page.goto(f"{QUEUE}{three[0].pk}/change/")
    for key in ("Alt+j", "Control+j", "Meta+j"):
        page.keyboard.press(key)
    shows(page, three[0])
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Use these keys in this browser").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Approve")).not_to_be_focused()
    shows(page, three[0])
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Use these keys in this browser").check()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    shows(page, three[1])


def test_a_part_is_approved_with_the_keyboard_and_no_key_decides_the_opposite(
    page: Page,
    sign_in: Callable[..., None],
    rita: Member,
    ask: Callable[..., ChangeRequest],
    axe: Callable[..., None],
) -> None:
    request = ask("Adler", {"personalInformation": {"firstName": "Hanna", "lastName": "Heusser"}})
    sign_in(page, rita)
    page.goto(f"{QUEUE}{request.pk}/change/")
    look(page)
    box = page.get_by_role("checkbox", name="Approve Last name")
    box.focus()
    page.keyboard.press("Space")
    expect(box).not_to_be_checked()
    expect(page.get_by_role("button", name="Approve 1 of 2")).to_be_visible()
    axe(page)
    page.keyboard.press("Enter")
    page.keyboard.press("r")
    page.keyboard.type("No certificate")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Approve 1 of 2")).to_be_focused()
    assert status_of(request) == Status.PENDING
    page.keyboard.press("Enter")
    expect(page.get_by_text("was approved in part")).to_be_visible()
    contact = Contact.objects.get(pk=request.subject_id)
    assert contact.details["personalInformation"]["firstName"] == "Hanna"
    assert contact.details["personalInformation"]["lastName"] == "Adler"


# ---- what is decided is what was seen


@pytest.mark.parametrize("milliseconds", [100, 200, 300, 400, 500])
def test_a_double_click_on_approve_decides_one_request(
    page: Page,
    sign_in: Callable[..., None],
    rita: Member,
    three: tuple[ChangeRequest, ...],
    milliseconds: int,
) -> None:
    first, second, _third = three
    sign_in(page, rita)
    page.goto(f"{QUEUE}{first.pk}/change/")
    look(page)
    box = page.get_by_role("button", name="Approve").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(*middle)
    page.wait_for_timeout(milliseconds)
    page.mouse.click(*middle)
    shows(page, second)
    look(page)
    assert [status_of(request) for request in three] == [Status.APPROVED, Status.PENDING, Status.PENDING]


def test_the_review_works_without_javascript(
    open_page: Callable[..., Page], sign_in: Callable[..., None], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, rita)
    page.goto(QUEUE)
    page.get_by_role("link", name=re.compile("Adler")).click()
    expect(page.locator("noscript p")).to_be_visible()
    page.wait_for_timeout(1_000)
    page.get_by_role("button", name="Approve").click()
    shows(page, three[1])
    assert status_of(three[0]) == Status.APPROVED


def test_the_conversation_keeps_what_is_typed_for_the_decision_without_javascript(
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    rita: Member,
    three: tuple[ChangeRequest, ...],
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in(page, rita)
    page.goto(f"{QUEUE}{three[0].pk}/change/")
    page.get_by_label("Comment", exact=True).fill("Seen the passport")
    page.get_by_label("Your comment").fill("Where is the passport?")
    page.get_by_role("button", name="Add the comment").click()
    expect(page.get_by_role("region", name="Conversation")).to_contain_text("Where is the passport?")
    expect(page.get_by_label("Comment", exact=True)).to_have_value("Seen the passport")
    expect(page.get_by_label("Your comment")).to_have_value("")
    nonsense = {"name": "passport.pdf", "mimeType": "application/pdf", "buffer": b"PK\x03\x04"}
    page.get_by_label("A file as evidence").set_input_files([nonsense])
    page.get_by_role("button", name="Attach the file").click()
    expect(page.get_by_role("alert").filter(has_text="ZIP is not supported")).to_be_visible()
    expect(page.get_by_label("Comment", exact=True)).to_have_value("Seen the passport")
    assert status_of(three[0]) == Status.PENDING


def test_no_key_after_a_reason_approves(
    page: Page, sign_in: Callable[..., None], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    sign_in(page, rita)
    page.goto(f"{QUEUE}{three[0].pk}/change/")
    look(page)
    page.keyboard.press("r")
    page.keyboard.type("No passport")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Reject")).to_be_focused()
    page.keyboard.press("Enter")
    shows(page, three[1])
    assert status_of(three[0]) == Status.REJECTED


LOOK_ALIKES = {
    "zero width space": "Mül\u200bler",
    "soft hyphen": "Mül\u00adler",
    "word joiner": "Müller\u2060",
    "right-to-left override": "Mü\u202eller",
    "no-break space at the end": "Müller\u00a0",
    "space at the end": "Müller ",
    "Hangul filler": "Müller\u3164",
    "Cyrillic ie": "Müll\u0435r",
    "decomposed umlaut": "Mu\u0308ller",
}


def propose(request: ChangeRequest, last_name: str) -> None:
    """Let the request ask for a name that was taken before texts had one form."""
    with without_triggers():
        Proposal.objects.filter(revision__request=request).update(
            changes=[
                {
                    "path": "personalInformation.lastName",
                    "original": "Müller",
                    "target": last_name,
                    "isApprovalRequired": True,
                }
            ]
        )


def test_what_looks_the_same_is_marked(
    page: Page,
    sign_in: Callable[..., None],
    rita: Member,
    ask: Callable[..., ChangeRequest],
    axe: Callable[..., None],
) -> None:
    sign_in(page, rita)
    for name, text in LOOK_ALIKES.items():
        request = ask("Müller")
        propose(request, text)
        page.goto(f"{QUEUE}{request.pk}/change/")
        notice = page.locator("#review .k-notice").filter(has_text="Looks like the value before")
        expect(notice, name).to_be_visible()
        expect(notice, name).to_contain_text("U+")
    axe(page)


# ---- what is not for this reviewer


def test_a_request_of_ones_own_cannot_be_decided_by_keys_nor_by_a_forged_form(
    page: Page, sign_in: Callable[..., None], anna: Member, three: tuple[ChangeRequest, ...], complaints: Any
) -> None:
    User.objects.filter(pk=anna.user_id).update(is_superuser=True)
    own = three[0]
    sign_in(page, anna)
    page.goto(f"{QUEUE}{own.pk}/change/")
    expect(page.get_by_text("You requested this change yourself")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    for key in ("a", "a", "r", "Enter"):
        page.keyboard.press(key)
    assert status_of(own) == Status.PENDING
    complaints.expect("status of 403")
    look(page)
    with page.expect_navigation():
        page.evaluate(
            """() => {
                const form = document.querySelector("form.k-decision");
                const forged = form.querySelector("[name=decision]");
                forged.value = "approve";
                forged.click();
            }"""
        )
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has to review it")
    assert status_of(own) == Status.PENDING


def test_what_somebody_else_decided_meanwhile_is_told_and_leads_on(
    page: Page,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    rita: Member,
    make_member: Callable[..., Member],
    three: tuple[ChangeRequest, ...],
    complaints: Any,
) -> None:
    other = open_page()
    sign_in(page, rita)
    sign_in(other, make_member("other", reviews=True, sees_all_contacts=True))
    address = f"{QUEUE}{three[0].pk}/change/"
    page.goto(address)
    other.goto(address)
    look(other)
    other.get_by_role("button", name="Approve").click()
    shows(other, three[1])
    complaints.expect("status of 422")
    look(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_contain_text("no longer pending")
    expect(page.get_by_role("region", name="Decision")).to_contain_text("Approved by Other Tester")
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    page.keyboard.press("j")
    shows(page, three[1])


# ---- elsewhere than at a desk in daylight


@pytest.fixture
def rich(ask: Callable[..., ChangeRequest]) -> ChangeRequest:
    """A request with values that are hard to display, outdated in one field."""
    notes = "Met at the branch in Chur. Prefers letters, and is to be called in the morning, before ten o'clock only."
    home = {"type": "domicile", "street": "Bundesplatz", "city": "Bern", "postalCode": "3011", "country": "CH"}
    patch = {
        "personalInformation": {"lastName": "Heusser", "nationalities": ["CH", "IT"], "dateOfBirth": "1968-01-02"},
        "contactInformation": {
            "addresses": [{**home, "city": "Chur", "state": "CH-GR"}, {**home, "type": "correspondence"}]
        },
        "relationship": {"notes": notes.replace("letters", "emails")},
    }
    request = ask("Spyri", patch, contactInformation={"addresses": [home]}, relationship={"notes": notes})
    overtaking = {"personalInformation": {"dateOfBirth": "1967-06-13"}}
    patch_details(actor=system_actor("tests"), contact_id=request.subject_id, patch=overtaking)
    return request


@pytest.mark.parametrize("width", [390, 1280, 1600])
def test_the_review_is_readable_at_any_width_by_day_and_by_night(
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    rita: Member,
    rich: ChangeRequest,
    axe: Callable[..., None],
    width: int,
) -> None:
    page = open_page(viewport={"width": width, "height": 844})
    sign_in(page, rita)
    for address in (QUEUE, f"{QUEUE}{rich.pk}/change/"):
        page.goto(address)
        for scheme in in_both_schemes(page):
            assert not scrolls_sideways(page), (address, scheme)
            axe(page)
    shown = page.locator("#review")
    expect(shown.get_by_text("At the time of the request")).to_be_visible()
    expect(shown.get_by_text("Graubünden")).to_be_visible()
    expect(shown.locator("p.k-text ins", has_text="emails")).to_be_visible()
    assert "{" not in shown.inner_text()


def test_a_decision_on_a_phone(
    phone_page: Page, sign_in: Callable[..., None], rita: Member, three: tuple[ChangeRequest, ...]
) -> None:
    sign_in(phone_page, rita)
    phone_page.goto(QUEUE)
    phone_page.get_by_role("link", name=re.compile("Adler")).tap()
    phone_page.get_by_label("Comment", exact=True).fill("No passport")
    look(phone_page)
    phone_page.get_by_role("button", name="Reject").tap()
    shows(phone_page, three[1])
    assert status_of(three[0]) == Status.REJECTED
