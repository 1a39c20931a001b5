"""Undoing a merge over the API."""

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Verdict
from changerequests.services.deciding import decide
from contacts.models import CONTACT_DETAILS, MERGE, UNMERGE, Contact, ContactParticipant, Merge
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from contacts.services.logins import open_login
from core.errors import UnprocessableEntity
from merging.services.merging import merge_contacts
from merging.services.separating import unmerge_contacts
from tests.fixtures import details
from tests.merging.conftest import everything
from tests.requests import changes_of

SYSTEM = system_actor("tests")

pytestmark = pytest.mark.django_db


def merged(survivor, loser, **body):
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk, **body)


def unmerged(survivor, loser):
    unmerge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)


def unmerge(api, survivor, loser, **body):
    return api.post(f"/v1.0/contacts/{survivor.pk}/unmerge", {"losingContactId": loser.pk, **body})


def last_names(contact):
    entries = Entry.objects.of(CONTACT_DETAILS, contact.pk).order_by("sequence")
    return [
        change["target"]
        for entry in entries
        for change in entry.changes
        if change["path"] == "personalInformation.lastName"
    ]


def test_nobody_separates_what_is_not_merged_or_not_seen(api_of, app, make_member, make_contact, pair):
    survivor, loser = pair
    assert unmerge(app, survivor, loser).sub_code == "NotMerged"
    merged(survivor, loser)
    assert unmerge(api_of(make_member(permissions=[], sees_all_contacts=True)), survivor, loser).status == 403
    assert unmerge(api_of(make_member(permissions=["merge_contact"])), survivor, loser).status == 404
    assert unmerge(app, make_contact(), loser).sub_code == "NotMerged"
    assert unmerge(app, survivor, survivor).sub_code == "NotMerged"
    assert everything(loser)["mergedInto"] == survivor.pk


def test_without_later_changes_both_are_as_before(app, make_contact, make_participant, make_member, make_group, policy):
    geneva, zug = make_participant(), make_participant()
    survivor = make_contact(
        details(contactInformation={"email": "a@example.com"}), participants=[geneva], members=[make_member()]
    )
    other = details(personalInformation={"lastName": "Other", "middleName": "L"})
    loser = make_contact(other, participants=[zug], members=[make_member()])
    both, _only = make_group(survivor, loser), make_group(loser)
    both.memberships.filter(contact=loser).update(access_policy=policy("read-only"))
    before = everything(survivor), everything(loser)
    merged(survivor, loser, details=other)
    assert (everything(survivor), everything(loser)) != before
    assert unmerge(app, survivor, loser).json == {"isApprovalRequired": False, "changeRequestId": None}
    assert (everything(survivor), everything(loser)) == before
    assert app.get(f"/v1.0/contacts/{loser.pk}").json["mergedIntoId"] is None
    assert [row["id"] for row in app.post("/v1.0/contacts/search", {"query": "Other"}).json["results"]] == [loser.pk]
    # Again, and back again.
    merged(loser, survivor)
    assert unmerge(app, loser, survivor).status == 200
    assert (everything(survivor), everything(loser)) == before


def test_later_changes_are_made_again_as_their_own_change(pair):
    survivor, loser = pair
    before = everything(survivor)["details"]
    merged(survivor, loser, details=everything(loser)["details"])
    patch_details(
        actor=SYSTEM,
        contact_id=survivor.pk,
        patch={"personalInformation": {"firstName": "Hanna"}, "contactInformation": {"email": "johanna@example.com"}},
    )
    unmerged(survivor, loser)
    assert everything(survivor)["details"] == {
        **before,
        "personalInformation": {**before["personalInformation"], "firstName": "Hanna"},
    }
    back, again = Entry.objects.of(CONTACT_DETAILS, survivor.pk).order_by("sequence")[3:]
    assert again.paths == ["personalInformation", "personalInformation.firstName"]
    assert {change["path"]: change["target"] for change in back.changes}["personalInformation.lastName"] == "Spyri"
    assert everything(loser)["details"]["personalInformation"]["middleName"] == "Louise"


def test_a_conflict_is_shown_to_who_decides_and_the_later_value_stays(api_of, anna, make_member, pair):
    survivor, loser = pair
    merged(survivor, loser, details=everything(loser)["details"])
    patch_details(actor=SYSTEM, contact_id=survivor.pk, patch={"personalInformation": {"lastName": "Later"}})
    answer = unmerge(api_of(anna), survivor, loser)
    assert answer.json["isApprovalRequired"]
    request = ChangeRequest.objects.get()
    asked = {change["path"]: (change["original"], change["target"]) for change in changes_of(request)}
    assert asked["conflicts"] == (
        None,
        [{"path": "personalInformation.lastName", "original": "Spyri", "target": "Later"}],
    )
    assert asked["details.personalInformation.middleName"] == ("Louise", None)
    first, second = (make_member(reviews=True, sees_all_contacts=True, permissions=()) for _number in range(2))
    patch_details(actor=SYSTEM, contact_id=survivor.pk, patch={"personalInformation": {"lastName": "Latest"}})
    with pytest.raises(UnprocessableEntity) as outdated:
        decide(actor=member_actor(first), change_request_id=request.pk, verdict=Verdict.APPROVE)
    assert set(outdated.value.properties) == {"details.personalInformation.lastName"}
    decide(actor=member_actor(first), change_request_id=request.pk, verdict=Verdict.REJECT)
    unmerge(api_of(anna), survivor, loser)
    decide(actor=member_actor(second), change_request_id=ChangeRequest.objects.latest("pk").pk, verdict=Verdict.APPROVE)
    assert everything(survivor)["details"]["personalInformation"] == {
        "firstName": "Johanna",
        "lastName": "Latest",
        "displayName": "Johanna Spyri",
        "dateOfBirth": "1967-06-12",
        "nationalities": ["CH"],
    }
    assert last_names(survivor) == ["Spyri", "Spyri-Heusser", "Later", "Latest", "Spyri", "Latest"]
    assert everything(loser)["mergedInto"] is None
    entries = Entry.objects.filter(kind=UNMERGE)
    assert set(entries.values_list("subject_id", "change_request")) == {
        (contact.pk, ChangeRequest.objects.latest("pk").pk) for contact in pair
    }


def test_who_came_later_stays_and_what_the_merge_gave_goes(make_contact, make_participant, make_group, members_of):
    first, second, later = (make_participant() for _number in range(3))
    survivor, loser = make_contact(participants=[first]), make_contact(participants=[second])
    group, gone = make_group(loser), make_group(loser)
    merged(survivor, loser)
    ContactParticipant.objects.create(contact=survivor, participant=later)
    gone.delete()
    unmerged(survivor, loser)
    assert everything(survivor)["participants"] == [first.pk, later.pk]
    assert everything(loser)["participants"] == [second.pk]
    assert members_of(group) == {loser.pk: "owner"}


def test_a_chain_is_undone_from_its_end(app, make_contact):
    first, second, third = make_contact(), make_contact(), make_contact()
    merged(second, first)
    merged(third, second)
    refused = unmerge(app, third, first)
    assert (refused.sub_code, str(second.pk) in refused.json["message"]) == ("NotMerged", True)
    assert unmerge(app, third, second).status == 200
    assert [everything(one)["mergedInto"] for one in (first, second, third)] == [second.pk, None, None]
    assert unmerge(app, second, first).status == 200
    assert everything(first)["mergedInto"] is None


def test_two_merges_are_undone_in_either_order(make_contact):
    contacts = [make_contact(details(personalInformation={"lastName": name})) for name in ("A", "B", "C")]
    before = list(map(everything, contacts))
    survivor, *others = contacts
    for order in (others, others[::-1]):
        for other in others:
            merged(survivor, other, details=other.details)
        for other in order:
            unmerged(survivor, other)
        assert list(map(everything, contacts)) == before


def test_the_username_and_the_login_come_back(settings, make_contact):
    settings.USERNAME_FROM_EMAIL = True
    survivor, loser = (
        make_contact(details(contactInformation={"email": f"{name}@example.com"}), username=f"{name}@example.com")
        for name in "ab"
    )
    users = [open_login(actor=SYSTEM, contact_id=contact.pk) for contact in (survivor, loser)]
    before = everything(survivor), everything(loser)
    merged(survivor, loser, details=loser.details)
    unmerged(survivor, loser)
    assert (everything(survivor), everything(loser)) == before
    for user in users:
        user.refresh_from_db()
        assert user.is_active


def test_no_way_back_after_an_anonymization(app, pair):
    survivor, loser = pair
    merged(survivor, loser)
    anonymize_contacts(actor=SYSTEM, contact_ids=[survivor.pk])
    assert unmerge(app, survivor, loser).sub_code == "ContactAnonymized"


# ---- what the database holds


def run(statements):
    with connection.cursor() as cursor:
        cursor.execute(statements)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contacts_contact SET merged_into_id = {survivor} WHERE id = {other}",
        "UPDATE contacts_contact SET merged_into_id = NULL WHERE id = {loser}",
        "UPDATE contacts_contact SET merged_into_id = {loser} WHERE id = {survivor}",
        "UPDATE contacts_contact SET username = 'x' WHERE id = {loser}",
        "UPDATE contacts_contact SET details = '{{}}', version = version + 1 WHERE id = {loser}",
        "UPDATE contacts_merge SET undone_by_id = made_by_id",
        "UPDATE contacts_merge SET survivor_id = {other}",
        "UPDATE contacts_merge SET before = '{{}}'",
        "DELETE FROM contacts_merge",
        "INSERT INTO contacts_merge (survivor_id, loser_id, made_by_id, version_before, version_after, before, after)"
        " SELECT {survivor}, {other}, id, 1, 1, '{{}}', '{{}}' FROM audit_entry WHERE kind = 'contact-details' LIMIT 1",
    ],
)
def test_a_merge_is_made_and_undone_on_record_alone(make_contact, pair, statement):
    survivor, loser = pair
    other = make_contact()
    merged(survivor, loser)
    ids = {"survivor": survivor.pk, "loser": loser.pk, "other": other.pk}
    with pytest.raises(IntegrityError), transaction.atomic():
        run(f"{statement.format(**ids)}; SET CONSTRAINTS ALL IMMEDIATE")
    assert Contact.objects.get(pk=loser.pk).merged_into == survivor
    assert Merge.objects.get().undone_by is None
    assert Entry.objects.filter(kind=MERGE).count() == 2
