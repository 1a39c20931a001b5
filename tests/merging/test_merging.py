"""Merging a contact into another one over the API."""

import pytest

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from contacts.models import (
    CONTACT_ACCESS,
    CONTACT_DETAILS,
    MERGE,
    Channel,
    Contact,
    ContactAssignment,
    ContactParticipant,
    Merge,
)
from contacts.services.access import AccessChange, change_access
from contacts.services.changes import patch_details
from contacts.services.logins import open_login
from core.errors import ApiError, NotFound, UnprocessableEntity
from merging.services.merging import merge_contacts
from tests.changerequests.policies import policy as policy_of
from tests.changerequests.policies import rule, set_policy, stage
from tests.fixtures import details
from tests.merging.conftest import belongings, everything
from tests.requests import changes_of

SYSTEM = system_actor("tests")

pytestmark = pytest.mark.django_db


def merge(api, survivor, loser, **body):
    return api.post(f"/v1.0/contacts/{survivor.pk}/merge", {"losingContactId": loser.pk, **body})


def merged(survivor, loser, **body):
    """Merge as the system, which never waits."""
    return merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk, **body)


def approve(reviewer, request_id):
    return decide(actor=member_actor(reviewer), change_request_id=request_id, verdict=Verdict.APPROVE)


# ---- who may


def test_nobody_merges_without_the_right_or_without_seeing_both(api_of, make_member, make_contact, make_app, app):
    seen, hidden = make_contact(), make_contact()
    lacks = make_member(permissions=["change_contact_details"], sees_all_contacts=True)
    assert merge(api_of(lacks), seen, hidden).status == 403
    assert merge(api_of(seen), seen, hidden).status == 403
    member = make_member(permissions=["merge_contact"])
    ContactAssignment.objects.create(contact=seen, member=member)
    for survivor, loser in ((seen, hidden), (hidden, seen), (hidden, hidden)):
        assert merge(api_of(member), survivor, loser).status == 404
    assert merge(app, seen, Contact(pk=2_000_000_000)).status == 404
    assert merge(app, seen, seen).sub_code == "SameContact"
    assert not Merge.objects.exists()


def test_a_member_only_asks_and_somebody_else_decides(api_of, anna, rita, pair):
    survivor, loser = pair
    before = everything(survivor), everything(loser)
    answer = merge(api_of(anna), survivor, loser, comment="One person")
    request = ChangeRequest.objects.get()
    assert (answer.status, answer.json) == (200, {"isApprovalRequired": True, "changeRequestId": request.pk})
    assert (everything(survivor), everything(loser)) == before
    assert sorted(request.subjects.values_list("kind", "subject_id", "is_open")) == [
        (MERGE, survivor.pk, True),
        (MERGE, loser.pk, True),
    ]
    with pytest.raises(ApiError) as refused:
        approve(anna, request.pk)
    assert refused.value.code == "Forbidden"
    approve(rita, request.pk)
    loser.refresh_from_db()
    request.refresh_from_db()
    assert (loser.merged_into, request.status) == (survivor, Status.APPROVED)
    entries = Entry.objects.filter(kind=MERGE).order_by("subject_id")
    assert [(entry.subject_id, entry.initiator_member, entry.change_request, entry.comment) for entry in entries] == [
        (survivor.pk, anna, request, "One person"),
        (loser.pk, anna, request, "One person"),
    ]
    assert Entry.objects.of(CONTACT_DETAILS, survivor.pk).latest("sequence").initiator_member == anna


def test_who_does_not_see_both_does_not_see_the_request(api_of, anna, make_member, pair):
    survivor, loser = pair
    halves, whole = [make_member(reviews=True) for _contact in pair], make_member(reviews=True)
    for contact, half in zip(pair, halves, strict=True):
        ContactAssignment.objects.bulk_create(ContactAssignment(contact=contact, member=one) for one in (half, whole))
    merge(api_of(anna), survivor, loser)
    for half in halves:
        with pytest.raises(NotFound):
            approve(half, ChangeRequest.objects.get().pk)
    approve(whole, ChangeRequest.objects.get().pk)
    assert Merge.objects.exists()


def test_an_application_asks_only_where_a_policy_names_it(api_of, make_app, pair):
    application = make_app()
    set_policy(policy_of([stage()], [rule("Review", applications=[application.pk])]), kind=MERGE)
    assert merge(api_of(application), *pair).json["isApprovalRequired"]
    assert not Merge.objects.exists()


# ---- what becomes of the two


def test_the_survivor_keeps_its_values_and_gets_those_that_it_lacks(app, pair):
    survivor, loser = pair
    answer = merge(app, survivor, loser)
    assert (answer.status, answer.json) == (200, {"isApprovalRequired": False, "changeRequestId": None})
    expected = details(
        personalInformation={"lastName": "Spyri", "nationalities": ["CH"], "middleName": "Louise"},
        contactInformation={"email": "johanna@example.com", "mobile": "+41 79 123 45 67"},
    )
    assert everything(survivor)["details"] == expected
    assert everything(survivor)["username"] == "johanna"
    assert not Channel.objects.pending().exists()


def test_the_caller_chooses_values_and_unites_arrays(app, pair):
    survivor, loser = pair
    chosen = details(
        personalInformation={"lastName": "Spyri-Heusser", "nationalities": ["DE", "CH"]},
        contactInformation={"email": "heusser@example.com"},
    )
    assert merge(app, survivor, loser, details=chosen).status == 200
    assert everything(survivor)["details"] == chosen
    # What was verified before needs no key.
    assert not Channel.objects.pending().exists()


def test_a_merge_enters_no_address_and_opens_no_field(api_of, app, anna, pair):
    survivor, loser = pair
    new = details(contactInformation={"email": "somebody@else.example"})
    refused = merge(app, survivor, loser, details=new)
    assert (refused.sub_code, refused.places) == ("ValidationFailed", {"contactInformation.email"})
    refused = merge(app, survivor, loser, details={"personalInformation": {"unknown": 1}})
    assert refused.sub_code == "ValidationFailed"
    assert not Merge.objects.exists()


def test_the_survivor_gets_participants_members_and_groups_of_both(
    make_contact, make_participant, make_member, make_group, policy
):
    geneva, zug, bern = (make_participant(name) for name in ("Geneva", "Zug", "Bern"))
    one, other = make_member(), make_member()
    survivor = make_contact(members=[one], participants=[geneva, zug])
    loser = make_contact(members=[one, other], participants=[zug, bern])
    both, only = make_group(survivor, loser), make_group(loser)
    both.memberships.filter(contact=loser).update(access_policy=policy("read-only"))
    merged(survivor, loser)
    assert belongings(survivor) == {
        "participants": [geneva.pk, zug.pk, bern.pk],
        "members": [one.pk, other.pk],
        # In a group of both it keeps its own policy.
        "groups": {both.pk: policy("owner"), only.pk: policy("owner")},
    }
    assert belongings(loser) == {**belongings(survivor), "groups": {}}
    assert Entry.objects.of(CONTACT_ACCESS, survivor.pk).get().paths == ["members", "participants"]
    # From now on, who sees one sees the other.
    change = AccessChange(removed_participants=frozenset([geneva.pk]), removed_members=frozenset([other.pk]))
    change_access(actor=SYSTEM, wanted={survivor.pk: change})
    assert belongings(loser)["participants"] == [zug.pk, bern.pk]
    assert belongings(loser)["members"] == [one.pk]
    ContactParticipant.objects.create(contact=survivor, participant=geneva)
    assert belongings(loser)["participants"] == [geneva.pk, zug.pk, bern.pk]


def test_what_waits_about_the_merged_contact_is_decided_first(api_of, app, anna, rita, pair):
    survivor, loser = pair
    address = f"/v1.0/contacts/{loser.pk}/details"
    api_of(anna).patch(address, {"details": {"personalInformation": {"lastName": "Other"}}})
    waiting = ChangeRequest.objects.get()
    refused = merge(app, survivor, loser)
    assert (refused.sub_code, refused.json["properties"]) == (
        "PendingChangeRequestExists",
        {"changeRequestId": [str(waiting.pk)]},
    )
    approve(rita, waiting.pk)
    request = ChangeRequest.objects.get(pk=merge(api_of(anna), survivor, loser).json["changeRequestId"])
    api_of(anna).patch(address, {"details": {"personalInformation": {"lastName": "Again"}}})
    with pytest.raises(UnprocessableEntity) as outdated:
        approve(rita, request.pk)
    assert outdated.value.sub_code == "PendingChangeRequestExists"
    approve(rita, ChangeRequest.objects.latest("pk").pk)
    with pytest.raises(UnprocessableEntity) as outdated:
        approve(rita, request.pk)
    assert (outdated.value.sub_code, set(outdated.value.properties)) == ("ChangeRequestOutdated", {"losingContact"})
    assert not Merge.objects.exists()


def test_a_login_is_not_given_to_anybody(pair):
    survivor, loser = pair
    user = open_login(actor=SYSTEM, contact_id=loser.pk)
    with pytest.raises(UnprocessableEntity) as refused:
        merged(survivor, loser)
    assert refused.value.sub_code == "LoginOfMerged"
    own = open_login(actor=SYSTEM, contact_id=survivor.pk)
    merged(survivor, loser)
    user.refresh_from_db()
    own.refresh_from_db()
    assert (user.is_active, own.is_active) == (False, True)


def test_the_survivor_takes_over_the_username_with_the_email(settings, make_contact):
    settings.USERNAME_FROM_EMAIL = True
    survivor = make_contact(details(contactInformation={"email": "a@example.com"}), username="a@example.com")
    loser = make_contact(details(contactInformation={"email": "b@example.com"}), username="b@example.com")
    merged(survivor, loser, details=details(contactInformation={"email": "b@example.com"}))
    assert (everything(survivor)["username"], everything(loser)["username"]) == ("b@example.com", None)


def test_a_request_says_what_becomes_of_both(api_of, anna, make_participant, pair):
    survivor, loser = pair
    geneva = make_participant()
    ContactParticipant.objects.create(contact=loser, participant=geneva)
    merge(api_of(anna), survivor, loser)
    links = {"participants": [geneva.pk], "members": [], "groups": {}}
    assert [(one["path"], one["original"], one["target"]) for one in changes_of(ChangeRequest.objects.get())] == [
        ("details.contactInformation.mobile", None, "+41 79 123 45 67"),
        ("details.personalInformation.middleName", None, "Louise"),
        ("participants", [], [geneva.pk]),
        (
            "losingContact",
            {"id": loser.pk, "version": 1, "username": "heusser", **links},
            {"id": loser.pk, "mergedIntoId": survivor.pk},
        ),
    ]


# ---- chains, and what is refused afterwards


def test_a_chain_leads_to_its_end(app, make_contact):
    first, second, third = make_contact(), make_contact(), make_contact()
    merged(second, first)
    merged(third, second)
    assert [everything(contact)["mergedInto"] for contact in (first, second, third)] == [third.pk, third.pk, None]
    for contact in (first, second):
        assert app.get(f"/v1.0/contacts/{contact.pk}/details").json["id"] == third.pk
        assert merge(app, contact, third).sub_code == "SameContact"
    fourth = make_contact()
    assert merge(app, fourth, first).status == 200
    assert everything(third)["mergedInto"] == fourth.pk


def test_a_merged_contact_does_not_change_by_any_way(pair):
    survivor, loser = pair
    merged(survivor, loser)
    patch_details(actor=SYSTEM, contact_id=loser.pk, patch={"personalInformation": {"lastName": "Other"}})
    assert everything(survivor)["details"]["personalInformation"]["lastName"] == "Other"
    assert everything(loser)["details"]["personalInformation"]["lastName"] == "Spyri-Heusser"
