"""A contact's admin pages: history, requests, groups, connections, channels, picture, anonymization."""

import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import Verdict
from changerequests.services.deciding import decide
from contactgroups.services import Membership, create_group
from contacts.models import ANONYMIZATION, CONTACT_DETAILS, Channel, Contact, ExternalConnection, ProfilePicture
from contacts.services.changes import patch_details
from schemas.models import ListItem
from tests.changerequests.engine import approve_all
from tests.changerequests.policies import policy, set_policy
from tests.fixtures import details, without_triggers

LIST = "/admin/contacts/contact/"
PAGES = ["change", "changes", "requests", "groups", "connections", "channels", "picture", "picture/image"]
ACTIONS = {
    "connections/add": {"system": "CRM", "external_id": "CRM-7"},
    "channels/act": {"kind": "Email", "action": "discontinue"},
    "picture/change": {"remove": "1"},
    "anonymize": {"confirmation": "Johanna Spyri"},
}
EVERYTHING = ["view_contact", "change_contact_details", "anonymize_contact", "view_contactgroup", "view_changerequest"]

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def address(contact, page):
    return f"{LIST}{contact.pk}/{page}/"


def text_of(response):
    """The page without its tags, with every run of white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=EVERYTHING)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(details(contactInformation={"email": "old@example.com"}), members=[anna])


@pytest.fixture
def pending(contact):
    """The contact with a new email that waits."""
    robot = system_actor("core-banking")
    patch_details(actor=robot, contact_id=contact.pk, patch={"contactInformation": {"email": "new@example.com"}})
    return contact


@pytest.fixture
def browser(admin_of, anna):
    return admin_of(anna)


@pytest.fixture
def reader(admin_of, make_member):
    """Looks at everything and changes nothing."""
    return admin_of(make_member("reader", permissions=["view_contact"], sees_all_contacts=True))


# ---- who may


@pytest.mark.parametrize("page", PAGES)
def test_pages_are_for_those_who_may_look_and_see_the_contact(page, admin_of, make_member, browser, contact):
    stranger = make_member("stranger", permissions=["view_member"], sees_all_contacts=True)
    elsewhere = make_member("elsewhere", permissions=EVERYTHING)
    assert admin_of(stranger).get(address(contact, page)).status_code == 403
    assert admin_of(elsewhere).get(address(contact, page)).status_code == 404
    assert browser.get(address(contact, page)).status_code == 200


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_are_denied_without_their_permission_and_beyond_sight(action, admin_of, make_member, reader, pending):
    elsewhere = admin_of(make_member("elsewhere", permissions=EVERYTHING))
    assert reader.post(address(pending, action), ACTIONS[action]).status_code == 403
    assert elsewhere.post(address(pending, action), ACTIONS[action]).status_code == 404
    assert Channel.objects.get(contact=pending).pending_value == "new@example.com"
    assert not ExternalConnection.objects.exists()
    assert Contact.objects.get(pk=pending.pk).anonymized_at is None


@pytest.mark.parametrize("action", ["connections/add", "channels/act", "picture/change"])
def test_actions_are_not_taken_from_an_address(action, browser, pending):
    assert browser.get(address(pending, action), ACTIONS[action]).status_code == 405


def test_forms_are_shown_to_those_who_may_use_them(browser, reader, pending):
    for page, action in [
        ("connections", "connections/add"),
        ("channels", "channels/act"),
        ("picture", "picture/change"),
    ]:
        assert address(pending, action) in browser.get(address(pending, page)).content.decode()
        assert address(pending, action) not in reader.get(address(pending, page)).content.decode()
    assert address(pending, "anonymize") in browser.get(address(pending, "change")).content.decode()
    assert address(pending, "anonymize") not in reader.get(address(pending, "change")).content.decode()


def test_groups_are_for_those_who_may_look_at_groups(reader, contact):
    assert reader.get(address(contact, "groups")).status_code == 403
    assert address(contact, "groups") not in reader.get(address(contact, "change")).content.decode()


def test_each_page_marks_its_tab(browser, contact):
    for page in PAGES[:-1]:
        shown = browser.get(address(contact, page)).content.decode()
        assert f'<a href="{address(contact, page)}" aria-current="page">' in shown


# ---- what has happened


def test_the_history_is_readable_and_narrowed_by_field(browser, contact):
    robot = system_actor("core-banking")
    patch_details(actor=robot, contact_id=contact.pk, patch={"personalInformation": {"nationalities": ["FR"]}})
    patch_details(actor=robot, contact_id=contact.pk, patch={"occupation": {"employer": "Spyri AG"}}, comment="Hello")
    page = browser.get(address(contact, "changes"))
    assert len(page.context["history"]) == 3
    assert "Added: France" in text_of(page)
    assert "Hello" in text_of(page)
    narrowed = browser.get(address(contact, "changes"), {"field": "occupation.employer"})
    assert [made.comment for made, _changes in narrowed.context["history"]] == ["Hello"]
    assert '<option value="occupation.employer" selected>Occupation › Employer</option>' in narrowed.content.decode()
    none = browser.get(address(contact, "changes"), {"field": "relationship.notes"})
    assert "This field has not changed." in text_of(none)
    assert len(browser.get(address(contact, "changes"), {"field": "nonsense"}).context["history"]) == 3


def test_the_history_has_pages_that_keep_the_field(browser, contact):
    rows = [
        Entry(
            kind=CONTACT_DETAILS,
            subject_id=contact.pk,
            sequence=number,
            initiator_system="tests",
            changes=[{"path": "occupation.employer", "original": None, "target": str(number)}],
            paths=["occupation", "occupation.employer"],
        )
        for number in range(2, 43)
    ]
    with without_triggers():
        Entry.objects.bulk_create(rows)
    first = browser.get(address(contact, "changes"), {"field": "occupation.employer"})
    assert len(first.context["history"]) == 20
    assert 'href="?field=occupation.employer&page=2"' in first.content.decode().replace("&amp;", "&")
    last = browser.get(address(contact, "changes"), {"field": "occupation.employer", "page": "3"})
    assert [made.sequence for made, _changes in last.context["history"]] == [2]
    assert browser.get(address(contact, "changes"), {"page": "99"}).status_code == 200


def test_change_requests_name_their_fields_and_people_and_lead_on_for_those_who_may(
    browser, reader, contact, anna, make_member
):
    rita = make_member("rita", reviews=True, sees_all_contacts=True)
    asked = patch_details(
        actor=member_actor(anna), contact_id=contact.pk, patch={"personalInformation": {"lastName": "Heusser"}}
    ).change_request
    decide(actor=member_actor(rita), change_request_id=asked.pk, verdict=Verdict.REJECT, comment="No")
    page = browser.get(address(contact, "requests"))
    assert f"#{asked.pk} Contact details Rejected Last name Anna Tester" in text_of(page)
    assert "Rita Tester" in text_of(page)
    link = f"/admin/changerequests/changerequest/{asked.pk}/change/"
    assert link in page.content.decode()
    assert link not in reader.get(address(contact, "requests")).content.decode()


# ---- what it is connected with


def test_groups_show_the_policy_and_those_whom_the_member_sees(browser, contact, anna, make_contact):
    policies = ListItem.objects.filter(list__key="access-policy").order_by("pk")
    seen = make_contact(details(personalInformation={"displayName": "Peter Alp"}), members=[anna])
    unseen = make_contact(details(personalInformation={"displayName": "Hidden Person"}))
    create_group(
        actor=system_actor("tests"),
        name="Family",
        memberships=[Membership(row.pk, policies[0].pk) for row in (contact, seen, unseen)],
    )
    shown = text_of(browser.get(address(contact, "groups")))
    assert "Family" in shown
    assert str(policies[0]) in shown
    assert "Peter Alp" in shown
    assert "Hidden Person" not in shown


def test_an_external_id_is_recorded_once(browser, contact, make_contact):
    answer = browser.post(address(contact, "connections/add"), {"system": "CRM", "external_id": "CRM-7"}, follow=True)
    assert "The external id was recorded." in text_of(answer)
    assert "CRM CRM-7" in text_of(answer)
    ExternalConnection.objects.create(contact=make_contact(), system="SSO", external_id="X-1")
    answer = browser.post(address(contact, "connections/add"), {"system": "ERP", "external_id": "X-1"})
    assert answer.status_code == 422
    assert "A contact has this external id already." in text_of(answer)
    answer = browser.post(address(contact, "connections/add"), {"system": "", "external_id": ""})
    assert answer.status_code == 422
    assert ExternalConnection.objects.filter(contact=contact).count() == 1


def test_channels_show_what_waits_and_it_can_be_sent_again_or_given_up(browser, pending):
    page = browser.get(address(pending, "channels"))
    assert "Email Pending confirmation In use old@example.com New new@example.com" in text_of(page)
    act = address(pending, "channels/act")
    answer = browser.post(act, {"kind": "Email", "action": "resend"}, follow=True)
    assert "A new key can be sent in" in text_of(answer)
    Channel.objects.filter(contact=pending).update(keys_requested_at=[], is_key_due=False)
    answer = browser.post(act, {"kind": "Email", "action": "resend"}, follow=True)
    assert "A new key is on its way." in text_of(answer)
    assert Channel.objects.get(contact=pending).is_key_due
    answer = browser.post(act, {"kind": "Email", "action": "discontinue"}, follow=True)
    assert "The new address was discarded" in text_of(answer)
    assert Channel.objects.get(contact=pending).pending_value is None
    answer = browser.post(act, {"kind": "Mobile", "action": "discontinue"}, follow=True)
    assert "Nothing is pending verification on this channel." in text_of(answer)


def test_channels_say_when_a_key_goes_out_later_or_cannot_be_delivered(browser, pending):
    now = timezone.now()
    Channel.objects.filter(contact=pending).update(is_key_due=True, requested_at=now + timedelta(minutes=30))
    assert "because there were too many" in text_of(browser.get(address(pending, "channels")))
    Channel.objects.filter(contact=pending).update(is_key_due=False, requested_at=now, refused_at=now)
    page = text_of(browser.get(address(pending, "channels")))
    assert "Key could not be delivered" in page
    assert "The mail server refuses the new address." in page
    assert "is about to be sent" not in page


@pytest.mark.parametrize("sent", [{}, {"kind": "Email", "action": "verify"}, {"kind": "Fax", "action": "resend"}])
def test_what_no_channel_knows_is_a_bad_request(browser, pending, sent):
    assert browser.post(address(pending, "channels/act"), sent).status_code == 400


# ---- the picture


def picture(form="PNG"):
    content = BytesIO()
    Image.new("RGB", (800, 400), "red").save(content, form)
    return SimpleUploadedFile("me.png", content.getvalue())


def test_a_picture_is_uploaded_shown_and_removed(browser, contact):
    initials = browser.get(address(contact, "picture/image"))
    assert initials["Content-Type"] == "image/png"
    answer = browser.post(address(contact, "picture/change"), {"picture": picture()}, follow=True)
    assert "The picture was replaced." in text_of(answer)
    shown = browser.get(address(contact, "picture/image"))
    assert shown["Content-Type"] == "image/jpeg"
    assert "no-cache" in shown["Cache-Control"]
    with Image.open(BytesIO(shown.content)) as image:
        assert image.size == (512, 256)
    answer = browser.post(address(contact, "picture/change"), {"remove": "1"}, follow=True)
    assert "The picture was removed." in text_of(answer)
    assert not ProfilePicture.objects.exists()


def test_a_picture_that_cannot_be_read_is_to_be_asked_for_again(browser, contact):
    browser.post(address(contact, "picture/change"), {"picture": picture()})
    default_storage.delete(ProfilePicture.objects.get().file.name)
    browser.raise_request_exception = False
    assert browser.get(address(contact, "picture/image")).status_code == 503


def test_what_is_no_picture_is_refused(browser, contact):
    no_picture = SimpleUploadedFile("me.png", b"<svg onload='alert(1)'/>")
    answer = browser.post(address(contact, "picture/change"), {"picture": no_picture}, follow=True)
    assert "This is not a whole JPEG, PNG or WebP picture." in text_of(answer)
    too_large = SimpleUploadedFile("me.png", bytes(5 * 1024 * 1024 + 1))
    answer = browser.post(address(contact, "picture/change"), {"picture": too_large}, follow=True)
    assert "The picture is larger than" in text_of(answer)
    answer = browser.post(address(contact, "picture/change"), {}, follow=True)
    assert "Choose a file first." in text_of(answer)
    assert not ProfilePicture.objects.exists()


# ---- anonymization


def test_a_contact_is_anonymized_when_its_name_or_id_is_typed_and_another_member_approves(
    browser, contact, make_contact, make_member, anna
):
    rita = make_member("rita", reviews=True, sees_all_contacts=True)
    page = browser.get(address(contact, "anonymize"))
    assert "This cannot be undone." in text_of(page)
    assert "Language" in text_of(page)
    for typed in ("", "Johanna", str(contact.pk + 1), "yes"):
        answer = browser.post(address(contact, "anonymize"), {"confirmation": typed})
        assert answer.status_code == 422
        assert "This is neither the name nor the id of the contact." in text_of(answer)
    assert Contact.objects.get(pk=contact.pk).anonymized_at is None
    answer = browser.post(address(contact, "anonymize"), {"confirmation": " johanna  SPYRI "}, follow=True)
    assert "Nothing has changed yet" in text_of(answer)
    assert Contact.objects.get(pk=contact.pk).anonymized_at is None
    approve_all(rita)
    assert Contact.objects.get(pk=contact.pk).anonymized_at is not None
    other = make_contact(members=[anna])
    browser.post(address(other, "anonymize"), {"confirmation": str(other.pk)})
    approve_all(rita)
    assert Contact.objects.get(pk=other.pk).anonymized_at is not None
    set_policy(policy([], []), kind=ANONYMIZATION)
    third = make_contact(members=[anna])
    answer = browser.post(address(third, "anonymize"), {"confirmation": str(third.pk)}, follow=True)
    assert "The contact was anonymized." in text_of(answer)
    # Nothing is offered any more.
    shown = browser.get(address(other, "change")).content.decode()
    assert address(other, "edit") not in shown
    assert address(other, "anonymize") not in shown


# ---- budgets


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("rows", [1, 19])
def test_a_page_takes_as_many_queries_for_many_rows_as_for_few(
    page, rows, browser, contact, anna, make_contact, count_queries
):
    policy = ListItem.objects.filter(list__key="access-policy").first()
    member = member_actor(anna)
    for number in range(rows):
        create_group(
            actor=system_actor("tests"), name=f"Group {number}", memberships=[Membership(contact.pk, policy.pk)]
        )
        ExternalConnection.objects.create(contact=contact, system=f"S{number}", external_id=f"E{number}")
        patch_details(actor=member, contact_id=contact.pk, patch={"occupation": {"employer": f"Number {number}"}})
    patch_details(actor=member, contact_id=contact.pk, patch={"personalInformation": {"lastName": "Heusser"}})
    browser.get(address(contact, page))
    with count_queries() as queries:
        assert browser.get(address(contact, page)).status_code == 200
    assert len(queries) <= 13, [query["sql"][:160] for query in queries.captured_queries]
