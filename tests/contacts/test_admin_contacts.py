"""Contacts in the admin: visibility, read-only details, and the columns and pages shown."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import F
from django.test import Client

from accounts.actor import member_actor, system_actor
from accounts.models import Member, Participant, User
from contacts.models import Contact, ContactAssignment, ContactParticipant
from contacts.services.changes import patch_details
from contacts.services.connections import add_external_connection
from tests.changerequests.engine import approve_all
from tests.fixtures import details, keep_search_keys, without_triggers

LIST = "/admin/contacts/contact/"
NO_NEW_LINKS = {
    "contact_participants-TOTAL_FORMS": "0",
    "contact_participants-INITIAL_FORMS": "0",
    "assignments-TOTAL_FORMS": "0",
    "assignments-INITIAL_FORMS": "0",
}

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def page_of(contact: Contact) -> str:
    return f"{LIST}{contact.pk}/change/"


def text_of(response: Any) -> str:
    """The page without its tags, with every run of white space as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def rita(make_member: Callable[..., Member]) -> Member:
    """Looks at all contacts and changes none."""
    return make_member("rita", permissions=["view_contact", "view_changerequest"], sees_all_contacts=True)


@pytest.fixture
def clerk(make_member: Callable[..., Member]) -> Member:
    """May change who belongs to a contact."""
    permissions = ["view_contact", "change_contact", "view_member", "view_participant"]
    return make_member("clerk", permissions=permissions, sees_all_contacts=True)


# ---- who sees what


def test_staff_without_the_permission_get_no_page(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], make_contact: Callable[..., Contact]
) -> None:
    stranger = make_member("stranger", sees_all_contacts=True)
    assert admin_of(stranger).get(LIST).status_code == 403
    assert admin_of(stranger).get(page_of(make_contact())).status_code == 403


def test_a_member_who_is_no_staff_does_not_get_in(
    admin_of: Callable[..., Client], make_member: Callable[..., Member]
) -> None:
    outside = make_member("outside", permissions=["view_contact"], is_staff=False)
    assert admin_of(outside).get(LIST).status_code == 302


@pytest.mark.parametrize("address", ["change/", "history/", "delete/"])
def test_an_invisible_contact_is_not_found_wherever_it_is_named(
    admin_of: Callable[..., Client],
    make_member: Callable[..., Member],
    make_contact: Callable[..., Contact],
    address: str,
) -> None:
    root = make_member("root", is_superuser=True)
    contact = make_contact()
    assert admin_of(root).get(f"{LIST}{contact.pk}/{address}").status_code == 404
    assert admin_of(root).post(f"{LIST}{contact.pk}/{address}", NO_NEW_LINKS).status_code == 404
    assert "Spyri" not in text_of(admin_of(root).get(LIST))


def test_a_member_sees_its_own_contacts_and_those_of_the_members_below(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], make_contact: Callable[..., Contact]
) -> None:
    head = make_member("head", permissions=["view_contact"])
    anna = make_member("anna", permissions=["view_contact"], manager=head)
    annas, heads = make_contact(members=[anna]), make_contact(members=[head])
    assert admin_of(head).get(page_of(annas)).status_code == 200
    assert admin_of(anna).get(page_of(annas)).status_code == 200
    assert admin_of(anna).get(page_of(heads)).status_code == 404
    assert admin_of(anna).get(LIST).context["cl"].result_count == 1


def test_staff_who_are_no_member_see_nothing_and_are_told_why(make_contact: Callable[..., Contact]) -> None:
    make_contact()
    client = Client()
    user = User.objects.create_superuser("root", password="secret-for-tests")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = text_of(client.get(LIST))
    assert "Your login belongs to no member" in page
    assert "Spyri" not in page


# ---- nothing of the contact itself is written here


def test_details_cannot_be_changed_by_the_form(
    admin_of: Callable[..., Client],
    make_member: Callable[..., Member],
    make_contact: Callable[..., Contact],
) -> None:
    root = make_member("root", is_superuser=True, sees_all_contacts=True)
    contact = make_contact()
    before = Contact.objects.filter(pk=contact.pk).values().get()
    sent = {**NO_NEW_LINKS, "details": '{"personalInformation": {"lastName": "X"}}', "username": "x", "version": "9"}
    assert admin_of(root).post(page_of(contact), sent).status_code == 302
    assert Contact.objects.filter(pk=contact.pk).values().get() == before


def test_saving_the_page_does_not_undo_what_others_changed_meanwhile(
    admin_of: Callable[..., Client],
    clerk: Member,
    make_contact: Callable[..., Contact],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contact = make_contact()
    written: list[Contact] = []
    monkeypatch.setattr(Contact, "save", lambda self, **kwargs: written.append(self))
    assert admin_of(clerk).post(page_of(contact), NO_NEW_LINKS).status_code == 302
    assert written == []


def test_contacts_are_not_deleted(
    admin_of: Callable[..., Client], make_member: Callable[..., Member], make_contact: Callable[..., Contact]
) -> None:
    root = make_member("root", is_superuser=True, sees_all_contacts=True)
    contact = make_contact()
    assert admin_of(root).post(f"{LIST}{contact.pk}/delete/", {"post": "yes"}).status_code == 403
    forged = {"action": "delete_selected", "_selected_action": [contact.pk], "post": "yes"}
    admin_of(root).post(LIST, forged)
    assert Contact.objects.filter(pk=contact.pk).exists()


def test_only_who_may_change_contacts_decides_who_belongs_to_them(
    admin_of: Callable[..., Client],
    rita: Member,
    clerk: Member,
    make_contact: Callable[..., Contact],
    make_participant: Callable[..., Participant],
    make_member: Callable[..., Member],
) -> None:
    geneva = make_participant("Geneva")
    reviewer = make_member(reviews=True, sees_all_contacts=True)
    contact = make_contact(members=[rita])
    link = ContactAssignment.objects.get(contact=contact)
    sent = {
        **NO_NEW_LINKS,
        "contact_participants-TOTAL_FORMS": "1",
        "contact_participants-0-participant": geneva.pk,
        "assignments-TOTAL_FORMS": "2",
        "assignments-INITIAL_FORMS": "1",
        "assignments-0-id": link.pk,
        "assignments-0-DELETE": "on",
        "assignments-1-member": clerk.pk,
    }
    assert admin_of(rita).post(page_of(contact), sent).status_code == 403
    assert not ContactParticipant.objects.filter(contact=contact).exists()
    assert admin_of(clerk).post(page_of(contact), sent).status_code == 302
    assert ContactAssignment.objects.get(contact=contact) == link
    approve_all(reviewer)
    assert [row.participant for row in ContactParticipant.objects.filter(contact=contact)] == [geneva]
    assert [row.member for row in ContactAssignment.objects.filter(contact=contact)] == [clerk]
    assert not LogEntry.objects.filter(object_id=str(contact.pk)).exists()


# ---- what is shown


def test_the_page_shows_details_by_section_with_readable_values_and_history(
    admin_of: Callable[..., Client],
    rita: Member,
    make_member: Callable[..., Member],
    make_contact: Callable[..., Contact],
) -> None:
    anna = make_member("anna")
    contact = make_contact(
        details(
            personalInformation={"gender": "female"},
            contactInformation={
                "isMarketingAllowed": False,
                "addresses": [{"type": "domicile", "city": "Chur", "country": "CH", "state": "CH-GR"}],
            },
            relationship={"totalWealth": 1_250_000.5},
        ),
        members=[anna],
    )
    app = system_actor("core-banking")
    add_external_connection(actor=app, contact_id=contact.pk, system="CRM", external_id="CRM-7")
    patch_details(
        actor=app,
        contact_id=contact.pk,
        patch={"personalInformation": {"nationalities": ["CH", "FR"]}},
        comment="Moved",
    )
    patch_details(
        actor=member_actor(anna), contact_id=contact.pk, patch={"personalInformation": {"lastName": "Heusser"}}
    )
    browser = admin_of(rita)
    shown = text_of(browser.get(page_of(contact)))
    assert "Date of birth 12 June 1967" in shown
    assert "Gender Female" in shown
    assert "Marketing allowed No" in shown
    assert "State or canton Graubünden" in shown
    assert "Total wealth 1,250,000.5" in shown
    assert "Relationship managers Anna Tester" in shown
    assert "A change requested by Anna Tester is pending review" in shown
    assert "CRM CRM-7" in text_of(browser.get(f"{LIST}{contact.pk}/connections/"))
    shown = text_of(browser.get(f"{LIST}{contact.pk}/changes/"))
    assert "core-banking" in shown
    assert "Moved" in shown
    assert "Added: France" in shown


def test_the_page_is_in_the_language_of_the_reader(
    admin_of: Callable[..., Client], rita: Member, make_contact: Callable[..., Contact]
) -> None:
    shown = text_of(admin_of(rita).get(f"{page_of(make_contact())}?language=fr"))
    assert "Nationalités Suisse" in shown
    assert "12 juin 1967" in shown


def test_details_that_do_not_follow_the_schema_are_still_shown(
    admin_of: Callable[..., Client], rita: Member, make_contact: Callable[..., Contact]
) -> None:
    contact = make_contact()
    odd = {
        "personalInformation": {"dateOfBirth": "unknown", "nationalities": "CH", "gender": 7, "firstName": None},
        "contactInformation": {"addresses": [{"country": ["CH"]}, "none", None], "email": {"a": 1}},
        "relationship": "good",
        "old": {"field": [True, {"deep": "value"}]},
    }
    with without_triggers():
        Contact.objects.filter(pk=contact.pk).update(details=odd, version=F("version") + 1)
    page = admin_of(rita).get(page_of(contact))
    assert page.status_code == 200
    assert "unknown" in text_of(page)
    assert "No longer in the schema" in text_of(page)
    assert "old.field" in text_of(page)


def test_the_list_is_searched_and_filtered(
    admin_of: Callable[..., Client],
    rita: Member,
    make_member: Callable[..., Member],
    make_contact: Callable[..., Contact],
    make_participant: Callable[..., Participant],
) -> None:
    anna, geneva = make_member("anna"), make_participant("Geneva")
    contact = make_contact(members=[anna], participants=[geneva], username="heidi")
    make_contact(details(personalInformation={"displayName": "Peter Alp", "lastName": "Alp"}), username="peter")
    add_external_connection(actor=system_actor("tests"), contact_id=contact.pk, system="CRM", external_id="CRM-7")
    patch_details(
        actor=member_actor(anna), contact_id=contact.pk, patch={"personalInformation": {"lastName": "Heusser"}}
    )
    browser = admin_of(rita)

    def found(query: str) -> list[int]:
        return [row.pk for row in browser.get(f"{LIST}?{query}").context["cl"].result_list]

    assert len(found("")) == 2
    for query in (
        "spyri",
        "johanna+SPY",
        "J%C3%96HANNA+sp%C3%BFri",
        "heidi",
        "CRM-7",
        "12.6.1967+spyri",
        str(contact.pk),
        str(contact.uid),
    ):
        assert found(f"q={query}") == [contact.pk], query
    for query in ("CRM-8", "100%25", "99999999999999999999", "%5C"):
        assert found(f"q={query}") == [], query
    assert found("pending=yes") == [contact.pk]
    assert contact.pk not in found("pending=no")
    assert found(f"participants__id__exact={geneva.pk}") == [contact.pk]
    assert len(found(f"type={contact.type_id}")) == 2
    assert len(found("type=")) == 2


@pytest.mark.parametrize("rows", [10, 200])
def test_the_list_takes_as_many_queries_for_many_rows_as_for_few(
    admin_of: Callable[..., Client],
    rita: Member,
    make_contact: Callable[..., Contact],
    make_participant: Callable[..., Participant],
    rows: int,
    count_queries: Callable[[], Any],
) -> None:
    contact, participant = make_contact(), make_participant()
    with without_triggers():
        contacts = Contact.objects.bulk_create(
            Contact(type=contact.type, username=f"row-{number}", details=details()) for number in range(rows)
        )
        keep_search_keys(contacts)
    ContactParticipant.objects.bulk_create(ContactParticipant(contact=row, participant=participant) for row in contacts)
    browser = admin_of(rita)
    browser.get(LIST)
    with count_queries() as queries:
        listed = browser.get(f"{LIST}?q=spyri&pending=no&type={contact.type_id}")
    assert listed.context["cl"].result_count == rows + 1
    assert len(queries) <= 12, [query["sql"][:120] for query in queries.captured_queries]
    assert not any('."details",' in query["sql"] for query in queries.captured_queries)
