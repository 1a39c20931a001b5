"""Who sees a contact is under four eyes: its participants and the members whom it is assigned to."""

import re

import pytest
from django.contrib.admin.models import LogEntry

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import decide
from changerequests.services.withdrawing import amend_change_request
from contacts.models import CONTACT_ACCESS, Contact, ContactAssignment, ContactParticipant
from contacts.services.access import AccessChange, change_access
from contacts.services.anonymization import anonymize_contacts
from core.errors import NotFound, UnprocessableEntity
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.concurrency import while_waiting
from tests.requests import changes_of

SYSTEM = system_actor("tests")

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def page_of(contact):
    return f"/admin/contacts/contact/{contact.pk}/change/"


def review_of(request):
    return f"/admin/changerequests/changerequest/{request.pk}/change/"


@pytest.fixture
def clerk(make_member):
    permissions = ["view_contact", "change_contact", "view_member", "change_member", "view_participant"]
    return make_member("clerk", permissions=permissions, sees_all_contacts=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def anna(make_member):
    return make_member("anna")


@pytest.fixture
def geneva(make_participant):
    return make_participant("Geneva")


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


def form(contact, *, participants=(), members=(), dismissed=()):
    """The form of a contact's page that adds participants and members, and takes away the links dismissed."""
    sent = {
        "contact_participants-TOTAL_FORMS": len(participants),
        "contact_participants-INITIAL_FORMS": 0,
        "assignments-TOTAL_FORMS": len(members) + len(dismissed),
        "assignments-INITIAL_FORMS": len(dismissed),
    }
    sent |= {f"contact_participants-{number}-participant": row.pk for number, row in enumerate(participants)}
    for number, row in enumerate(dismissed):
        sent |= {f"assignments-{number}-id": row.pk, f"assignments-{number}-DELETE": "on"}
    sent |= {f"assignments-{number}-member": row.pk for number, row in enumerate(members, len(dismissed))}
    return sent


def sees(contact):
    """Return who sees a contact: its participants and members."""
    return {
        "participants": sorted(contact.participants.values_list("pk", flat=True)),
        "members": sorted(contact.members.values_list("pk", flat=True)),
    }


def approve(reviewer, request):
    return decide(actor=member_actor(reviewer), change_request_id=request.pk, verdict=Verdict.APPROVE)


# ---- the contact's page


def test_nobody_opens_a_contact_to_others_or_to_itself(admin_of, clerk, contact, geneva, anna):
    before = sees(contact)
    shown = admin_of(clerk).post(page_of(contact), form(contact, participants=[geneva], members=[clerk]), follow=True)
    request = ChangeRequest.objects.get()
    assert sees(contact) == before
    assert f"change request #{request.pk} is pending approval" in text_of(shown)
    assert "was changed successfully" not in text_of(shown)
    page = text_of(admin_of(clerk).get(page_of(contact)))
    assert "Access to a contact: A change requested by Clerk Tester is pending review" in page
    assert not LogEntry.objects.exists()
    assert not Entry.objects.of(CONTACT_ACCESS, contact.pk).exists()
    assert (request.kind, request.subject_id, request.initiator_member) == (CONTACT_ACCESS, contact.pk, clerk)
    assert [(change["path"], change["original"], change["target"]) for change in changes_of(request)] == [
        ("participants", [], [geneva.pk]),
        ("members", [anna.pk], sorted([anna.pk, clerk.pk])),
    ]


def test_nobody_takes_a_contact_from_a_member(admin_of, clerk, rita, contact, anna):
    link = ContactAssignment.objects.get(contact=contact)
    admin_of(clerk).post(page_of(contact), form(contact, dismissed=[link]))
    assert sees(contact)["members"] == [anna.pk]
    approve(rita, ChangeRequest.objects.get())
    assert sees(contact)["members"] == []


def test_a_second_member_approves_what_the_page_shows(admin_of, clerk, rita, contact, geneva, anna):
    admin_of(clerk).post(page_of(contact), form(contact, participants=[geneva], members=[clerk]))
    request = ChangeRequest.objects.get()
    shown = text_of(admin_of(rita).get(review_of(request)))
    assert "Access to a contact" in text_of(admin_of(rita).get("/admin/changerequests/changerequest/"))
    assert "Johanna Spyri" in shown
    assert "Geneva" in shown
    assert "Clerk Tester" in shown
    admin_of(rita).post(review_of(request), {"decision": "approve", "comment": ""})
    assert sees(contact) == {"participants": [geneva.pk], "members": sorted([anna.pk, clerk.pk])}
    entry = Entry.objects.of(CONTACT_ACCESS, contact.pk).get()
    assert (entry.initiator_member, entry.change_request, entry.sequence) == (clerk, request, 1)
    assert entry.paths == ["members", "participants"]


def test_the_initiator_does_not_approve_it_even_as_a_superuser(admin_of, make_member, contact, geneva):
    root = make_member("root", is_superuser=True, sees_all_contacts=True)
    admin_of(root).post(page_of(contact), form(contact, participants=[geneva]))
    request = ChangeRequest.objects.get()
    admin_of(root).post(review_of(request), {"decision": "approve", "comment": ""})
    assert sees(contact)["participants"] == []


def test_one_request_at_a_time(admin_of, clerk, contact, geneva, make_participant):
    browser = admin_of(clerk)
    browser.post(page_of(contact), form(contact, participants=[geneva]))
    shown = browser.post(page_of(contact), form(contact, participants=[make_participant("Zug")]), follow=True)
    assert "is pending review. Cancel it or wait until it is decided." in text_of(shown)
    assert ChangeRequest.objects.count() == 1


def test_what_has_changed_meanwhile_is_not_approved(clerk, rita, contact, geneva, anna):
    change = {contact.pk: AccessChange(added_members=frozenset({clerk.pk}))}
    request = change_access(actor=member_actor(clerk), wanted=change)
    change_access(actor=SYSTEM, wanted={contact.pk: AccessChange(removed_members=frozenset({anna.pk}))})
    with pytest.raises(UnprocessableEntity) as refused:
        approve(rita, request)
    assert (refused.value.sub_code, list(refused.value.properties)) == ("ChangeRequestOutdated", ["members"])
    request.refresh_from_db()
    assert request.status == Status.PENDING


def test_where_the_policy_lets_it_pass_it_is_made_at_once(admin_of, clerk, contact, geneva):
    set_policy(policy([], []), kind=CONTACT_ACCESS)
    shown = admin_of(clerk).post(page_of(contact), form(contact, participants=[geneva]), follow=True)
    assert "was changed successfully" in text_of(shown)
    assert sees(contact)["participants"] == [geneva.pk]
    assert Entry.objects.of(CONTACT_ACCESS, contact.pk).get().initiator_member == clerk
    assert LogEntry.objects.filter(object_id=str(contact.pk)).count() == 1


def test_a_rule_may_be_about_a_participant(clerk, contact, geneva, make_participant, anna):
    set_policy(policy([stage()], [rule("Review", participants=[geneva.pk])]), kind=CONTACT_ACCESS)
    actor, zug = member_actor(clerk), make_participant("Zug")
    assert change_access(actor=actor, wanted={contact.pk: AccessChange(frozenset({geneva.pk}))}) is None
    assert change_access(actor=actor, wanted={contact.pk: AccessChange(frozenset({zug.pk}))}) is not None


def test_who_does_not_see_a_contact_changes_nothing_of_it(make_member, contact, geneva):
    stranger = member_actor(make_member("stranger"))
    with pytest.raises(NotFound):
        change_access(actor=stranger, wanted={contact.pk: AccessChange(frozenset({geneva.pk}))})


def test_what_is_wanted_must_exist_now_and_at_the_approval(clerk, rita, contact, geneva):
    actor = member_actor(clerk)
    with pytest.raises(UnprocessableEntity) as refused:
        change_access(actor=actor, wanted={contact.pk: AccessChange(frozenset({2**31 - 1}))})
    assert list(refused.value.properties) == ["participants"]
    request = change_access(actor=actor, wanted={contact.pk: AccessChange(frozenset({geneva.pk}))})
    geneva.delete()
    with pytest.raises(UnprocessableEntity):
        approve(rita, request)


def test_it_is_amended(clerk, rita, contact, geneva, make_participant):
    zug = make_participant("Zug")
    request = change_access(
        actor=member_actor(clerk), wanted={contact.pk: AccessChange(added_participants=frozenset({geneva.pk}))}
    )
    amend_change_request(actor=member_actor(clerk), change_request_id=request.pk, document={"participants": [zug.pk]})
    request.refresh_from_db()
    assert [(change["path"], change["target"]) for change in changes_of(request)] == [("participants", [zug.pk])]


def test_anonymization_cancels_and_erases_it(clerk, contact, geneva, make_participant, rita):
    actor = member_actor(clerk)
    approve(rita, change_access(actor=actor, wanted={contact.pk: AccessChange(frozenset({geneva.pk}))}))
    zug = AccessChange(frozenset({make_participant("Zug").pk}))
    request = change_access(actor=actor, wanted={contact.pk: zug})
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    request.refresh_from_db()
    assert request.status == Status.CANCELLED
    assert [change["target"] for change in changes_of(request)] == [None]
    assert [change["target"] for change in Entry.objects.of(CONTACT_ACCESS, contact.pk).get().changes] == [None]
    with pytest.raises(UnprocessableEntity, match="anonymized"):
        change_access(actor=SYSTEM, wanted={contact.pk: zug})


# ---- the member's page


def assignments(new=(), dismissed=()):
    sent = {
        "assignments-TOTAL_FORMS": len(dismissed),
        "assignments-INITIAL_FORMS": len(dismissed),
        "assignments-2-TOTAL_FORMS": len(new),
        "assignments-2-INITIAL_FORMS": 0,
    }
    for number, row in enumerate(dismissed):
        sent |= {f"assignments-{number}-id": row.pk, f"assignments-{number}-DELETE": "on"}
    return sent | {f"assignments-2-{number}-contact": row.pk for number, row in enumerate(new)}


def test_contacts_are_assigned_by_one_request_about_all_of_them(admin_of, clerk, rita, anna, contact, make_contact):
    new = [make_contact(), make_contact()]
    link = ContactAssignment.objects.get(contact=contact)
    address = f"/admin/accounts/member/{anna.pk}/change/"
    shown = admin_of(clerk).post(address, assignments(new=new, dismissed=[link]), follow=True)
    request = ChangeRequest.objects.get()
    assert f"3 contacts are assigned as before: change request #{request.pk} is pending" in text_of(shown)
    assert "was changed successfully" not in text_of(shown)
    assert list(anna.contacts.all()) == [contact]
    assert request.subjects.count() == 3
    browser = admin_of(rita)
    shown = browser.get(review_of(request))
    assert text_of(shown).count("Relationship managers") == 3
    assert "Anna Tester" in text_of(shown)
    assert f"#{new[1].pk}" in text_of(shown)
    digest = shown.context["digest"]
    browser.post(review_of(request), {"decision": "approve", "comment": "", "digest": digest})
    apply_approved_request(request.pk)
    assert set(anna.contacts.all()) == set(new)
    assert Entry.objects.filter(kind=CONTACT_ACCESS, change_request=request).count() == 3
    assert set(request.subjects.values_list("outcome", flat=True)) == {"applied"}


def test_what_else_the_form_says_of_the_member_is_a_request_of_its_own(admin_of, clerk, anna, make_contact):
    contact = make_contact()
    address = f"/admin/accounts/member/{anna.pk}/change/"
    shown = admin_of(clerk).post(address, assignments(new=[contact]) | {"sees_all_contacts": "on"}, follow=True)
    assert "1 contact is assigned as before" in text_of(shown)
    assert not anna.contacts.exists()
    assert set(ChangeRequest.objects.values_list("kind", flat=True)) == {"rights", CONTACT_ACCESS}


def test_a_login_without_member_assigns_nothing(client, django_user_model, anna, contact, make_contact):
    root = django_user_model.objects.create_superuser("root", password="secret-for-tests")
    client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    client.post(f"/admin/accounts/member/{anna.pk}/change/", assignments(new=[make_contact()]))
    assert list(anna.contacts.all()) == [contact]
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize("rows", [3, 30])
def test_many_contacts_take_as_many_locks_and_requests_as_few(clerk, make_contact, rows, count_queries):
    wanted = {make_contact().pk: AccessChange(added_members=frozenset({clerk.pk})) for _number in range(rows)}
    with count_queries() as queries:
        change_access(actor=member_actor(clerk), wanted=wanted)
    assert len(queries) <= 12 + rows, [query["sql"][:100] for query in queries]


# ---- races


@pytest.mark.django_db(transaction=True)
def test_of_an_approval_and_a_change_meanwhile_the_first_counts(clerk, rita, contact, geneva, anna):
    change = {contact.pk: AccessChange(added_members=frozenset({clerk.pk}))}
    request = change_access(actor=member_actor(clerk), wanted=change)

    def approved():
        try:
            approve(rita, request)
        except UnprocessableEntity as error:
            return error.sub_code
        return "approved"

    def overtake():
        leaving = {contact.pk: AccessChange(removed_members=frozenset({anna.pk}))}
        change_access(actor=SYSTEM, wanted=leaving)

    assert while_waiting(approved, before=overtake) == "ChangeRequestOutdated"
    assert sees(contact)["members"] == []
    assert not ContactParticipant.objects.exists()
    assert Contact.objects.get(pk=contact.pk).version == 1
