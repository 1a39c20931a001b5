"""What initiators and others see of an open request in the form of a legal entity, and how it is changed there."""

import pytest

from accounts.actor import member_actor, system_actor
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from legalentities.services import replace_details
from tests.browserless import sent_by
from tests.changerequests.reviewing import page_of, text_of
from tests.legalentities.documents import company

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EDITOR = ["view_legalentity", "change_legalentity", "view_changerequest"]


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=EDITOR)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, sees_all_contacts=True, permissions=["view_legalentity"])


@pytest.fixture
def colleague(make_member):
    return make_member("colleague", permissions=EDITOR, sees_all_contacts=True)


@pytest.fixture
def made(make_contact, make_legal_entity, anna):
    return make_legal_entity(make_contact(members=[anna]))


@pytest.fixture
def asked(anna, made):
    actor = member_actor(anna)
    submission = replace_details(
        actor=actor, legal_entity_id=made.pk, details=company(name="Alp AG"), comment="As registered"
    )
    assert submission.change_request is not None
    return submission.change_request


def edit_page_of(legal_entity):
    return f"/admin/legalentities/legalentity/{legal_entity.pk}/edit/"


def form_of(browser, legal_entity, amended):
    return sent_by(browser.get(f"{edit_page_of(legal_entity)}?amend={amended.pk}").content.decode())


def targets(request):
    request.refresh_from_db()
    proposals = request.revisions.get(number=request.revision_number).proposals.values_list("changes", flat=True)
    return {change["path"]: change["target"] for change in proposals.get()}


def test_the_request_of_somebody_else_is_not_amended_by_the_form(admin_of, colleague, asked, made):
    form = form_of(admin_of(colleague), made, asked)
    assert form["details.name"] == company()["name"]
    form["amend"] = str(asked.pk)
    form["details.name"] = "Keller AG"
    assert admin_of(colleague).post(edit_page_of(made), form).status_code == 422
    assert targets(asked) == {"name": "Alp AG"}


def test_who_may_not_change_details_is_not_led_to_the_form(admin_of, anna, asked, made):
    anna.user.user_permissions.set(anna.user.user_permissions.exclude(codename="change_legalentity"))
    assert "?amend=" not in admin_of(anna).get(page_of(asked)).content.decode()
    assert admin_of(anna).get(f"{edit_page_of(made)}?amend={asked.pk}").status_code == 403


def test_an_invisible_one_is_not_found(admin_of, make_member, asked, made):
    stranger = make_member("stranger", permissions=EDITOR)
    assert admin_of(stranger).get(f"{edit_page_of(made)}?amend={asked.pk}").status_code == 404
    assert admin_of(stranger).post(edit_page_of(made), {"version": 1, "amend": asked.pk}).status_code == 404


def test_the_form_shows_what_waits_and_marks_its_fields(admin_of, colleague, asked, made):
    page = text_of(admin_of(colleague).get(edit_page_of(made)))
    assert "What is pending review" in page
    assert "Added: Alp AG" in page
    assert "no other change that requires approval can be requested" in page
    assert "A change of this field is pending review." in page
    assert "Amend the request" not in page


def test_a_returned_request_is_changed_in_the_form_and_submitted_again(admin_of, anna, rita, asked, made):
    decide(actor=member_actor(rita), change_request_id=asked.pk, verdict=Verdict.RETURN, comment="Which register?")
    browser = admin_of(anna)
    assert f"{edit_page_of(made)}?amend={asked.pk}" in browser.get(page_of(asked)).content.decode()
    form = form_of(browser, made, asked)
    assert (form["details.name"], form["amend"]) == ("Alp AG", str(asked.pk))
    form["details.name"], form["comment"] = "Alp Holding AG", "The one of Chur"
    done = browser.post(edit_page_of(made), form, follow=True)
    assert "now contains what you entered" in text_of(done)
    assert "The one of Chur" in text_of(done)
    assert (targets(asked), asked.status) == ({"name": "Alp Holding AG"}, Status.PENDING)
    made.refresh_from_db()
    assert (made.details, made.version) == (company(), 1)


def test_what_others_have_changed_meanwhile_is_shown_and_the_form_still_amends(admin_of, anna, asked, made):
    browser = admin_of(anna)
    form = form_of(browser, made, asked)
    phone = company(contactInformation={"phone": "+41 44 123 45 67"})
    replace_details(actor=system_actor("tests"), legal_entity_id=made.pk, details=phone)
    form["details.name"], form["comment"] = "Alp Holding AG", "Typed before"
    overtaken = browser.post(edit_page_of(made), form)
    assert overtaken.status_code == 412
    again = sent_by(overtaken.content.decode())
    assert (again["details.name"], again["comment"], again["amend"]) == (
        "Alp Holding AG",
        "Typed before",
        str(asked.pk),
    )
    assert browser.post(edit_page_of(made), again).status_code == 302
    assert targets(asked) == {"name": "Alp Holding AG"}


def test_a_comment_goes_with_a_new_request(admin_of, anna, made):
    browser = admin_of(anna)
    form = sent_by(browser.get(edit_page_of(made)).content.decode())
    form["details.name"], form["comment"] = "Alp AG", "As registered"
    browser.post(edit_page_of(made), form)
    assert ChangeRequest.objects.get().initiator_comment == "As registered"
