"""The review page in the admin: who may decide, what it shows, and the effect of decisions."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.actor import member_actor, system_actor
from accounts.models import Member, User
from changerequests.admin import look_first
from changerequests.models import ChangeRequest, Proposal, Status
from contacts.models import Contact, ContactAssignment
from contacts.services.changes import patch_details
from tests.changerequests.reviewing import NEW_NAME, QUEUE, page_of, text_of
from tests.fixtures import details, without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def last_name(contact: Contact) -> str:
    contact.refresh_from_db()
    name: str = contact.details["personalInformation"]["lastName"]
    return name


# ---- who may decide


def test_nobody_decides_a_request_of_their_own_even_with_every_right(
    admin_of: Callable[..., Client], anna: Member, asked: ChangeRequest, contact: Contact
) -> None:
    User.objects.filter(pk=anna.user_id).update(is_superuser=True)
    page = admin_of(anna).get(page_of(asked))
    assert "You requested this change yourself" in text_of(page)
    assert 'value="approve"' not in page.content.decode()
    assert 'value="reject"' not in page.content.decode()
    for decision in ("approve", "reject"):
        forged = admin_of(anna).post(page_of(asked), {"decision": decision, "comment": "Fine"})
        assert forged.status_code == 403
        assert "Somebody else has to review it" in text_of(forged)
    asked.refresh_from_db()
    assert asked.status == Status.PENDING
    assert last_name(contact) == "Spyri"


def test_a_member_without_the_permission_is_told_why_there_are_no_buttons(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest, contact: Contact
) -> None:
    looker = make_member("looker", permissions=["view_changerequest"], sees_all_contacts=True)
    page = admin_of(looker).get(page_of(asked))
    assert "lacks the permission to review" in text_of(page)
    assert 'name="decision"' not in page.content.decode()
    assert admin_of(looker).post(page_of(asked), {"decision": "approve"}).status_code == 403
    assert last_name(contact) == "Spyri"


def test_staff_without_any_permission_get_no_page(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    stranger = make_member("stranger", sees_all_contacts=True)
    assert admin_of(stranger).get(QUEUE).status_code == 403
    assert admin_of(stranger).get(page_of(asked)).status_code == 403
    assert admin_of(stranger).post(page_of(asked), {"decision": "approve"}).status_code == 403


@pytest.mark.parametrize("address", ["change/", "history/", "delete/"])
def test_a_request_about_an_invisible_contact_is_not_found_wherever_it_is_named(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest, address: str
) -> None:
    reviewer = make_member("reviewer", is_superuser=True)
    response = admin_of(reviewer).get(f"{QUEUE}{asked.pk}/{address}")
    assert response.status_code == 404
    assert admin_of(reviewer).post(f"{QUEUE}{asked.pk}/{address}", {"decision": "approve"}).status_code == 404
    asked.refresh_from_db()
    assert asked.status == Status.PENDING


@pytest.mark.parametrize("nonsense", ["0", "99999999999999999999", "abc", "%00"])
def test_a_request_that_does_not_exist_is_not_found(
    admin_of: Callable[..., Client], rita: Member, contact: Contact, nonsense: str
) -> None:
    assert admin_of(rita).get(f"{QUEUE}{nonsense}/change/").status_code == 404


def test_staff_who_are_no_member_see_nothing_and_are_told_why(asked: ChangeRequest) -> None:
    client = Client()
    user = User.objects.create_superuser("root", password="secret-for-tests")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    queue = client.get(QUEUE)
    assert "Your login belongs to no member" in text_of(queue)
    assert "Johanna Spyri" not in text_of(queue)
    assert client.get(page_of(asked)).status_code == 404
    assert client.post(page_of(asked), {"decision": "approve"}).status_code == 404


def test_requests_are_neither_added_nor_deleted(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    root = make_member("root", is_superuser=True, sees_all_contacts=True)
    assert admin_of(root).get(f"{QUEUE}add/").status_code == 403
    assert admin_of(root).post(f"{QUEUE}{asked.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ChangeRequest.objects.filter(pk=asked.pk).exists()


# ---- deciding


def test_an_approval_makes_the_change_and_the_history_shows_it(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    browser = admin_of(rita)
    decided = browser.post(page_of(asked), {"decision": "approve", "comment": "Seen the passport"}, follow=True)
    assert decided.redirect_chain == [(QUEUE, 302)]
    assert "was approved, and the changes are made" in text_of(decided)
    assert last_name(contact) == "Heusser"
    shown = text_of(browser.get(page_of(asked)))
    assert "Approved by Rita Tester" in shown
    assert "Seen the passport" in shown
    assert "Anna Tester" in shown
    history = text_of(browser.get(f"/admin/contacts/contact/{contact.pk}/changes/"))
    assert "Removed: Spyri" in history
    assert "Added: Heusser" in history


def test_a_rejection_needs_a_comment_and_keeps_it(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    browser = admin_of(rita)
    refused = browser.post(page_of(asked), {"decision": "reject", "comment": "  "})
    assert "Say why you reject it" in text_of(refused)
    asked.refresh_from_db()
    assert asked.status == Status.PENDING
    browser.post(page_of(asked), {"decision": "reject", "comment": "The passport says Spyri"})
    asked.refresh_from_db()
    assert asked.status == Status.REJECTED
    assert last_name(contact) == "Spyri"
    assert "The passport says Spyri" in text_of(browser.get(page_of(asked)))


def test_the_comment_is_not_lost_when_the_decision_fails(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    patch_details(actor=system_actor("tests"), contact_id=contact.pk, patch={"personalInformation": {"lastName": "X"}})
    failed = admin_of(rita).post(page_of(asked), {"decision": "approve", "comment": "Seen the passport"})
    assert failed.status_code == 422
    assert "Seen the passport" in failed.content.decode()
    assert "Last name: The value is no longer the original one." in text_of(failed)


def test_an_outdated_change_is_flagged_with_all_three_values_and_cannot_be_approved(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    patch_details(
        actor=system_actor("tests"), contact_id=contact.pk, patch={"personalInformation": {"lastName": "Keller"}}
    )
    page = admin_of(rita).get(page_of(asked))
    shown = text_of(page)
    assert "Outdated" in shown
    assert "Removed: Keller" in shown
    assert "At the time of the request Spyri" in shown
    assert "Added: Heusser" in shown
    assert "It can no longer be approved" in shown
    assert 'value="approve"' not in page.content.decode()
    assert 'value="reject"' in page.content.decode()


def test_the_second_of_two_reviewers_is_told_that_the_first_was_faster(
    admin_of: Callable[..., Client], rita: Member, make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    other = make_member("other", reviews=True, sees_all_contacts=True)
    admin_of(other).post(page_of(asked), {"decision": "approve"})
    late = admin_of(rita).post(page_of(asked), {"decision": "reject", "comment": "No"})
    assert late.status_code == 422
    assert "no longer pending" in text_of(late)
    assert "Approved by Other Tester" in text_of(late)
    assert 'name="decision"' not in late.content.decode()


def test_the_initiator_may_cancel_and_nobody_else(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest
) -> None:
    forged = admin_of(rita).post(page_of(asked), {"decision": "cancel"})
    assert forged.status_code == 403
    assert "Only the initiator" in text_of(forged)
    cancelled = admin_of(anna).post(page_of(asked), {"decision": "cancel"}, follow=True)
    assert "was cancelled" in text_of(cancelled)
    asked.refresh_from_db()
    assert asked.status == Status.CANCELLED


def test_after_a_decision_comes_the_next_pending_request_that_is_not_ones_own(
    admin_of: Callable[..., Client],
    rita: Member,
    make_contact: Callable[..., Contact],
    anna: Member,
    ask: Callable[..., ChangeRequest],
) -> None:
    first, second = ask(make_contact(members=[anna])), ask(make_contact(members=[anna]))
    own = patch_details(actor=member_actor(rita), contact_id=make_contact(members=[rita]).pk, patch=NEW_NAME)
    assert own.change_request is not None
    decided = admin_of(rita).post(page_of(first), {"decision": "approve"})
    assert decided.headers["Location"] == page_of(second)
    decided = admin_of(rita).post(page_of(second), {"decision": "approve"})
    assert decided.headers["Location"] == QUEUE


@pytest.mark.parametrize("form", [{}, {"decision": "publish"}, {"decision": "approve", "comment": "x" * 2001}])
def test_a_form_that_makes_no_sense_decides_nothing(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, form: dict[str, str]
) -> None:
    assert admin_of(rita).post(page_of(asked), form).status_code == 200
    asked.refresh_from_db()
    assert asked.status == Status.PENDING


def test_a_decision_without_the_csrf_token_is_refused(rita: Member, asked: ChangeRequest) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(rita.user, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(page_of(asked), {"decision": "approve"}).status_code == 403
    asked.refresh_from_db()
    assert asked.status == Status.PENDING


# ---- what is shown


def test_values_are_shown_for_people_and_fields_by_their_labels(
    admin_of: Callable[..., Client],
    rita: Member,
    anna: Member,
    make_contact: Callable[..., Contact],
    ask: Callable[..., ChangeRequest],
) -> None:
    contact = make_contact(
        details(contactInformation={"addresses": [{"type": "domicile", "city": "Bern", "country": "CH"}]}),
        members=[anna],
    )
    moved = [{"type": "domicile", "city": "Chur", "country": "CH", "state": "CH-GR"}]
    patch = {
        "personalInformation": {"dateOfBirth": "1967-06-13", "nationalities": ["CH", "IT"]},
        "contactInformation": {"addresses": moved, "isMarketingAllowed": True},
    }
    shown = text_of(admin_of(rita).get(page_of(ask(contact, patch))))
    assert "Personal information Date of birth Approval required" in shown
    assert "Added: 13 June 1967" in shown
    assert "Added: Italy" in shown
    assert "Added: Switzerland" not in shown
    assert "Removed: Bern" in shown
    assert "Added: Chur" in shown
    assert "Added: Graubünden" in shown
    assert "Added: Yes" in shown


def test_values_are_shown_in_the_language_of_the_reader(
    admin_of: Callable[..., Client], rita: Member, contact: Contact, ask: Callable[..., ChangeRequest]
) -> None:
    request = ask(contact, {"personalInformation": {"nationalities": ["IT"], "dateOfBirth": "1967-06-13"}})
    shown = text_of(admin_of(rita).get(f"{page_of(request)}?language=de"))
    assert "Personalien Staatsangehörigkeiten" in shown
    assert "Italien" in shown
    assert "13. Juni 1967" in shown


def test_what_people_wrote_is_text_and_never_markup(
    admin_of: Callable[..., Client],
    rita: Member,
    anna: Member,
    make_contact: Callable[..., Contact],
    ask: Callable[..., ChangeRequest],
) -> None:
    evil = "<script>alert('x')</script>"
    contact = make_contact(
        details(
            personalInformation={"displayName": evil, "lastName": f"a {evil}"},
            relationship={"notes": f"{evil} and a text that is long enough to be compared word by word"},
        ),
        members=[anna],
    )
    patch = {
        "personalInformation": {"lastName": f"b {evil}"},
        "contactInformation": {"addresses": [{"type": "domicile", "city": evil, "country": "CH"}]},
        "relationship": {"notes": f"{evil} and a text that is very long, to be compared word by word"},
    }
    request = ask(contact, patch, comment=evil)
    browser = admin_of(rita)
    pages = [browser.get(QUEUE), browser.get(page_of(request))]
    pages.append(browser.post(page_of(request), {"decision": "reject", "comment": evil}, follow=True))
    pages += [browser.get(page_of(request)), browser.get(f"/admin/contacts/contact/{contact.pk}/change/")]
    for page in pages:
        assert page.status_code == 200
        assert evil not in page.content.decode()
    assert "&lt;script&gt;" in pages[1].content.decode()


def test_a_path_that_the_schema_no_longer_names_is_still_shown(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    change = {"path": "old.field", "original": None, "target": {"a": [1, {"b": None}]}, "isApprovalRequired": True}
    with without_triggers():
        ChangeRequest.objects.filter(pk=asked.pk).update(paths=["old", "old.field"])
        Proposal.objects.filter(revision__request=asked).update(changes=[change])
    page = admin_of(rita).get(page_of(asked))
    assert page.status_code == 200
    assert "old.field" in text_of(page)
    assert "old.field" in text_of(admin_of(rita).get(QUEUE))


# ---- walking through the queue


@pytest.fixture
def queue(
    anna: Member, make_contact: Callable[..., Contact], ask: Callable[..., ChangeRequest]
) -> tuple[ChangeRequest, ...]:
    """Four requests, oldest first; the second changes another field."""
    first_name = {"personalInformation": {"firstName": "Hanna", "lastName": "Heusser"}}
    patches = (first_name, NEW_NAME, first_name, first_name)
    return tuple(ask(make_contact(members=[anna]), patch) for patch in patches)


def test_the_page_leads_to_the_requests_beside_it(
    admin_of: Callable[..., Client], rita: Member, queue: tuple[ChangeRequest, ...]
) -> None:
    browser = admin_of(rita)
    walked = [browser.get(page_of(request)).context for request in queue]
    assert [context["previous_address"] for context in walked] == [None, *map(page_of, queue[:-1])]
    assert [context["next_address"] for context in walked] == [*map(page_of, queue[1:]), None]


def test_the_walk_keeps_to_the_filters_and_the_order_of_the_queue(
    admin_of: Callable[..., Client], rita: Member, queue: tuple[ChangeRequest, ...]
) -> None:
    first, _other, third, fourth = queue
    kept = "?_changelist_filters=field%3DpersonalInformation.firstName%26o%3D-4"
    assert (
        f"{kept.replace('&', '&amp;')}"
        in admin_of(rita).get(f"{QUEUE}?field=personalInformation.firstName&o=-4").content.decode()
    )
    page = admin_of(rita).get(page_of(third) + kept).context
    assert (page["previous_address"], page["next_address"]) == (page_of(fourth) + kept, page_of(first) + kept)
    decided = admin_of(rita).post(page_of(third) + kept, {"decision": "approve"})
    assert decided.headers["Location"] == page_of(first) + kept
    decided = admin_of(rita).post(page_of(first) + kept, {"decision": "approve"})
    assert decided.headers["Location"] == page_of(fourth) + kept
    decided = admin_of(rita).post(page_of(fourth) + kept, {"decision": "approve"}, follow=True)
    assert decided.redirect_chain == [(f"{QUEUE}?field=personalInformation.firstName&o=-4", 302)]
    assert "Nothing else in this queue is pending for you." in text_of(decided)


@pytest.mark.parametrize("filters", ["nonsense%3D1", "created_at__gte%3Dnonsense", "o%3D99", "%00", "status%3D%00"])
def test_filters_that_make_no_sense_are_as_if_there_were_none(
    admin_of: Callable[..., Client], rita: Member, queue: tuple[ChangeRequest, ...], filters: str
) -> None:
    page = admin_of(rita).get(f"{page_of(queue[1])}?_changelist_filters={filters}")
    assert page.status_code == 200
    assert page.context["next_address"].startswith(page_of(queue[2]))


def test_a_decided_request_still_leads_on(
    admin_of: Callable[..., Client], rita: Member, queue: tuple[ChangeRequest, ...]
) -> None:
    browser = admin_of(rita)
    browser.post(page_of(queue[1]), {"decision": "approve"})
    page = browser.get(page_of(queue[1])).context
    assert (page["previous_address"], page["next_address"]) == (page_of(queue[0]), page_of(queue[2]))


def test_the_walk_leaves_out_what_the_member_does_not_see(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], queue: tuple[ChangeRequest, ...]
) -> None:
    near = make_member("near", reviews=True)
    ContactAssignment.objects.create(contact_id=queue[0].subject_id, member=near)
    ContactAssignment.objects.create(contact_id=queue[3].subject_id, member=near)
    assert admin_of(near).get(page_of(queue[0])).context["next_address"] == page_of(queue[3])


# ---- what is decided is what was seen


def test_nothing_is_decided_in_the_first_second_of_a_page(
    admin_of: Callable[..., Client],
    rita: Member,
    asked: ChangeRequest,
    contact: Contact,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = admin_of(rita).get(page_of(asked))
    sent = {"decision": "approve", "shown_at": _shown_at(page)}
    monkeypatch.setattr(look_first, "LOOK_SECONDS", 3600.0)
    refused = admin_of(rita).post(page_of(asked), {**sent, "comment": "Passport seen"})
    assert "within a second of opening the page" in text_of(refused)
    assert "Passport seen" in refused.content.decode()
    assert last_name(contact) == "Spyri"
    monkeypatch.setattr(look_first, "LOOK_SECONDS", 0.0)
    assert admin_of(rita).post(page_of(asked), sent).status_code == 302
    assert last_name(contact) == "Heusser"


def test_several_are_not_decided_in_the_first_second_of_a_page_either(
    admin_of: Callable[..., Client],
    rita: Member,
    asked: ChangeRequest,
    contact: Contact,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = {"action": "approve_selected", "_selected_action": asked.pk}
    page = admin_of(rita).post(QUEUE, chosen)
    sent = {**chosen, "confirmed": "yes", "shown_at": _shown_at(page)}
    monkeypatch.setattr(look_first, "LOOK_SECONDS", 3600.0)
    assert "within a second of opening the page" in text_of(admin_of(rita).post(QUEUE, sent))
    assert last_name(contact) == "Spyri"
    monkeypatch.setattr(look_first, "LOOK_SECONDS", 0.0)
    admin_of(rita).post(QUEUE, sent)
    assert last_name(contact) == "Heusser"


def test_a_name_that_looks_like_the_one_before_is_marked(
    admin_of: Callable[..., Client], anna: Member, rita: Member, contact: Contact
) -> None:
    patch = {"personalInformation": {"lastName": "Sp\u0443ri"}}
    asked = patch_details(actor=member_actor(anna), contact_id=contact.pk, patch=patch).change_request
    assert asked is not None
    page = text_of(admin_of(rita).get(page_of(asked)))
    assert "Looks like the value before" in page
    assert "U+0443 CYRILLIC SMALL LETTER U instead of U+0079 LATIN SMALL LETTER Y" in page


def test_the_page_says_outdated_where_the_queue_does(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    overtaking = {"personalInformation": {"lastName": "Sprecher"}}
    patch_details(actor=system_actor("tests"), contact_id=contact.pk, patch=overtaking)
    heading = text_of(admin_of(rita).get(page_of(asked))).partition("Requested changes")[0]
    assert "Outdated" in heading
    assert "Pending" not in heading


def _shown_at(page: Any) -> str:
    found = re.search(r'name="shown_at" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found[1]
