"""What initiators do with their own requests in the admin: change them, rebase them, ask again."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts.actor import member_actor, system_actor
from accounts.models import Member
from changerequests.models import ChangeRequest, RevisionReason, Status, Verdict
from changerequests.services.deciding import decide
from contacts.models import Contact
from contacts.services.changes import patch_details
from tests.browserless import sent_by
from tests.changerequests.reviewing import NEW_NAME, QUEUE, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def edit_page_of(contact: Contact) -> str:
    return f"/admin/contacts/contact/{contact.pk}/edit/"


def form_of(browser: Client, contact: Contact, amended: ChangeRequest) -> QueryDict:
    return sent_by(browser.get(f"{edit_page_of(contact)}?amend={amended.pk}").content.decode())


def overtake(contact: Contact, **names: str) -> None:
    patch_details(actor=system_actor("tests"), contact_id=contact.pk, patch={"personalInformation": names})


def decided(request: ChangeRequest, reviewer: Member, verdict: Verdict) -> None:
    comment = None if verdict is Verdict.APPROVE else "Not so"
    decide(actor=member_actor(reviewer), change_request_id=request.pk, verdict=verdict, comment=comment)


def targets(request: ChangeRequest) -> Mapping[str, tuple[Any, Any]]:
    """Return original and target of the current revision's changes, by path."""
    request.refresh_from_db()
    proposals = request.revisions.get(number=request.revision_number).proposals.values_list("changes", flat=True)
    return {change["path"]: (change["original"], change["target"]) for change in proposals.get()}


# ---- over the values of today


def test_nobody_but_the_initiator_rebases_a_request(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    overtake(contact, lastName="Keller")
    assert 'value="rebase"' not in admin_of(rita).get(page_of(asked)).content.decode()
    assert admin_of(rita).post(page_of(asked), {"decision": "rebase"}).status_code == 403
    assert targets(asked) == {"personalInformation.lastName": ("Spyri", "Heusser")}


def test_an_outdated_request_asks_for_the_same_over_the_values_of_today(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    overtake(contact, lastName="Keller")
    assert "The values have changed since your request: Last name" in text_of(admin_of(anna).get(page_of(asked)))
    page = admin_of(anna).post(page_of(asked), {"decision": "rebase"}, follow=True)
    assert "requests the same on the current values" in text_of(page)
    assert targets(asked) == {"personalInformation.lastName": ("Keller", "Heusser")}
    assert asked.revisions.latest("number").reason == RevisionReason.REBASED
    digest = sent_by(admin_of(rita).get(page_of(asked)).content.decode())["digest"]
    admin_of(rita).post(page_of(asked), {"decision": "approve", "digest": digest})
    asked.refresh_from_db()
    assert asked.status == Status.APPROVED


def test_a_request_whose_values_are_in_place_cannot_be_rebased(
    admin_of: Callable[..., Client], anna: Member, asked: ChangeRequest, contact: Contact
) -> None:
    overtake(contact, lastName="Heusser")
    page = admin_of(anna).post(page_of(asked), {"decision": "rebase"})
    assert page.status_code == 422
    assert "Nothing would change" in text_of(page)


# ---- once more


def test_an_open_or_approved_request_is_not_asked_for_again(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest
) -> None:
    assert admin_of(anna).post(page_of(asked), {"decision": "again"}).status_code == 422
    decided(asked, rita, Verdict.APPROVE)
    assert 'value="again"' not in admin_of(anna).get(page_of(asked)).content.decode()
    assert admin_of(anna).post(page_of(asked), {"decision": "again"}).status_code == 422
    assert ChangeRequest.objects.count() == 1


def test_nobody_but_the_initiator_asks_again(
    admin_of: Callable[..., Client], rita: Member, asked: ChangeRequest
) -> None:
    decided(asked, rita, Verdict.REJECT)
    assert 'value="again"' not in admin_of(rita).get(page_of(asked)).content.decode()
    assert admin_of(rita).post(page_of(asked), {"decision": "again"}).status_code == 403


def test_what_was_rejected_is_asked_for_again_over_the_values_of_today(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    decided(asked, rita, Verdict.REJECT)
    overtake(contact, lastName="Keller")
    page = admin_of(anna).post(page_of(asked), {"decision": "again"}, follow=True)
    assert "requests the same again" in text_of(page)
    again = ChangeRequest.objects.latest("pk")
    assert page.redirect_chain[-1][0] == page_of(again)
    assert (again.status, again.initiator_member) == (Status.PENDING, anna)
    assert targets(again) == {"personalInformation.lastName": ("Keller", "Heusser")}
    asked.refresh_from_db()
    assert asked.status == Status.REJECTED


def test_what_has_an_open_request_is_not_asked_for_again(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    decided(asked, rita, Verdict.REJECT)
    patch_details(actor=member_actor(anna), contact_id=contact.pk, patch=NEW_NAME)
    page = admin_of(anna).post(page_of(asked), {"decision": "again"})
    assert page.status_code == 422
    assert "is pending review" in text_of(page)


# ---- in the form


def test_the_form_shows_what_waits_before_it_is_filled_in(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest, contact: Contact
) -> None:
    permissions = ["view_contact", "change_contact_details"]
    colleague = make_member("colleague", permissions=permissions, sees_all_contacts=True)
    page = text_of(admin_of(colleague).get(edit_page_of(contact)))
    assert "What is pending review" in page
    assert "Added: Heusser" in page
    assert "no other change that requires approval can be requested" in page
    assert "A change of this field is pending review." in page
    assert "Amend the request" not in page


def test_the_request_of_somebody_else_is_not_amended_by_the_form(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], asked: ChangeRequest, contact: Contact
) -> None:
    permissions = ["view_contact", "change_contact_details"]
    colleague = make_member("colleague", permissions=permissions, sees_all_contacts=True)
    form = form_of(admin_of(colleague), contact, asked)
    form["amend"] = str(asked.pk)
    form["details.personalInformation.lastName"] = "Keller"
    refused = admin_of(colleague).post(edit_page_of(contact), form)
    assert refused.status_code == 422
    assert targets(asked) == {"personalInformation.lastName": ("Spyri", "Heusser")}


def test_a_returned_request_is_changed_in_the_form_and_submitted_again(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    decided(asked, rita, Verdict.RETURN)
    page = admin_of(anna).get(page_of(asked))
    assert "It was returned to you" in text_of(page)
    assert f"{edit_page_of(contact)}?amend={asked.pk}" in page.content.decode()
    form = form_of(admin_of(anna), contact, asked)
    assert form["details.personalInformation.lastName"] == "Heusser"
    form["details.personalInformation.lastName"] = "Heusser-Spyri"
    done = admin_of(anna).post(edit_page_of(contact), form, follow=True)
    assert "now contains what you entered" in text_of(done)
    assert targets(asked) == {"personalInformation.lastName": ("Spyri", "Heusser-Spyri")}
    assert asked.status == Status.PENDING
    assert f"{QUEUE}{asked.pk}/" in done.redirect_chain[-1][0]


# ---- as it is


def test_nobody_but_the_initiator_submits_a_returned_request_again(
    admin_of: Callable[..., Client], rita: Member, make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    decided(asked, rita, Verdict.RETURN)
    colleague = make_member("colleague", permissions=["view_changerequest"], sees_all_contacts=True)
    for other in (rita, colleague):
        assert 'value="resubmit"' not in admin_of(other).get(page_of(asked)).content.decode()
        assert admin_of(other).post(page_of(asked), {"decision": "resubmit"}).status_code == 403
    asked.refresh_from_db()
    assert asked.status == Status.RETURNED


def test_only_a_returned_request_is_submitted_again(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest
) -> None:
    for status in (Status.PENDING, Status.APPROVED):
        assert 'value="resubmit"' not in admin_of(anna).get(page_of(asked)).content.decode()
        assert admin_of(anna).post(page_of(asked), {"decision": "resubmit"}).status_code == 422
        asked.refresh_from_db()
        assert (asked.status, asked.revision_number) == (status, 1)
        if status == Status.PENDING:
            decided(asked, rita, Verdict.APPROVE)


def test_an_outdated_request_is_not_submitted_again_as_it_is(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    decided(asked, rita, Verdict.RETURN)
    overtake(contact, lastName="Keller")
    assert 'value="resubmit"' not in admin_of(anna).get(page_of(asked)).content.decode()
    refused = admin_of(anna).post(page_of(asked), {"decision": "resubmit"})
    assert refused.status_code == 422
    assert "Last name: The value is no longer the original one." in text_of(refused)


def test_what_lacked_a_file_only_is_submitted_again_as_it_is(
    admin_of: Callable[..., Client], anna: Member, rita: Member, asked: ChangeRequest, contact: Contact
) -> None:
    decide(actor=member_actor(rita), change_request_id=asked.pk, verdict=Verdict.RETURN, comment="Where is the scan?")
    page = admin_of(anna).get(page_of(asked))
    shown = text_of(page)
    assert shown.index("Rita Tester has returned this to you Where is the scan?") < shown.index("Requested changes")
    assert f"{edit_page_of(contact)}?amend={asked.pk}" in page.content.decode()
    again = admin_of(anna).post(page_of(asked), {"decision": "resubmit", "comment": "Attached"}, follow=True)
    assert "is pending review again" in text_of(again)
    assert "has returned this to you" not in text_of(again)
    assert targets(asked) == {"personalInformation.lastName": ("Spyri", "Heusser")}
    assert (asked.status, asked.revision_number) == (Status.PENDING, 2)
    reviewed = admin_of(rita).get(page_of(asked))
    assert "Amended by Anna Tester" in text_of(reviewed)
    assert "Attached" in text_of(reviewed)
    digest = sent_by(reviewed.content.decode())["digest"]
    admin_of(rita).post(page_of(asked), {"decision": "approve", "digest": digest})
    asked.refresh_from_db()
    assert asked.status == Status.APPROVED


def test_a_returned_request_about_an_invisible_contact_is_not_found(
    admin_of: Callable[..., Client], rita: Member, make_member: Callable[..., Member], asked: ChangeRequest
) -> None:
    decided(asked, rita, Verdict.RETURN)
    stranger = make_member("stranger", reviews=True)
    assert admin_of(stranger).post(page_of(asked), {"decision": "resubmit"}).status_code == 404
