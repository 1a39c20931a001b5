"""Access to contact groups and to the entities linked to them, through HTTP."""

from uuid import uuid4

import pytest

from contactgroups.models import EntityType
from tests.contactgroups.linking import link_entity

pytestmark = pytest.mark.django_db
UNKNOWN = 2**31 - 1
TOO_LARGE = (2**31, 2**63, 10**30)


def contact_paths(contact_id, group_id, entity_id=7, entity_type="Account"):
    """The two questions about a contact: for the group, and for the entity that is linked to it."""
    return (
        f"/v1.0/contact-groups/{group_id}/contacts/{contact_id}/access",
        f"/v1.0/contact-groups/contacts/{contact_id}/{entity_type}/{entity_id}/access",
    )


def identity_paths(identity_id, group_id, entity_id=7, entity_type="Account"):
    return (
        f"/v1.0/contact-groups/{group_id}/identities/{identity_id}/access",
        f"/v1.0/contact-groups/identities/{identity_id}/{entity_type}/{entity_id}/access",
    )


def answers(client, paths):
    """What both questions are answered with: true, false or the status of the refusal. They are always the same."""
    given = [client.get(path) for path in paths]
    told = {answer.json["hasAccess"] if answer.status == 200 else answer.status for answer in given}
    assert len(told) == 1, [(answer.status, answer.json) for answer in given]
    return told.pop()


@pytest.fixture
def make_linked_group(make_group):
    """A group with account 7."""

    def make(*contacts):
        group = make_group(*contacts)
        link_entity(group, EntityType.ACCOUNT, 7)
        return group

    return make


# ---- contacts


def test_a_contact_has_access_to_the_groups_that_it_is_in(make_contact, make_linked_group, app, api_of):
    heidi, peter = make_contact(), make_contact()
    group = make_linked_group(heidi)
    assert answers(app, contact_paths(heidi.pk, group.pk)) is True
    assert answers(app, contact_paths(peter.pk, group.pk)) is False
    assert answers(api_of(heidi), contact_paths(heidi.pk, group.pk)) is True
    assert answers(api_of(peter), contact_paths(peter.pk, group.pk)) is False


def test_of_a_contact_that_the_caller_cannot_see_nothing_is_told(
    make_contact, make_linked_group, make_member, make_app, make_participant, api_of
):
    heidi = make_contact()
    group = make_linked_group(heidi)
    for caller in (make_member(), make_contact(), make_app(participants=[make_participant()])):
        assert answers(api_of(caller), contact_paths(heidi.pk, group.pk)) == 404


def test_what_is_unknown_is_not_found(make_contact, make_linked_group, make_member, app):
    heidi, anna = make_contact(), make_member()
    group = make_linked_group(heidi)
    for number in (0, UNKNOWN, *TOO_LARGE):
        assert answers(app, contact_paths(number, group.pk)) == 404
        assert answers(app, contact_paths(heidi.pk, number, number)) == 404
        assert answers(app, identity_paths(anna.uid, number, number)) == 404
    assert answers(app, identity_paths(uuid4(), group.pk)) == 404
    assert answers(app, identity_paths(heidi.uid, group.pk)) == 404


@pytest.mark.parametrize("entity_type", ["LegalEntity", "Portfolio", "PortfolioProposal"])
def test_an_entity_is_told_from_one_of_another_type_with_the_same_id(
    make_contact, make_linked_group, make_group, make_member, app, entity_type
):
    heidi, peter = make_contact(), make_contact()
    anna = make_member(sees_all_contacts=True)
    make_linked_group(heidi)
    path = contact_paths(peter.pk, 0, entity_type=entity_type)[1]
    assert app.get(path).status == 404
    link_entity(make_group(peter), entity_type, 7)
    assert app.get(path).json == {"hasAccess": True}
    assert app.get(contact_paths(heidi.pk, 0, entity_type=entity_type)[1]).json == {"hasAccess": False}
    assert app.get(identity_paths(anna.uid, 0, entity_type=entity_type)[1]).json == {"hasAccess": True}


@pytest.mark.parametrize("entity_type", ["Yacht", "account", "ACCOUNT", "1", "%00"])
def test_a_type_of_entity_that_does_not_exist_is_refused(make_contact, make_member, app, entity_type):
    for path in (
        contact_paths(make_contact().pk, 0, entity_type=entity_type)[1],
        identity_paths(make_member().uid, 0, entity_type=entity_type)[1],
    ):
        answer = app.get(path)
        assert (answer.status, answer.places) == (400, {"entityType"})
        assert "PortfolioProposal" in answer.json["properties"]["entityType"][0]


@pytest.mark.parametrize("identity", ["1", "x", "{0}", "urn:uuid:{0}", "{0}0"])
def test_an_identity_that_is_no_uuid_is_refused(make_contact, make_linked_group, app, identity):
    group = make_linked_group(make_contact())
    text = identity.format(uuid4()) if identity != "{0}" else uuid4().hex
    assert answers(app, identity_paths(text, group.pk)) == 400


# ---- members


def test_a_member_has_access_when_a_contact_of_the_group_is_assigned_to_it_or_below_it(
    make_contact, make_linked_group, make_member, app
):
    head = make_member()
    anna = make_member(manager=head)
    ben = make_member(manager=anna)
    group = make_linked_group(make_contact(), make_contact(members=[anna]))
    assert answers(app, identity_paths(anna.uid, group.pk)) is True
    assert answers(app, identity_paths(str(anna.uid).upper(), group.pk)) is True
    assert answers(app, identity_paths(head.uid, group.pk)) is True
    assert answers(app, identity_paths(ben.uid, group.pk)) is False
    assert answers(app, identity_paths(make_member(manager=head).uid, group.pk)) is False


def test_a_member_that_sees_all_contacts_has_access_to_every_group_with_a_contact(
    make_contact, make_linked_group, make_group, make_member, app
):
    anna = make_member(sees_all_contacts=True)
    assert answers(app, identity_paths(anna.uid, make_linked_group(make_contact()).pk)) is True
    empty = make_group()
    assert app.get(identity_paths(anna.uid, empty.pk)[0]).json == {"hasAccess": False}


def test_a_member_asks_about_itself_and_those_below_it(make_contact, make_linked_group, make_member, api_of):
    head = make_member()
    anna = make_member(manager=head)
    ben = make_member(manager=anna)
    group = make_linked_group(make_contact(members=[ben]))
    client = api_of(anna)
    assert answers(client, identity_paths(anna.uid, group.pk)) is True
    assert answers(client, identity_paths(ben.uid, group.pk)) is True
    assert answers(client, identity_paths(head.uid, group.pk)) == 404
    assert answers(client, identity_paths(make_member(manager=head).uid, group.pk)) == 404
    everything = api_of(make_member(sees_all_contacts=True))
    assert answers(everything, identity_paths(head.uid, group.pk)) is True


def test_an_application_asks_about_any_member_whatever_its_participants(
    make_contact, make_linked_group, make_member, make_app, make_participant, api_of
):
    anna = make_member()
    group = make_linked_group(make_contact(members=[anna]))
    restricted = api_of(make_app(participants=[make_participant()]))
    assert answers(restricted, identity_paths(anna.uid, group.pk)) is True


def test_a_contact_asks_about_no_member(make_contact, make_linked_group, make_member, api_of):
    heidi = make_contact()
    group = make_linked_group(heidi)
    assert answers(api_of(heidi), identity_paths(make_member().uid, group.pk)) == 403


# ---- what it costs


def test_every_question_takes_two_statements_with_the_lookup_of_the_token(
    make_contact, make_linked_group, make_member, make_app, make_participant, api_of, count_queries
):
    head, zurich = make_member(), make_participant()
    anna = make_member(manager=head)
    heidi = make_contact(members=[anna], participants=[zurich])
    group = make_linked_group(heidi, *(make_contact(members=[anna]) for _ in range(5)))
    of_contact, of_identity = contact_paths(heidi.pk, group.pk), identity_paths(anna.uid, group.pk)
    for caller in (make_app(), make_app(participants=[zurich]), head, make_member(sees_all_contacts=True), heidi):
        client = api_of(caller)
        for path in of_contact if caller is heidi else (*of_contact, *of_identity):
            with count_queries() as queries:
                assert client.get(path).json == {"hasAccess": True}
            assert len(queries) <= 2, [query["sql"] for query in queries.captured_queries]
