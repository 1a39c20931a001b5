"""Contact groups are under four eyes: a member creates, changes, deletes and links nothing alone."""

import re
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command

from accounts.actor import member_actor, system_actor
from accounts.models import User
from audit.models import Entry
from changerequests.models import ChangeRequest, RequestSubject, Status, Verdict
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import Parts, decide
from changerequests.services.withdrawing import amend_change_request
from contactgroups.models import CONTACT_GROUP, ContactGroup, EntityType, LinkedEntity
from contactgroups.services import Membership, change_group, create_group, delete_group
from core.errors import Forbidden, UnprocessableEntity
from schemas.models import ListItem
from schemas.services import remove_list_item, save_list_item
from tests.changerequests.engine import approve_all
from tests.changerequests.policies import policy as policy_of_kind
from tests.changerequests.policies import rule, set_policy, stage
from tests.changerequests.requesting import address
from tests.contactgroups.linking import link_entity
from tests.contactgroups.test_admin_groups import LIST, form, membership, page_of
from tests.contactgroups.test_managing_groups import entry, group_path, groups_path
from tests.fixtures import details
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SYSTEM = system_actor("tests")
PERMISSIONS = ["view_contact", "view_contactgroup", "add_contactgroup", "change_contactgroup", "delete_contactgroup"]


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def review_page(request):
    return f"/admin/changerequests/changerequest/{request.pk}/change/"


@pytest.fixture
def clerk(make_member):
    return make_member("clerk", permissions=PERMISSIONS)


@pytest.fixture
def client(api_of, clerk):
    return api_of(clerk)


@pytest.fixture
def contact(make_contact, clerk):
    return make_contact(members=[clerk])


@pytest.fixture
def group(make_group, contact):
    return make_group(contact, name="Family", external_id="G-1")


def waits(answer):
    """Return the request that an answer names."""
    request = ChangeRequest.objects.latest("pk")
    assert (answer.status, answer.json) == (202, {"isApprovalRequired": True, "changeRequestId": request.pk})
    assert (request.kind, request.status) == (CONTACT_GROUP, Status.PENDING)
    return request


def asked(request):
    return [(change["path"], change["original"], change["target"]) for change in changes_of(request)]


def recorded(group_id):
    """Return the ledger of a group: who made each entry, its request and its changes."""
    return [
        (
            found.initiator_system or found.initiator_member_id or found.initiator_application_id,
            found.change_request_id,
            [(change["path"], change["original"], change["target"]) for change in found.changes],
        )
        for found in Entry.objects.of(CONTACT_GROUP, group_id).order_by("sequence")
    ]


# ---- creating


def test_a_member_creates_no_group_alone(client, clerk, contact, api_of):
    answer = client.post(groups_path(contact), {"groupName": "Family", "groupExternalId": "G-1"})
    request = waits(answer)
    assert not ContactGroup.objects.exists()
    assert not Entry.objects.filter(kind=CONTACT_GROUP).exists()
    assert client.get(f"/v1.0/contactgroups/{request.subject_id}").status == 404
    own = client.post(address(request, "/review"), {"isApproved": True})
    assert own.status == 403
    assert not ContactGroup.objects.exists()


def test_once_approved_the_group_has_the_id_that_was_drawn(client, clerk, contact, rita, api_of, policy, members_of):
    request = waits(client.post(groups_path(contact), {"groupName": "Family", "groupExternalId": "G-1"}))
    # Others draw other ids meanwhile.
    create_group(actor=SYSTEM, memberships=[])
    assert api_of(rita).post(address(request, "/review"), {"isApproved": True}).status == 204
    group = ContactGroup.objects.get(pk=request.subject_id)
    assert (group.name, group.external_id, members_of(group)) == ("Family", "G-1", {contact.pk: "owner"})
    assert recorded(group.pk) == [(clerk.pk, request.pk, asked(request))]
    assert asked(request) == [
        ("id", None, group.pk),
        ("name", None, "Family"),
        ("externalId", None, "G-1"),
        (f"members.{contact.pk}", None, policy()),
    ]


def test_a_rejected_group_never_comes_to_be_and_frees_its_external_id(client, contact, rita, api_of):
    request = waits(client.post(groups_path(contact), {"groupExternalId": "G-1"}))
    assert api_of(rita).post(address(request, "/review"), {"isApproved": False}).status == 204
    assert client.get(f"/v1.0/contactgroups/{request.subject_id}").status == 404
    waits(client.post(groups_path(contact), {"groupExternalId": "G-1"}))


def test_the_external_id_is_reserved_while_the_request_is_open(client, app, contact, group):
    request = waits(client.post(groups_path(contact), {"groupExternalId": "G-2"}))
    answers = [
        client.post(groups_path(contact), {"groupExternalId": "G-2"}),
        app.post(groups_path(contact), {"groupExternalId": "G-2"}),
        app.put(group_path(group), {"groupExternalId": "G-2"}),
    ]
    for answer in answers:
        assert (answer.status, answer.sub_code, answer.places) == (422, "ExternalIdNotUnique", {"groupExternalId"})
        assert f"Change request {request.pk}" in answer.json["message"]
    assert ContactGroup.objects.count() == ChangeRequest.objects.count() == 1


def test_the_same_creation_again_asks_once(client, contact):
    answers = [client.post(groups_path(contact), {}, idempotency_key="order-7") for _attempt in range(2)]
    assert [waits(answer).pk for answer in answers] == [ChangeRequest.objects.get().pk] * 2


def test_what_a_creation_names_must_still_exist(client, contact, rita, api_of, policy):
    members = [entry(contact, policy("full-access"))]
    request = waits(client.post(groups_path(contact), {"contacts": members}))
    ListItem.objects.filter(pk=policy("full-access")).delete()
    answer = api_of(rita).post(address(request, "/review"), {"isApproved": True})
    assert (answer.status, answer.sub_code) == (422, "UnknownAccessPolicies")
    request.refresh_from_db()
    assert request.is_pending
    assert not ContactGroup.objects.exists()


def test_nobody_renames_alone_the_access_policy_that_a_request_gives(client, make_member, contact, policy):
    lara = make_member("lara", permissions=["add_listitem", "change_listitem", "delete_listitem"])
    waits(client.post(groups_path(contact), {"contacts": [entry(contact, policy("full-access"))]}))
    item = {"list_key": "access-policy", "key": "full-access"}
    renamed = save_list_item(actor=member_actor(lara), names={"en": "Reads"}, **item)
    assert renamed.change_request is not None
    with pytest.raises(UnprocessableEntity, match="in use"):
        remove_list_item(actor=member_actor(lara), **item)
    assert ListItem.objects.get(pk=policy("full-access")).names["en"] != "Reads"


# ---- changing


def test_a_member_changes_no_group_alone(client, clerk, contact, group, make_contact, rita, policy, members_of):
    other = make_contact(members=[clerk])
    body = {"groupName": "Clan", "contacts": [entry(contact, policy("read-only")), entry(other, policy())]}
    request = waits(client.put(group_path(group), body))
    group.refresh_from_db()
    assert (group.name, members_of(group)) == ("Family", {contact.pk: "owner"})
    assert asked(request) == [
        ("name", "Family", "Clan"),
        (f"members.{contact.pk}", policy(), policy("read-only")),
        (f"members.{other.pk}", None, policy()),
    ]
    approve_all(rita)
    group.refresh_from_db()
    assert (group.name, members_of(group)) == ("Clan", {contact.pk: "read-only", other.pk: "owner"})
    assert recorded(group.pk)[1:] == [(clerk.pk, request.pk, asked(request))]


def test_what_changes_nothing_asks_for_nothing(client, group, contact, policy):
    body = {"groupName": "Family", "contacts": [entry(contact, policy())]}
    assert client.put(group_path(group), body).status == 204
    assert not ChangeRequest.objects.exists()
    assert len(recorded(group.pk)) == 1


def test_a_group_has_one_open_request(client, group):
    request = waits(client.put(group_path(group), {"groupName": "Clan"}))
    for answer in (client.put(group_path(group), {"groupName": "Tribe"}), client.delete(group_path(group))):
        assert (answer.status, answer.sub_code) == (422, "PendingChangeRequestExists")
        assert answer.json["properties"] == {"changeRequestId": [str(request.pk)]}


def test_what_has_changed_meanwhile_is_not_approved(client, app, group, rita, api_of):
    request = waits(client.put(group_path(group), {"groupName": "Clan", "customAttributes": "x"}))
    assert app.put(group_path(group), {"groupName": "Tribe"}).status == 204
    answer = api_of(rita).post(address(request, "/review"), {"isApproved": True})
    assert (answer.status, answer.sub_code, answer.places) == (422, "ChangeRequestOutdated", {"name"})
    request.refresh_from_db()
    assert request.is_pending


def test_a_reviewer_keeps_some_of_the_changes(client, group, rita, api_of):
    request = waits(client.put(group_path(group), {"groupName": "Clan", "customAttributes": "x"}))
    decide(
        actor=member_actor(rita),
        change_request_id=request.pk,
        verdict=Verdict.APPROVE,
        parts=Parts(paths=["name"]),
    )
    group.refresh_from_db()
    assert (group.name, group.custom_attributes) == ("Clan", None)


def test_the_initiator_amends_its_request(client, clerk, group, rita):
    request = waits(client.put(group_path(group), {"groupName": "Clan"}))
    amend_change_request(actor=member_actor(clerk), change_request_id=request.pk, document={"name": "Tribe"})
    approve_all(rita)
    group.refresh_from_db()
    assert group.name == "Tribe"


# ---- deleting


def test_a_member_deletes_no_group_alone(client, clerk, contact, group, rita, policy):
    request = waits(client.delete(group_path(group)))
    assert client.get(group_path(group)).status == 200
    approve_all(rita)
    assert client.get(group_path(group)).status == 404
    assert set(asked(request)) == {
        ("id", group.pk, None),
        ("name", "Family", None),
        ("externalId", "G-1", None),
        (f"members.{contact.pk}", policy(), None),
    }
    assert recorded(group.pk)[1:] == [(clerk.pk, request.pk, asked(request))]


def test_a_group_that_gets_an_entity_meanwhile_is_not_deleted(client, group, rita, api_of):
    request = waits(client.delete(group_path(group)))
    link_entity(group, EntityType.ACCOUNT, 7)
    answer = api_of(rita).post(address(request, "/review"), {"isApproved": True})
    assert (answer.status, answer.sub_code) == (422, "GroupHasEntities")
    assert ContactGroup.objects.exists()


def test_a_group_that_has_changed_is_not_deleted(client, app, group, rita, api_of):
    request = waits(client.delete(group_path(group)))
    app.put(group_path(group), {"groupName": "Clan"})
    answer = api_of(rita).post(address(request, "/review"), {"isApproved": True})
    assert (answer.status, answer.sub_code) == (422, "ChangeRequestOutdated")
    assert ContactGroup.objects.exists()


def test_nobody_deletes_or_creates_half_a_group(client, clerk, group, contact, rita, api_of):
    for method, path in (("DELETE", group_path(group)), ("POST", groups_path(contact))):
        request = waits(client.call(method, path, {"groupName": "New"} if method == "POST" else None))
        kept = api_of(rita).post(address(request, "/review"), {"isApproved": True, "paths": ["name"]})
        assert (kept.status, kept.sub_code) == (422, "UnknownPaths")
        with pytest.raises(Forbidden):
            amend_change_request(actor=member_actor(clerk), change_request_id=request.pk, document={"id": None})
    group.refresh_from_db()
    assert group.name == "Family"
    assert ContactGroup.objects.count() == 1


def test_a_request_about_a_group_that_an_application_deletes_is_cancelled(client, app, group):
    request = waits(client.put(group_path(group), {"groupName": "Clan"}))
    assert app.delete(group_path(group)).status == 204
    request.refresh_from_db()
    assert request.status == Status.CANCELLED


# ---- applications and policies


def test_an_application_acts_at_once(make_app, api_of, contact, policy, members_of):
    found = make_app()
    app = api_of(found)
    created = app.post(groups_path(contact), {"groupName": "Family"})
    assert created.status == 201
    path = f"/v1.0/contactgroups/{created.json['id']}"
    assert app.put(path, {"groupName": "Clan"}).status == 204
    assert app.delete(path).status == 204
    assert not ChangeRequest.objects.exists()
    assert [(who, request) for who, request, _changes in recorded(created.json["id"])] == [(found.pk, None)] * 3


def test_an_application_that_a_policy_names_waits(make_app, api_of, contact, group, rita):
    found = make_app()
    set_policy(policy_of_kind([stage()], [rule("Review", applications=[found.pk])]), kind=CONTACT_GROUP)
    app = api_of(found)
    waits(app.post(groups_path(contact), {}))
    waits(app.put(group_path(group), {"groupName": "Clan"}))
    approve_all(rita)
    waits(app.delete(group_path(group)))
    approve_all(rita)
    assert list(ContactGroup.objects.exclude(pk=group.pk).values_list("name", flat=True)) == [None]


def test_a_policy_is_about_the_participants_of_the_contacts(client, clerk, make_contact, make_participant, make_group):
    geneva = make_participant("Geneva")
    there, elsewhere = make_contact(members=[clerk], participants=[geneva]), make_contact(members=[clerk])
    set_policy(policy_of_kind([stage()], [rule("Review", participants=[geneva.pk])]), kind=CONTACT_GROUP)
    waits(client.post(groups_path(there), {}))
    assert client.post(groups_path(elsewhere), {}).status == 201
    waits(client.put(group_path(make_group(there)), {"groupName": "Clan"}))


# ---- who sees the request


def test_who_sees_a_contact_of_the_group_sees_the_request(
    client, clerk, contact, group, make_contact, make_member, make_app, make_participant, api_of, rita
):
    colleague, stranger = make_member(reviews=True), make_member(reviews=True, permissions=PERMISSIONS)
    contact.assignments.create(member=colleague)
    requests = [
        waits(client.put(group_path(group), {"groupName": "Clan"})),
        waits(client.post(groups_path(contact), {"groupName": "New"})),
    ]
    for request in requests:
        seen = {who: api_of(who).get(address(request)).status for who in (colleague, stranger, rita)}
        assert list(seen.values()) == [200, 404, 200]
        assert api_of(make_app(participants=[make_participant()])).get(address(request)).status == 404
        assert api_of(stranger).post(address(request, "/review"), {"isApproved": True}).status == 404
        found = api_of(stranger).post("/v1.0/change-requests/search", {"kinds": [CONTACT_GROUP]})
        assert found.json["results"] == []
    found = api_of(colleague).post("/v1.0/change-requests/search", {"kinds": [CONTACT_GROUP]})
    assert {row["id"] for row in found.json["results"]} == {request.pk for request in requests}
    approve_all(rita)
    waits(client.delete(group_path(group)))
    approve_all(rita)
    # A group that is gone is seen by who sees the contacts that the request names.
    deleted = ChangeRequest.objects.latest("pk")
    assert [api_of(who).get(address(deleted)).status for who in (colleague, stranger)] == [200, 404]


def test_the_page_of_a_request_names_no_contact_that_the_reviewer_does_not_see(
    admin_of, client, contact, make_member, make_contact, make_group, policy
):
    hidden = make_contact(details(personalInformation={"displayName": "Peter Alp"}))
    group = make_group(contact, hidden, name="Family")
    reviewer = make_member(reviews=True, permissions=PERMISSIONS)
    contact.assignments.create(member=reviewer)
    page = text_of(admin_of(reviewer).get(review_page(waits(client.delete(group_path(group))))))
    assert "Delete the group" in page
    assert f"Johanna Spyri (#{contact.pk})" in page
    assert f"#{hidden.pk}" in page
    assert "Peter Alp" not in page


def test_a_search_takes_no_statement_per_request(client, clerk, make_contact, rita, api_of, count_queries):
    numbers = []
    for _step in range(2):
        for _number in range(3):
            waits(client.post(groups_path(make_contact(members=[clerk])), {"groupName": "Family"}))
        with count_queries() as queries:
            found = api_of(rita).post("/v1.0/change-requests/search", {})
        assert found.json["results"][0]["kind"] == CONTACT_GROUP
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_the_queue_finds_a_group_that_waits_by_its_name(admin_of, client, contact, rita):
    waits(client.post(groups_path(contact), {"groupName": "Siblings Meier", "groupExternalId": "FAM-77"}))
    for term, number in (("siblings", 1), ("fam-77", 1), ("externalId", 0)):
        page = admin_of(rita).get("/admin/changerequests/changerequest/", {"q": term})
        assert page.context["cl"].result_count == number, term
        assert ("Siblings Meier" in text_of(page)) == bool(number)


# ---- the admin


def test_the_forms_of_groups_ask(admin_of, clerk, contact, group, rita, policy, members_of):
    browser = admin_of(clerk)
    shown = browser.post(f"{LIST}add/", form(joining=[(contact, policy())], name="New"), follow=True)
    created = ChangeRequest.objects.latest("pk")
    assert f"change request #{created.pk} is pending approval" in text_of(shown)
    assert "was added successfully" not in text_of(shown)
    sent = form(
        group,
        members=[(membership(group, contact), {"access_policy": policy("read-only")})],
        new_links=[("Account", 2)],
        name="Clan",
    )
    shown = browser.post(page_of(group), sent, follow=True)
    changed = ChangeRequest.objects.latest("pk")
    assert f"change request #{changed.pk} is pending approval" in text_of(shown)
    assert "was changed successfully" not in text_of(shown)
    assert "A change requested by Clerk Tester is pending review" in text_of(browser.get(page_of(group)))
    assert asked(changed) == [
        ("name", "Family", "Clan"),
        ("linkedEntities.Account.2", None, True),
        (f"members.{contact.pk}", policy(), policy("read-only")),
    ]
    assert (ContactGroup.objects.count(), LinkedEntity.objects.count(), members_of(group)) == (
        1,
        0,
        {contact.pk: "owner"},
    )
    assert not LogEntry.objects.exists()
    approve_all(rita)
    assert members_of(group) == {contact.pk: "read-only"}
    assert [str(link) for link in group.linked_entities.all()] == ["Account 2"]
    assert ContactGroup.objects.get(pk=created.subject_id).name == "New"


def test_the_page_that_deletes_a_group_asks(admin_of, clerk, group, rita):
    shown = admin_of(clerk).post(page_of(group, "delete/"), {"post": "yes"}, follow=True)
    request = ChangeRequest.objects.get()
    assert f"change request #{request.pk} is pending approval" in text_of(shown)
    assert "was deleted successfully" not in text_of(shown)
    assert not LogEntry.objects.exists()
    assert ContactGroup.objects.exists()
    shown = admin_of(rita).get(review_page(request))
    assert "Delete the group" in text_of(shown)
    approve_all(rita)
    assert not ContactGroup.objects.exists()
    assert admin_of(rita).get(review_page(request)).status_code == 200
    assert f"Family #{group.pk}" in text_of(admin_of(rita).get("/admin/changerequests/changerequest/?status=all"))


def test_unlinking_in_the_form_waits(admin_of, clerk, group, rita):
    link = link_entity(group, EntityType.ACCOUNT, 7)
    admin_of(clerk).post(page_of(group), form(group, links=[(link, {"DELETE": "on"})]))
    assert LinkedEntity.objects.exists()
    approve_all(rita)
    assert not LinkedEntity.objects.exists()


def test_staff_who_are_no_member_change_nothing(client_of_superuser, group, contact, policy):
    shown = client_of_superuser.post(page_of(group), form(group, name="Clan"), follow=True)
    assert shown.status_code == 404
    assert client_of_superuser.post(f"{LIST}add/", form(joining=[(contact, policy())])).status_code == 403
    assert not ChangeRequest.objects.exists()
    assert ContactGroup.objects.get().name == "Family"


@pytest.fixture
def client_of_superuser(admin_of):
    class Login:
        user = User.objects.create_superuser("root", password="secret-for-tests")

    return admin_of(Login)


# ---- the command


@pytest.fixture
def link(tmp_path):
    def run(text, **options):
        path = tmp_path / "links.csv"
        path.write_text(text)
        said = StringIO()
        call_command("link_entities", str(path), stdout=said, **options)
        return said.getvalue()

    return run


def test_the_command_asks_once_there_are_people(settings, link, group, make_group, contact, rita):
    settings.EMBEDDED = False
    other = make_group(contact, external_id="G-2")
    text = "groupExternalId,entityType,entityId\nG-1,Account,1\nG-1,Account,2\nG-2,Portfolio,1\n"
    said = link(text)
    request = ChangeRequest.objects.get()
    assert f"change request {request.pk} is pending review" in said
    assert "Would be added: 3" in said
    assert not LinkedEntity.objects.exists()
    ids = dict(request.subjects.values_list("subject_id", "pk"))
    assert sorted(ids) == [group.pk, other.pk]
    parts = Parts(excluded_subject_ids=[ids[other.pk]])
    decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE, parts=parts)
    apply_approved_request(request.pk)
    assert {str(found) for found in LinkedEntity.objects.all()} == {"Account 1", "Account 2"}


def test_what_was_approved_of_a_file_is_linked(settings, link, group, rita):
    settings.EMBEDDED = False
    link("groupExternalId,entityType,entityId\nG-1,Account,1\n")
    approve_all(rita)
    request = ChangeRequest.objects.get()
    assert [str(found) for found in LinkedEntity.objects.all()] == ["Account 1"]
    assert recorded(group.pk)[1][1:] == (request.pk, [("linkedEntities.Account.1", None, True)])


def test_the_command_breaks_the_glass(settings, link, group, rita):
    settings.EMBEDDED = False
    said = link("groupExternalId,entityType,entityId\nG-1,Account,1\n", break_glass=True, reason="Migration tonight")
    assert "Added: 1" in said
    assert LinkedEntity.objects.exists()
    assert ChangeRequest.objects.get().kind == "break-glass"
    assert recorded(group.pk)[1][0].startswith("link_entities")


def test_a_dry_run_asks_for_nothing(settings, link, group, rita):
    settings.EMBEDDED = False
    assert "Would be added: 1" in link("groupExternalId,entityType,entityId\nG-1,Account,1\n", dry_run=True)
    assert not ChangeRequest.objects.exists()


# ---- the ledger


def test_links_by_the_command_and_the_system_are_in_the_ledger(link, group):
    link("groupExternalId,entityType,entityId\nG-1,Account,1\n")
    change_group(actor=SYSTEM, group_id=group.pk, unlinked=[("Account", 1)], name=None)
    delete_group(actor=SYSTEM, group_id=group.pk)
    assert [(who, changes[0][0]) for who, _request, changes in recorded(group.pk)] == [
        ("tests", "id"),
        ("link_entities", "linkedEntities.Account.1"),
        ("tests", "name"),
        ("tests", "id"),
    ]


def test_an_entity_that_another_group_gets_meanwhile_is_refused_by_name(
    client, admin_of, clerk, group, make_group, contact, rita, api_of
):
    admin_of(clerk).post(page_of(group), form(group, new_links=[("Account", 7)]))
    link_entity(make_group(contact), EntityType.ACCOUNT, 7)
    request = ChangeRequest.objects.get()
    answer = api_of(rita).post(address(request, "/review"), {"isApproved": True})
    assert (answer.status, answer.sub_code) == (422, "EntityAlreadyLinked")


def test_strict_asks_for_the_digest(client, group, rita, api_of):
    set_policy(policy_of_kind([stage()], [rule("Review")], is_digest_required=True), kind=CONTACT_GROUP)
    request = waits(client.put(group_path(group), {"groupName": "Clan"}))
    assert api_of(rita).post(address(request, "/review"), {"isApproved": True}).status == 412
    digest = api_of(rita).get(address(request)).json["digest"]
    assert api_of(rita).post(address(request, "/review"), {"isApproved": True, "digest": digest}).status == 204


def test_a_creation_needs_a_contact(clerk):
    with pytest.raises(UnprocessableEntity) as refused:
        create_group(actor=member_actor(clerk), memberships=[])
    assert refused.value.sub_code == "ContactsRequired"
    assert not RequestSubject.objects.exists()


def test_applying_twice_changes_nothing_more(settings, link, group, rita):
    settings.EMBEDDED = False
    link("groupExternalId,entityType,entityId\nG-1,Account,1\n")
    approve_all(rita)
    apply_approved_request(ChangeRequest.objects.get().pk)
    assert len(recorded(group.pk)) == 2


def test_memberships_by_the_service_are_of_the_actor(clerk, contact, policy):
    new = create_group(actor=member_actor(clerk), memberships=[Membership(contact.pk, policy())])
    assert new.change_request is not None
    assert new.change_request.initiator_member_id == clerk.pk
