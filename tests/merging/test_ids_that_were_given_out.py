"""Every id that was given out means the contact that answers for it, at every operation that takes one."""

import pytest

from accounts.actor import system_actor
from contactgroups.services import Membership, change_group
from contacts.models import Contact, ContactAssignment, ContactParticipant
from contacts.services.anonymization import anonymize_contacts
from importexport.exports.selection import Selection, selected_rows
from importexport.models import ExportKind
from merging.services.merging import merge_contacts
from tests.fixtures import details
from tests.importexport.conftest import storage_directory
from tests.importexport.importing import array, counts, paths, synced
from tests.importexport.test_graphql import ids
from tests.requests import make_requests

__all__ = ["storage_directory"]

SYSTEM = system_actor("tests")

pytestmark = pytest.mark.django_db


@pytest.fixture
def merged(pair):
    """The pair, merged."""
    survivor, loser = pair
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    return pair


def test_the_merged_contact_says_what_it_was_and_who_answers(app, api_of, merged, make_app, make_participant):
    survivor, loser = merged
    answer = app.get(f"/v1.0/contacts/{loser.pk}")
    assert (answer.json["id"], answer.json["uId"], answer.json["username"], answer.json["mergedIntoId"]) == (
        loser.pk,
        str(loser.uid),
        "heusser",
        survivor.pk,
    )
    assert app.get(f"/v1.0/contacts/{survivor.pk}").json["mergedIntoId"] is None
    restricted = make_app(participants=[make_participant()])
    assert api_of(restricted).get(f"/v1.0/contacts/{loser.pk}").status == 404
    ContactParticipant.objects.create(contact=survivor, participant=restricted.participants.get())
    assert api_of(restricted).get(f"/v1.0/contacts/{loser.pk}").json["mergedIntoId"] == survivor.pk


def test_reading_and_changing_by_the_old_id(app, api_of, merged, count_queries):
    survivor, loser = merged
    old = f"/v1.0/contacts/{loser.pk}"
    with count_queries() as queries:
        assert app.get(f"{old}/details").json["id"] == survivor.pk
    assert len(queries) <= 3
    etag = app.get(f"{old}/details").headers["ETag"]
    with count_queries() as queries:
        patch = {"details": {"personalInformation": {"firstName": "Hanna"}}}
        assert app.patch(f"{old}/details", patch, if_match=etag).status == 200
    assert len(queries) <= 10
    whole = details(personalInformation={"firstName": "Jo"}, contactInformation={"email": "johanna@example.com"})
    assert app.put(f"{old}/details", {"details": whole}).status == 200
    survivor.refresh_from_db()
    assert survivor.details == whole
    assert app.get(f"{old}/username").json == {"username": "johanna"}
    assert app.put(f"{old}/username", {"username": "hanna"}).status == 204
    assert app.get(f"/v1.0/contacts/{survivor.pk}").json["username"] == "hanna"
    assert app.get(f"{old}/profile-picture").status == 200
    history = app.post(f"/v1.1{old.removeprefix('/v1.0')}/details/change-history/search", {})
    assert history.json["totalCount"] == survivor.version
    assert app.get(f"/v1.1/contacts/{loser.pk}/pending-change-request/check").json["hasPendingChangeRequest"] is False
    verify = app.post(f"{old}/communication-verification/resend", {"channel": "Email"})
    assert verify.sub_code == "NothingPending"
    assert api_of(survivor).get(f"{old}/details").json["id"] == survivor.pk


def test_external_ids_lead_to_the_survivor(app, merged):
    survivor, loser = merged
    for external_id in ("S-1", "L-1"):
        holder = app.get(f"/v1.0/contacts/external-connections/Default/{external_id}")
        assert holder.json["id"] == survivor.pk
    shown = app.get(f"/v1.0/contacts/{loser.pk}/external-connections").json["connections"]
    assert [one["externalId"] for one in shown] == ["S-1", "L-1"]
    taken = app.post(f"/v1.0/contacts/{survivor.pk}/external-connections", {"system": "CBS", "externalId": "L-1"})
    assert taken.sub_code == "ExternalIdNotUnique"


@pytest.mark.parametrize("term", ["L-1", "{loser.pk}", "{loser.uid}", "johanna@example.com", "79 123 45 67"])
def test_a_search_finds_the_survivor_once(app, merged, term):
    survivor, loser = merged
    found = app.post("/v1.0/contacts/search", {"query": term.format(loser=loser)}).json
    assert [row["id"] for row in found["results"]] == [survivor.pk]


def test_what_only_the_merged_contact_had_finds_nobody(app, merged):
    assert app.post("/v1.0/contacts/search", {"query": "Heusser"}).json["results"] == []


def test_groups_take_the_old_id(app, make_contact, make_group, members_of, policy):
    survivor, loser, other = make_contact(), make_contact(), make_contact()
    group = make_group(loser, other)
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    assert members_of(group) == {survivor.pk: "owner", other.pk: "owner"}
    for contact in (survivor, loser):
        shown = app.get(f"/v2.0/contacts/{contact.pk}/contactgroups").json["groups"]
        assert [one["groupId"] for one in shown] == [group.pk]
        assert app.get(f"/v1.0/contact-groups/{group.pk}/contacts/{contact.pk}/access").json == {"hasAccess": True}
        found = app.post("/v1.0/contact-groups/search", {"contactIds": [contact.pk]}).json
        assert [one["groupId"] for one in found["results"]] == [group.pk]
    members = [Membership(loser.pk, policy("read-only"))]
    change_group(actor=SYSTEM, group_id=group.pk, memberships=members)
    assert members_of(group) == {survivor.pk: "read-only"}
    new = app.post(f"/v2.0/contacts/{loser.pk}/contactgroups", {"groupName": "New"})
    assert members_of(type(group).objects.get(pk=new.json["id"])) == {survivor.pk: "owner"}


def test_requests_of_both_are_found_by_either_id(app, anna, merged):
    survivor, loser = merged
    of_survivor, of_loser = make_requests(survivor.pk, anna).pk, make_requests(loser.pk, anna).pk
    for contact in merged:
        found = app.post("/v1.0/contacts/change-requests/search", {"contactIds": [contact.pk]}).json
        assert {row["id"] for row in found["results"]} == {of_survivor, of_loser}


def test_a_member_sees_one_row(api_of, make_member, merged):
    survivor, _loser = merged
    member = make_member()
    ContactAssignment.objects.create(contact=survivor, member=member)
    assert ids(api_of(member)) == [survivor.pk]


def test_queries_and_exports_find_the_survivor_by_each_key(app, merged, make_contact):
    survivor, loser = merged
    make_contact()
    for contact, external_id in ((survivor, "S-1"), (loser, "L-1")):
        keys = f"id: {{eq: {contact.pk}}}", f'uid: {{eq: "{contact.uid}"}}', f'externalId: {{in: ["{external_id}"]}}'
        for key in keys:
            assert ids(app, f"where: {{{key}}}") == [survivor.pk]
    assert ids(app, f"where: {{id: {{neq: {loser.pk}}}, externalId: {{neq: null}}}}") == []
    assert ids(app, f"where: {{id: {{gt: {survivor.pk}}}, externalId: {{neq: null}}}}") == []
    query = f"query {{ contacts(where: {{id: {{in: [{loser.pk}]}}}}) {{ items {{ id }} }} }}"
    rows = selected_rows(Selection(ExportKind.CONTACTS, query=query), SYSTEM)
    assert [row.pk for row in rows] == [survivor.pk]


def test_an_import_changes_the_survivor_by_both_external_ids(merged, contact_type, storage_directory):
    survivor, _loser = merged

    def entry(external_id, **section):
        return {"externalId": external_id, "details": details(**section), "contactTypeId": contact_type.pk}

    changed = details(contactInformation={"email": "johanna@example.com"}, personalInformation={"firstName": "Jo"})
    assert counts(synced(array(entry("L-1", **changed)))) == (0, 1, 0, 0)
    survivor.refresh_from_db()
    assert survivor.details == changed
    job = synced(array(entry("S-1", **changed), entry("L-1", personalInformation={"firstName": "Hanna"})))
    assert (counts(job), paths(job)) == ((0, 0, 1, 1), [(2, "externalId")])


def test_anonymizing_either_erases_both(merged):
    survivor, loser = merged
    anonymize_contacts(actor=SYSTEM, contact_uids=[loser.uid])
    for contact in merged:
        contact.refresh_from_db()
        assert contact.anonymized_at is not None
        assert contact.username is None
        assert "Louise" not in str(contact.details)
    assert Contact.objects.get(pk=loser.pk).merged_into == survivor
