"""Contact groups in the admin: visibility, and that saving follows the rules of the services."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry

from accounts.actor import system_actor
from accounts.models import User
from contactgroups.models import CONTACT_GROUP, ContactGroup, EntityType, GroupMembership, LinkedEntity
from contacts.services.anonymization import anonymize_contacts
from tests.changerequests.engine import approve_all
from tests.changerequests.policies import policy as policy_of_kind
from tests.changerequests.policies import set_policy
from tests.contactgroups.linking import link_entity
from tests.fixtures import details

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST = "/admin/contactgroups/contactgroup/"
RIGHTS = [f"{right}_contactgroup" for right in ("view", "add", "change", "delete")] + ["view_contact"]
MEMBERS, JOINING, LINKS = "memberships", "memberships-2", "linked_entities"


def page_of(group, address="change/"):
    return f"{LIST}{group.pk}/{address}"


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def form(group=None, *, members=(), joining=(), links=(), new_links=(), **fields):
    """What the browser sends. `members` and `links` are rows of the page with what is changed of each."""
    joining_prefix = JOINING if group else MEMBERS
    sent = {"name": "", "external_id": "", "custom_attributes": "", **fields}
    if group is not None:
        for field in ("name", "external_id", "custom_attributes"):
            sent[field] = fields.get(field, getattr(group, field) or "")
        sent |= {f"{MEMBERS}-TOTAL_FORMS": len(members), f"{MEMBERS}-INITIAL_FORMS": len(members)}
        for number, (row, values) in enumerate(members):
            values = {"id": row.pk, "group": group.pk, "access_policy": row.access_policy_id, **values}
            sent |= {f"{MEMBERS}-{number}-{name}": value for name, value in values.items()}
    sent |= {f"{joining_prefix}-TOTAL_FORMS": len(joining), f"{joining_prefix}-INITIAL_FORMS": 0}
    for number, (contact, policy_id) in enumerate(joining):
        sent[f"{joining_prefix}-{number}-contact"] = contact.pk
        sent[f"{joining_prefix}-{number}-access_policy"] = policy_id
    sent |= {f"{LINKS}-TOTAL_FORMS": len(links) + len(new_links), f"{LINKS}-INITIAL_FORMS": len(links)}
    for number, (row, values) in enumerate(links):
        sent |= {f"{LINKS}-{number}-{name}": value for name, value in {"id": row.pk, **values}.items()}
    for number, (entity_type, entity_id) in enumerate(new_links, start=len(links)):
        sent[f"{LINKS}-{number}-entity_type"] = entity_type
        sent[f"{LINKS}-{number}-entity_id"] = entity_id
    return sent


@pytest.fixture
def clerk(make_member):
    """Keeps groups, and sees what is assigned to it."""
    return make_member("clerk", permissions=RIGHTS)


@pytest.fixture
def browser(admin_of, clerk):
    return admin_of(clerk)


@pytest.fixture
def own(make_contact, clerk):
    return make_contact(members=[clerk])


def membership(group, contact):
    return GroupMembership.objects.get(group=group, contact=contact)


# ---- who sees what


def test_without_the_permission_there_is_no_page(admin_of, make_member, make_contact, make_group):
    stranger = make_member(permissions=["view_contact"], sees_all_contacts=True)
    assert admin_of(stranger).get(LIST).status_code == 403
    assert admin_of(stranger).get(page_of(make_group(make_contact()))).status_code == 403


@pytest.mark.parametrize("address", ["change/", "history/", "delete/"])
def test_an_invisible_group_is_not_found_wherever_it_is_named(browser, make_contact, make_group, address):
    group = make_group(make_contact(), name="Hidden family")
    assert browser.get(page_of(group, address)).status_code == 404
    assert browser.post(page_of(group, address), {"post": "yes", **form(group)}).status_code == 404
    assert "Hidden family" not in text_of(browser.get(LIST))


def test_staff_who_are_no_member_see_nothing_and_add_nothing(client, make_contact, make_group):
    make_group(make_contact(), name="Hidden family")
    user = User.objects.create_superuser("root", password="secret-for-tests")
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = text_of(client.get(LIST))
    assert "Your login belongs to no member" in page
    assert "Hidden family" not in page
    assert client.get(f"{LIST}add/").status_code == 403


def test_contacts_of_the_group_that_the_member_cannot_see_are_not_shown(browser, own, make_contact, make_group):
    hidden = make_contact(details(personalInformation={"displayName": "Peter Alp"}))
    group = make_group(own, hidden, name="Family")
    for address in (LIST, page_of(group), page_of(group, "delete/")):
        page = browser.get(address)
        assert page.status_code == 200
        assert "Peter Alp" not in text_of(page)
    assert "Johanna Spyri" in text_of(browser.get(page_of(group)))


def test_who_may_only_look_changes_nothing(admin_of, make_member, make_contact, make_group, policy):
    reader = make_member(permissions=["view_contactgroup"], sees_all_contacts=True)
    contact = make_contact()
    group = make_group(contact, name="Family")
    link_entity(group, EntityType.ACCOUNT, 4711)
    page = text_of(admin_of(reader).get(page_of(group)))
    assert "Family" in page
    assert "Johanna Spyri" in page
    assert "Owner" in page
    assert "4711" in page
    sent = form(group, joining=[(make_contact(), policy())], name="Clan")
    assert admin_of(reader).post(page_of(group), sent).status_code == 403
    assert admin_of(reader).post(page_of(group, "delete/"), {"post": "yes"}).status_code == 403
    assert admin_of(reader).get(f"{LIST}add/").status_code == 403


# ---- adding


def test_a_group_is_added_with_its_contacts_and_entities(browser, own, policy, members_of, rita):
    sent = form(
        joining=[(own, policy("read-only"))],
        new_links=[("Account", 4711), ("Portfolio", 1)],
        name="Family",
        external_id="G-1",
    )
    assert browser.get(f"{LIST}add/").status_code == 200
    assert browser.post(f"{LIST}add/", sent).status_code == 302
    approve_all(rita)
    group = ContactGroup.objects.get()
    assert (group.name, group.external_id, group.custom_attributes) == ("Family", "G-1", None)
    assert members_of(group) == {own.pk: "read-only"}
    assert {str(link) for link in group.linked_entities.all()} == {"Account 4711", "Portfolio 1"}


def test_a_new_group_needs_a_contact(browser):
    page = browser.post(f"{LIST}add/", form(name="Family"))
    assert page.status_code == 200
    assert not ContactGroup.objects.exists()


def test_only_visible_contacts_with_a_policy_of_the_list_join(
    browser, own, make_contact, make_group, policy, contact_type
):
    group = make_group(own)
    gone = make_contact(members=list(own.members.all()))
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[gone.pk])
    other = make_contact(members=list(own.members.all()))
    for contact, policy_id in ((make_contact(), policy()), (gone, policy()), (other, contact_type.pk)):
        page = browser.post(page_of(group), form(group, joining=[(contact, policy_id)]))
        assert page.status_code == 200
        assert page.context["errors"]
    assert group.memberships.count() == 1


def test_who_joins_again_gets_the_policy_it_joins_with(browser, own, make_group, policy, members_of, rita):
    group = make_group(own)
    assert browser.post(page_of(group), form(group, joining=[(own, policy("read-only"))])).status_code == 302
    approve_all(rita)
    assert members_of(group) == {own.pk: "read-only"}


def test_an_external_id_that_is_taken_is_refused_in_the_form(browser, own, make_contact, make_group):
    make_group(make_contact(), external_id="G-1")
    group = make_group(own)
    page = browser.post(page_of(group), form(group, external_id="G-1"))
    assert page.status_code == 200
    assert "A group has this external id already." in text_of(page)


# ---- changing


def test_texts_policies_members_and_links_change_through_the_services(
    browser, clerk, own, make_contact, make_group, policy, members_of, rita
):
    leaves, joins, hidden = make_contact(members=[clerk]), make_contact(members=[clerk]), make_contact()
    group = make_group(own, leaves, hidden, name="Family", custom_attributes="x=1")
    link = link_entity(group, EntityType.ACCOUNT, 1)
    sent = form(
        group,
        members=[
            (membership(group, own), {"access_policy": policy("full-access")}),
            (membership(group, leaves), {"DELETE": "on"}),
        ],
        joining=[(joins, policy("read-only"))],
        links=[(link, {"DELETE": "on"})],
        new_links=[("Account", 2)],
        name="",
    )
    response = browser.post(page_of(group), sent)
    assert response.status_code == 302, response.context["errors"]
    approve_all(rita)
    group.refresh_from_db()
    assert (group.name, group.custom_attributes) == (None, "x=1")
    assert members_of(group) == {own.pk: "full-access", hidden.pk: "owner", joins.pk: "read-only"}
    assert [str(row) for row in group.linked_entities.all()] == ["Account 2"]


def test_an_old_page_does_not_undo_what_others_did_meanwhile(
    browser, clerk, own, make_contact, make_group, policy, members_of, rita
):
    left, came = make_contact(members=[clerk]), make_contact(members=[clerk])
    group = make_group(own, left, name="Family")
    rows = [(membership(group, own), {"access_policy": policy("read-only")}), (membership(group, left), {})]
    GroupMembership.objects.filter(contact=left).delete()
    GroupMembership.objects.create(group=group, contact=came, access_policy_id=policy())
    ContactGroup.objects.filter(pk=group.pk).update(custom_attributes="set by others")
    browser.post(page_of(group), form(group, members=rows[:1]) | {"custom_attributes": "set by others"})
    approve_all(rita)
    assert members_of(group) == {own.pk: "read-only", came.pk: "owner"}


def test_a_contact_of_another_group_cannot_be_taken_out_by_its_row(browser, own, make_contact, make_group, members_of):
    group, other = make_group(own), make_group(make_contact())
    row = other.memberships.get()
    browser.post(page_of(group), form(group, members=[(row, {"DELETE": "on"})]))
    assert len(members_of(other)) == len(members_of(group)) == 1


def test_an_entity_of_another_group_is_refused_and_nothing_is_saved(browser, own, make_contact, make_group):
    group, other = make_group(own, name="Family"), make_group(make_contact())
    link_entity(other, EntityType.ACCOUNT, 1)
    page = browser.post(page_of(group), form(group, new_links=[("Account", 1)], name="Clan"))
    assert page.status_code == 200
    assert "The entity is linked to a group already." in text_of(page)
    group.refresh_from_db()
    assert group.name == "Family"


def test_what_a_service_refuses_late_is_told_and_undoes_everything(browser, own, make_group, monkeypatch):
    group = make_group(own, name="Family")
    other = make_group(own)
    link_entity(other, EntityType.ACCOUNT, 1)
    # As if the form had been checked a moment before the other link was made.
    monkeypatch.setattr(LinkedEntity, "validate_constraints", lambda self, exclude=None: None)
    monkeypatch.setattr(LinkedEntity, "validate_unique", lambda self, exclude=None: None)
    page = browser.post(page_of(group), form(group, new_links=[("Account", 1)], name="Clan"), follow=True)
    assert "Account 1 is linked to another group already." in text_of(page)
    group.refresh_from_db()
    assert group.name == "Family"


def test_legal_entities_are_neither_linked_nor_unlinked_by_hand(browser, own, make_group):
    group = make_group(own)
    link = link_entity(group, EntityType.LEGAL_ENTITY, 1)
    assert browser.post(page_of(group), form(group, new_links=[("LegalEntity", 2)])).status_code == 200
    browser.post(page_of(group), form(group, links=[(link, {"DELETE": "on"})]))
    assert list(LinkedEntity.objects.all()) == [link]


# ---- deleting


def test_a_group_is_deleted_unless_entities_are_linked_to_it(browser, own, make_group, rita):
    group, linked = make_group(own), make_group(own)
    link_entity(linked, EntityType.ACCOUNT, 4711)
    assert "Account 4711" in text_of(browser.get(page_of(linked, "delete/")))
    for row in (group, linked):
        browser.post(page_of(row, "delete/"), {"post": "yes"})
    approve_all(rita)
    assert list(ContactGroup.objects.all()) == [linked]


def test_the_log_does_not_name_anybody(browser, own, make_group, policy):
    # Nothing waits, so that there is a log.
    set_policy(policy_of_kind([], []), kind=CONTACT_GROUP)
    browser.post(f"{LIST}add/", form(joining=[(own, policy())], name="Johanna Spyri"))
    group = ContactGroup.objects.get()
    browser.post(page_of(group), form(group, members=[(group.memberships.get(), {"DELETE": "on"})], name="J. Spyri"))
    group = make_group(own, name="Johanna Spyri")
    browser.post(page_of(group, "delete/"), {"post": "yes"})
    entries = LogEntry.objects.all()
    assert entries.count() == 3
    assert not any("Spyri" in entry.object_repr + entry.change_message for entry in entries)


# ---- the list


def test_the_list_is_searched_by_name_external_id_id_and_contact(browser, own, make_group, make_contact, clerk):
    peter = make_contact(details(personalInformation={"displayName": "Peter Alp", "lastName": "Alp"}), members=[clerk])
    hidden = make_contact(details(personalInformation={"displayName": "Klara Sesemann"}))
    family, other = make_group(own, hidden, name="Familie 100%", external_id="G-1"), make_group(peter, name="Alm")

    def found(query):
        page = browser.get(LIST, {"q": query})
        assert page.status_code == 200
        return [group.pk for group in page.context["cl"].result_list]

    for query in ("familie", "0%", "g-1", "spyri"):
        assert found(query) == [family.pk], query
    assert family.pk in found(str(family.pk))  # a contact of another group may have the same id
    assert found("peter alp") == [other.pk]
    for query in ("Sesemann", "G-", "_", "9" * 30, "\\"):
        assert found(query) == [], query
    assert found("") == [other.pk, family.pk]


@pytest.mark.parametrize("rows", [3, 60])
def test_list_and_page_take_as_many_queries_for_many_rows_as_for_few(
    browser, clerk, own, make_group, make_contact, policy, count_queries, rows
):
    contacts = [make_contact(members=[clerk]) for _ in range(5)]
    groups = ContactGroup.objects.bulk_create(ContactGroup(name="Family") for _ in range(rows))
    GroupMembership.objects.bulk_create(
        GroupMembership(group=group, contact=contact, access_policy_id=policy())
        for group in groups
        for contact in (own, *contacts)
    )
    LinkedEntity.objects.bulk_create(
        LinkedEntity(group=groups[0], entity_type=EntityType.ACCOUNT, entity_id=number + 1) for number in range(rows)
    )
    for address in (LIST, page_of(groups[0])):
        browser.get(address)
    with count_queries() as queries:
        page = browser.get(f"{LIST}?q=family")
    assert page.context["cl"].result_count == rows
    assert "…" in text_of(page)
    assert len(queries) <= 12, [query["sql"][:150] for query in queries.captured_queries]
    with count_queries() as queries:
        assert browser.get(page_of(groups[0])).status_code == 200
    assert len(queries) <= 13, [query["sql"][:150] for query in queries.captured_queries]


def test_contacts_that_join_are_looked_up_among_those_that_the_member_sees(browser, own, make_contact):
    make_contact()
    found = browser.get(
        "/admin/autocomplete/",
        {"app_label": "contactgroups", "model_name": "groupmembership", "field_name": "contact", "term": "spyri"},
    )
    assert [row["id"] for row in found.json()["results"]] == [str(own.pk)]
