"""Creating, reading, changing and deleting contact groups through HTTP."""

import pytest

from accounts.actor import Actor, ActorKind, member_actor, system_actor
from contactgroups.models import ContactGroup, EntityType, GroupMembership
from contactgroups.services import Membership, create_group
from contacts.models import ContactAssignment
from contacts.services.anonymization import anonymize_contacts
from core.errors import UnprocessableEntity
from schemas.models import ListItem
from schemas.services import remove_list_item
from tests.changerequests.engine import approve_all
from tests.contactgroups.linking import link_entity

pytestmark = pytest.mark.django_db
UNKNOWN = 2**31 - 1


def groups_path(contact):
    return f"/v2.0/contacts/{contact.pk}/contactgroups"


def group_path(group):
    return f"/v1.0/contactgroups/{group.pk}"


def entry(contact, policy_id):
    return {"contactId": getattr(contact, "pk", contact), "accessPolicyId": policy_id}


# ---- who may


def test_without_a_token_nothing_is_read(make_contact, make_group, anonymous):
    group = make_group(make_contact())
    assert anonymous.get(group_path(group)).status == 401


def test_a_contact_reads_groups_and_writes_none(make_contact, make_group, api_of):
    contact = make_contact()
    group, heidi = make_group(contact), api_of(contact)
    assert heidi.get(group_path(group)).status == 200
    assert heidi.post(groups_path(contact), {}).status == 403
    assert heidi.put(group_path(group), {"groupName": "Mine"}).status == 403
    assert heidi.delete(group_path(group)).status == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_group_of_which_the_caller_sees_no_contact_is_not_found(
    make_contact, make_group, make_member, make_app, make_participant, api_of, method
):
    group = make_group(make_contact())
    body = {"contacts": [entry(UNKNOWN, UNKNOWN)]} if method == "PUT" else None
    for caller in (make_member(), make_app(participants=[make_participant()])):
        assert api_of(caller).call(method, group_path(group), body).status == 404
    assert ContactGroup.objects.filter(pk=group.pk).exists()


def test_a_contact_sees_its_own_groups_alone(make_contact, make_group, api_of):
    heidi, peter = make_contact(), make_contact()
    own, other = make_group(heidi), make_group(peter)
    client = api_of(heidi)
    assert client.get(group_path(other)).status == 404
    assert client.get(groups_path(peter)).status == 404
    assert [group["groupId"] for group in client.get(groups_path(heidi)).json["groups"]] == [own.pk]


def test_an_empty_group_is_seen_by_those_who_see_all_contacts(make_group, make_member, app, api_of):
    group = make_group()
    assert app.get(group_path(group)).json["contacts"] == []
    assert api_of(make_member(sees_all_contacts=True)).get(group_path(group)).status == 200
    assert api_of(make_member()).get(group_path(group)).status == 404


@pytest.mark.parametrize("number", [0, 2**31, 2**63, 10**30])
def test_an_id_that_no_group_can_have_is_not_found(app, number):
    assert app.get(f"/v1.0/contactgroups/{number}").status == 404
    assert app.delete(f"/v1.0/contactgroups/{number}").status == 404
    assert app.put(f"/v1.0/contactgroups/{number}", {}).status == 404
    assert app.get(f"/v2.0/contacts/{number}/contactgroups").status == 404
    assert app.post(f"/v2.0/contacts/{number}/contactgroups", {}).status == 404


# ---- creating


def test_the_contact_that_a_group_is_created_under_owns_it(make_contact, app, members_of):
    contact = make_contact()
    created = app.post(groups_path(contact), {})
    assert created.status == 201
    group = ContactGroup.objects.get(pk=created.json["id"])
    assert created.json == {"id": group.pk}
    assert members_of(group) == {contact.pk: "owner"}
    assert (group.name, group.external_id, group.custom_attributes) == (None, None, None)


def test_the_contact_gets_another_policy_when_it_is_named_with_one(make_contact, app, policy, members_of):
    contact, other = make_contact(), make_contact()
    body = {
        "groupName": "Family Spyri",
        "groupExternalId": " G-1 ",
        "customAttributes": '{"since": 1880}',
        "contacts": [entry(other, policy()), entry(contact, policy("read-only"))],
    }
    group = ContactGroup.objects.get(pk=app.post(groups_path(contact), body).json["id"])
    assert members_of(group) == {other.pk: "owner", contact.pk: "read-only"}
    assert (group.name, group.external_id, group.custom_attributes) == ("Family Spyri", "G-1", '{"since": 1880}')


def test_a_group_is_not_created_under_a_contact_that_the_caller_cannot_see(make_contact, make_member, api_of):
    assert api_of(make_member()).post(groups_path(make_contact()), {}).status == 404
    assert not ContactGroup.objects.exists()


def test_a_service_may_create_a_group_for_a_contact_that_acts_for_itself(make_contact, policy, members_of):
    contact, other = make_contact(), make_contact()
    actor = Actor(kind=ActorKind.CONTACT, name="Johanna", contact_id=contact.pk)
    group = create_group(actor=actor, memberships=[], include_contact_id=contact.pk)
    assert members_of(ContactGroup.objects.get(pk=group.id)) == {contact.pk: "owner"}
    with pytest.raises(UnprocessableEntity) as refused:
        create_group(actor=actor, memberships=[Membership(other.pk, policy())], include_contact_id=contact.pk)
    assert refused.value.sub_code == "UnknownContacts"


def test_nobody_creates_a_group_that_it_would_not_see(make_member):
    member = make_member()
    with pytest.raises(UnprocessableEntity) as refused:
        create_group(actor=member_actor(member), memberships=[])
    assert refused.value.sub_code == "ContactsRequired"


def test_without_the_policy_owner_the_contact_has_to_be_named_with_one(make_contact, app, policy):
    contact, full_access = make_contact(), policy("full-access")
    ListItem.objects.filter(pk=policy()).delete()
    assert app.post(groups_path(contact), {}).sub_code == "UnknownAccessPolicies"
    assert app.post(groups_path(contact), {"contacts": [entry(contact, full_access)]}).status == 201


def test_an_access_policy_in_use_is_not_removed(make_contact, make_group):
    make_group(make_contact())
    with pytest.raises(UnprocessableEntity):
        remove_list_item(actor=system_actor("tests"), list_key="access-policy", key="owner")


def test_contacts_that_the_caller_cannot_see_are_as_unknown_as_those_that_do_not_exist(
    make_contact, make_member, api_of, policy
):
    member = make_member()
    own, hidden = make_contact(members=[member]), make_contact()
    body = {"contacts": [entry(own, policy()), entry(hidden, policy()), entry(UNKNOWN, policy())]}
    answer = api_of(member).post(groups_path(own), body)
    assert (answer.status, answer.sub_code) == (422, "UnknownContacts")
    assert answer.places == {"contacts[1].contactId", "contacts[2].contactId"}
    assert not ContactGroup.objects.exists()


def test_a_contact_named_twice_is_refused(make_contact, app, policy):
    contact = make_contact()
    body = {"contacts": [entry(contact, policy()), entry(contact, policy("read-only"))]}
    answer = app.post(groups_path(contact), body)
    assert (answer.status, answer.sub_code, answer.places) == (422, "DuplicateContact", {"contacts[1].contactId"})


def test_an_access_policy_is_an_item_of_its_list(make_contact, contact_type, app, policy):
    contact, other = make_contact(), make_contact()
    body = {"contacts": [entry(contact, contact_type.pk), entry(other, UNKNOWN)]}
    answer = app.post(groups_path(contact), body)
    assert (answer.status, answer.sub_code) == (422, "UnknownAccessPolicies")
    assert answer.places == {"contacts[0].accessPolicyId", "contacts[1].accessPolicyId"}


def test_an_external_id_is_unique(make_contact, make_group, app):
    contact = make_contact()
    make_group(contact, external_id="G-1")
    other = make_group(contact, external_id="G-2")
    created = app.post(groups_path(contact), {"groupExternalId": "G-1"})
    changed = app.put(group_path(other), {"groupExternalId": "G-1"})
    for answer in (created, changed):
        assert (answer.status, answer.sub_code, answer.places) == (422, "ExternalIdNotUnique", {"groupExternalId"})
    assert app.put(group_path(other), {"groupExternalId": "G-2"}).status == 204


def test_an_anonymized_contact_joins_no_group(make_contact, make_group, app, policy, members_of):
    gone, contact = make_contact(), make_contact()
    own = make_group(gone)
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[gone.pk])
    joining = {"contacts": [entry(gone, policy())]}
    assert app.post(groups_path(gone), {}).sub_code == "ContactAnonymized"
    assert app.post(groups_path(contact), joining).sub_code == "ContactAnonymized"
    assert app.put(group_path(make_group(contact)), joining).sub_code == "ContactAnonymized"
    # Where it is already it may stay, also with another policy.
    assert app.put(group_path(own), {"contacts": [entry(gone, policy("read-only"))]}).status == 204
    assert members_of(own) == {gone.pk: "read-only"}


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"groupName": 7}, {"groupName"}),
        ({"groupName": "x" * 501}, {"groupName"}),
        ({"groupExternalId": ""}, {"groupExternalId"}),
        ({"groupExternalId": "x" * 201}, {"groupExternalId"}),
        ({"customAttributes": {}}, {"customAttributes"}),
        ({"name": "x"}, {"name"}),
        ({"contacts": {}}, {"contacts"}),
        ({"contacts": [{"contactId": "1", "accessPolicyId": 1}]}, {"contacts[0].contactId"}),
        ({"contacts": [{"contactId": 1}]}, {"contacts[0].accessPolicyId"}),
        ({"contacts": [{"contactId": 2**31, "accessPolicyId": 1}]}, {"contacts[0].contactId"}),
        ({"contacts": [{"contactId": 1, "accessPolicyId": 1, "role": 1}]}, {"contacts[0].role"}),
    ],
)
def test_malformed_input_is_refused_by_its_place(make_contact, make_group, app, body, places):
    contact = make_contact()
    for answer in (app.post(groups_path(contact), body), app.put(group_path(make_group(contact)), body)):
        assert answer.status == 400
        if "contacts" not in body or isinstance(body["contacts"], list):
            assert answer.places == places


def test_the_same_request_again_creates_nothing_again(make_contact, app):
    contact = make_contact()
    first = app.post(groups_path(contact), {"groupName": "Family"}, idempotency_key="order-7")
    again = app.post(groups_path(contact), {"groupName": "Family"}, idempotency_key="order-7")
    assert (first.status, again.status, first.json) == (201, 201, again.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert ContactGroup.objects.count() == 1


# ---- reading


def test_a_group_is_shown_with_the_names_of_its_contacts_and_of_their_policies(make_contact, app, policy):
    contact, other = make_contact(), make_contact()
    body = {
        "groupName": "Family",
        "groupExternalId": "G-1",
        "customAttributes": "x=1",
        "contacts": [entry(contact, policy("full-access")), entry(other, policy("read-only"))],
    }
    number = app.post(groups_path(contact), body).json["id"]
    shown = app.get(f"/v1.0/contactgroups/{number}", accept_language="de").json
    assert shown == {
        "groupId": number,
        "groupName": "Family",
        "groupExternalId": "G-1",
        "customAttributes": "x=1",
        "contacts": [
            {
                "contactId": contact.pk,
                "name": "Johanna Spyri",
                "accessPolicyId": policy("full-access"),
                "accessPolicyName": "Vollzugriff",
            },
            {
                "contactId": other.pk,
                "name": "Johanna Spyri",
                "accessPolicyId": policy("read-only"),
                "accessPolicyName": "Nur Lesen",
            },
        ],
    }
    assert app.get(groups_path(other), accept_language="de").json == {"groups": [shown]}


def test_fellow_members_that_the_caller_cannot_see_are_left_out(make_contact, make_group, make_member, api_of):
    member = make_member()
    own, hidden = make_contact(members=[member]), make_contact()
    group = make_group(own, hidden)
    for caller in (member, own):
        client = api_of(caller)
        shown = [
            client.get(group_path(group)).json,
            *client.get(groups_path(own)).json["groups"],
            *client.post("/v1.0/contact-groups/search", {}).json["results"],
        ]
        assert [[row["contactId"] for row in one["contacts"]] for one in shown] == [[own.pk]] * 3


def test_the_groups_of_a_contact_take_as_many_queries_for_many_as_for_few(
    make_contact, make_group, make_member, api_of, count_queries
):
    member = make_member()
    contacts = [make_contact(members=[member]) for _ in range(5)]
    client = api_of(member)
    group, *_others = [make_group(*contacts) for _ in range(20)]
    with count_queries() as queries:
        assert len(client.get(groups_path(contacts[0])).json["groups"]) == 20
    assert len(queries) <= 4
    with count_queries() as queries:
        assert len(client.get(group_path(group)).json["contacts"]) == 5
    assert len(queries) <= 3


# ---- changing


@pytest.fixture
def family(make_contact, make_group):
    return make_group(make_contact(), name="Family", external_id="G-1", custom_attributes="x=1")


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({}, ("Family", "G-1", "x=1")),
        ({"groupName": "Clan"}, ("Clan", "G-1", "x=1")),
        ({"groupName": None}, (None, "G-1", "x=1")),
        ({"groupName": "", "customAttributes": ""}, (None, "G-1", None)),
        ({"groupExternalId": None, "customAttributes": None}, ("Family", None, None)),
        ({"contacts": None}, ("Family", "G-1", "x=1")),
    ],
)
def test_an_absent_property_stays_and_null_empties_a_text(app, family, members_of, body, texts):
    before = members_of(family)
    assert app.put(group_path(family), body).status == 204
    family.refresh_from_db()
    assert (family.name, family.external_id, family.custom_attributes) == texts
    assert members_of(family) == before


def test_given_contacts_replace_the_members(make_contact, make_group, app, policy, members_of):
    stays, goes, changes, comes = (make_contact() for _ in range(4))
    group = make_group(stays, goes, changes)
    kept = GroupMembership.objects.get(contact=stays).pk
    body = {"contacts": [entry(stays, policy()), entry(changes, policy("read-only")), entry(comes, policy())]}
    assert app.put(group_path(group), body).status == 204
    assert members_of(group) == {stays.pk: "owner", changes.pk: "read-only", comes.pk: "owner"}
    assert GroupMembership.objects.get(contact=stays).pk == kept
    assert app.put(group_path(group), {"contacts": []}).status == 204
    assert members_of(group) == {}


def test_members_that_the_caller_cannot_see_stay(
    make_contact, make_group, make_member, api_of, policy, members_of, rita
):
    member = make_member()
    own, joins, hidden = make_contact(members=[member]), make_contact(members=[member]), make_contact()
    group, client = make_group(own, hidden), api_of(member)
    assert client.put(group_path(group), {"contacts": [entry(joins, policy("read-only"))]}).status == 202
    approve_all(rita)
    assert members_of(group) == {joins.pk: "read-only", hidden.pk: "owner"}
    naming = client.put(group_path(group), {"contacts": [entry(hidden, policy("read-only"))]})
    assert (naming.sub_code, naming.places) == ("UnknownContacts", {"contacts[0].contactId"})


def test_a_refused_change_changes_nothing(app, family, policy, members_of):
    before = members_of(family)
    answer = app.put(group_path(family), {"groupName": "Clan", "contacts": [entry(UNKNOWN, policy())]})
    assert (answer.status, answer.sub_code) == (422, "UnknownContacts")
    family.refresh_from_db()
    assert (family.name, members_of(family)) == ("Family", before)


def test_who_is_assigned_to_a_contact_that_joins_sees_the_group_from_then_on(
    make_contact, make_group, make_member, app, api_of, policy
):
    member, group = make_member(), make_group(make_contact())
    joins = make_contact()
    ContactAssignment.objects.create(contact=joins, member=member)
    assert api_of(member).get(group_path(group)).status == 404
    app.put(group_path(group), {"contacts": [entry(joins, policy())]})
    assert api_of(member).get(group_path(group)).status == 200


# ---- deleting


def test_a_group_is_deleted_with_its_memberships_and_without_its_contacts(make_contact, make_group, app):
    contact = make_contact()
    group = make_group(contact)
    assert app.delete(group_path(group)).status == 204
    assert app.get(group_path(group)).status == 404
    assert not GroupMembership.objects.exists()
    contact.refresh_from_db()


def test_a_group_with_linked_entities_is_not_deleted(make_contact, make_group, app):
    group = make_group(make_contact())
    link_entity(group, EntityType.ACCOUNT, 7)
    answer = app.delete(group_path(group))
    assert (answer.status, answer.sub_code) == (422, "GroupHasEntities")
    assert ContactGroup.objects.filter(pk=group.pk).exists()
