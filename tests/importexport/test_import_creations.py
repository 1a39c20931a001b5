"""What a member's import would create waits where its own creation would."""

import pytest

from accounts.actor import member_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Source
from changerequests.services.deciding import Parts
from changerequests.services.withdrawing import cancel_change_request
from contacts.kinds.creation import ContactCreationKind
from contacts.models import (
    CONTACT_CREATION,
    CONTACT_DETAILS,
    Contact,
    ReservedExternalId,
    WaitingContact,
    WaitingParticipant,
)
from contacts.services.connections import add_external_connection
from contacts.services.creation import create_contact
from core.errors import UnprocessableEntity
from importexport.imports.contacts import statements
from importexport.imports.running import run_job
from importexport.models import ImportKind, ImportStatus, WaitingEntry
from legalentities.kinds.creation import LegalEntityCreationKind
from legalentities.models import LEGAL_ENTITY_CREATION, LegalEntity, WaitingLegalEntity
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.fixtures import details, without_triggers
from tests.importexport.approving import approve, outcomes, waits
from tests.importexport.importing import SYSTEM, array, counts, faults, lines, synced, upload

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LEGAL_ENTITIES = ImportKind.LEGAL_ENTITIES


@pytest.fixture(autouse=True)
def strict(default_schemas):
    set_policy(ContactCreationKind.profiles["strict"], kind=CONTACT_CREATION)
    set_policy(LegalEntityCreationKind.profiles["strict"], kind=LEGAL_ENTITY_CREATION)


@pytest.fixture
def zurich(make_participant):
    return make_participant("Zurich")


@pytest.fixture
def anna(make_member, zurich):
    return make_member("anna", participants=[zurich], sees_all_contacts=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


def imported(member, *entries, **options):
    return synced(array(*entries), actor=member_actor(member), **options)


# ---- contacts


def test_one_person_alone_creates_no_contact_by_an_import_and_the_second_does(entry, anna, rita, zurich, make_member):
    ben = make_member("ben")
    email = {"contactInformation": {"email": "johanna@example.com"}}
    full = entry(
        "E-1",
        details=details(**email),
        members=["ben"],
        externalConnections=[{"system": "CRM", "externalId": "CRM-1"}],
    )
    job = imported(anna, full, entry("E-2"), entry("E-bad", username=7))
    assert (counts(job), job.awaiting_approval, job.status) == (
        (0, 0, 0, 1),
        2,
        ImportStatus.COMPLETED_WITH_ERRORS,
    )
    assert not Contact.objects.exists()
    request = waits(job)
    assert (request.kind, request.source, request.initiator_member) == (CONTACT_CREATION, Source.IMPORT, anna)
    first = WaitingContact.objects.order_by("pk").first()
    assert (first.username, first.name) == ("user-E-1", "Johanna Spyri")
    assert set(first.external_ids.values_list("external_id", flat=True)) == {"E-1", "CRM-1"}
    assert WaitingParticipant.objects.filter(contact=first).get().participant == zurich
    approve(rita, request)
    assert outcomes(request) == [("applied", False)] * 2
    contact = Contact.objects.get(pk=first.pk)
    assert (contact.uid, contact.username, contact.details) == (first.uid, "user-E-1", details(**email))
    assert dict(contact.external_connections.values_list("system", "external_id")) == {"Default": "E-1", "CRM": "CRM-1"}
    assert set(contact.members.all()) == {anna, ben}
    assert list(contact.participants.all()) == [zurich]
    assert not contact.channels.exists()
    assert Entry.objects.of(CONTACT_DETAILS, contact.pk).get().initiator_member == anna
    assert Entry.objects.of(CONTACT_CREATION, contact.pk).get().change_request == request
    # Imported again, nothing is left to do.
    again = imported(anna, full | {"members": ["anna", "ben"]}, entry("E-2"))
    assert (counts(again), again.awaiting_approval) == ((0, 0, 2, 0), 0)


def test_changes_and_creations_are_requests_of_their_own(entry, anna, rita):
    synced(array(entry("E-1")))
    renamed = entry("E-1", details=details(personalInformation={"lastName": "Heusser"}))
    job = imported(anna, renamed, entry("E-2"))
    assert (counts(job), job.awaiting_approval) == ((0, 0, 0, 0), 2)
    requests = list(job.change_requests.order_by("pk"))
    assert [request.kind for request in requests] == [CONTACT_DETAILS, CONTACT_CREATION]
    for request in requests:
        approve(rita, request)
    assert set(Contact.objects.values_list("details__personalInformation__lastName", flat=True)) == {
        "Heusser",
        "Spyri",
    }


def test_applications_and_commands_create_at_once(entry, make_app, api_of):
    assert counts(synced(array(entry("E-1")))) == (1, 0, 0, 0)
    api = api_of(make_app())
    upload(api, ("contacts.json", array(entry("E-2"))))
    run_job(api.post("/v1.0/contacts/import/sync").json["statusId"])
    assert Contact.objects.count() == 2
    assert not ChangeRequest.objects.exists()


def test_only_what_a_rule_names_waits(entry, anna, contact_type, zurich, make_participant):
    geneva = make_participant("Geneva")
    set_policy(policy([stage()], [rule("Review", participants=[geneva.pk])]), kind=CONTACT_CREATION)
    job = imported(anna, entry("E-1"), entry("E-2", participants=["Geneva"]), entry("E-3", participants=["Zurich"]))
    assert (counts(job), job.awaiting_approval) == ((2, 0, 0, 0), 1)
    set_policy(policy([stage()], [rule("Review", contactTypes=["prospect"])]), kind=CONTACT_CREATION)
    assert counts(imported(anna, entry("E-4"))) == (1, 0, 0, 0)


def test_a_dry_run_counts_what_would_wait_and_reserves_nothing(entry, anna):
    job = imported(anna, entry("E-1"), is_dry_run=True)
    assert job.awaiting_approval == 1
    assert not WaitingContact.objects.exists()
    assert not WaitingEntry.objects.exists()
    assert not ChangeRequest.objects.exists()


def test_what_is_reserved_is_refused_by_name(entry, anna, contact_type, make_contact):
    imported(anna, entry("E-1", externalConnections=[{"system": "CRM", "externalId": "CRM-1"}]))
    synced(array(entry("E-0")))
    other = {"username": "other"}
    job = synced(
        lines(
            entry("E-1", **other),
            entry("E-2", username="USER-e-1"),
            entry("E-3", externalConnections=[{"system": "CBS", "externalId": "CRM-1"}]),
            entry("E-0", externalConnections=[{"system": "CBS", "externalId": "E-1"}]),
            entry("E-0b", username="user-E-0b"),
        )
    )
    assert counts(job) == (1, 0, 0, 4)
    external_id = "A new contact pending approval has this external id."
    assert faults(job) == [
        (1, "externalId", external_id),
        (2, "username", "A new contact pending approval has this username."),
        (3, "externalConnections", external_id),
        (4, "externalConnections", external_id),
    ]
    again = imported(anna, entry("E-1"))
    assert (again.awaiting_approval, faults(again)[0][2]) == (0, external_id)


def test_a_batch_that_loses_a_race_for_a_reservation_is_tried_again(entry, anna, contact_type, monkeypatch):
    look, raced = statements.usernames, []

    def usernames(cursor, wanted):
        found = look(cursor, wanted)
        if not raced:
            raced.append(True)
            create_contact(actor=member_actor(anna), type_id=contact_type.pk, username="USER-E-1", details=details())
        return found

    monkeypatch.setattr(statements, "usernames", usernames)
    job = synced(array(entry("E-1"), entry("E-2")))
    # Within one transaction the rival's reservation goes with the batch that failed, so the second try succeeds.
    assert raced
    assert counts(job) == (2, 0, 0, 0)


def test_what_is_cancelled_frees_its_names(entry, anna):
    job = imported(anna, entry("E-1"), entry("E-2"))
    cancel_change_request(actor=member_actor(anna), change_request_id=waits(job).pk)
    assert not ReservedExternalId.objects.exists()
    assert not WaitingContact.objects.filter(username__isnull=False).exists()
    assert imported(anna, entry("E-1")).awaiting_approval == 1


def test_an_entry_that_is_refused_at_the_end_says_why_and_the_others_are_created(entry, anna, rita):
    job = imported(anna, entry("E-1"), entry("E-2"))
    request = waits(job)
    first, second = WaitingContact.objects.order_by("pk")
    # Its type is gone by then.
    proposal = request.revisions.get().proposals.get(subject__subject_id=first.pk)
    gone = [change | ({"target": 2**31 - 1} if change["path"] == "type" else {}) for change in proposal.changes]
    force(proposal, gone)
    approve(rita, request)
    assert outcomes(request) == [("refused", False), ("applied", False)]
    assert request.subjects.get(subject_id=first.pk).message == "There is no such type of contact."
    assert [contact.pk for contact in Contact.objects.all()] == [second.pk]
    # Refused, it keeps no names.
    assert not ReservedExternalId.objects.exists()


def force(proposal, changes):
    with without_triggers():
        type(proposal).objects.filter(pk=proposal.pk).update(changes=changes)


def test_the_review_page_shows_the_entries(entry, anna, rita, admin_of):
    request = waits(imported(anna, entry("E-1"), entry("E-2")))
    page = f"/admin/changerequests/changerequest/{request.pk}/change/"
    shown = admin_of(rita).get(page, {"term": "E-2"}).content.decode()
    assert "user-E-2" in shown
    assert "user-E-1" not in shown
    assert "Current value" not in shown


def test_the_statements_of_a_batch_do_not_grow_with_what_waits(entry, anna, count_queries):
    imported(anna, entry("E-first"))
    numbers = []
    for count in (2, 40):
        with count_queries() as queries:
            imported(anna, *(entry(f"E-{count}-{number}") for number in range(count)))
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


# ---- legal entities


def test_legal_entities_wait_too(make_contact, anna, rita, admin_of):
    contact = make_contact()
    contact.members.add(anna)
    add_external_connection(actor=SYSTEM, contact_id=contact.pk, system="Default", external_id="C-1")
    named = [{"externalId": "C-1", "accessPolicy": "owner"}]
    entities = [
        {"externalId": "L-1", "details": {"name": "Säntis AG"}, "contacts": named},
        {"externalId": "L-2", "details": {"name": "Rigi AG"}},
    ]
    job = imported(anna, *entities, kind=LEGAL_ENTITIES)
    assert (counts(job), job.awaiting_approval) == ((0, 0, 0, 0), 2)
    assert not LegalEntity.objects.exists()
    assert set(WaitingLegalEntity.objects.values_list("name", "external_id")) == {
        ("Säntis AG", "L-1"),
        ("Rigi AG", "L-2"),
    }
    again = imported(anna, entities[0], kind=LEGAL_ENTITIES)
    assert faults(again) == [(1, "externalId", "A new legal entity pending approval has this external id.")]
    request = waits(job)
    assert (request.kind, request.source) == (LEGAL_ENTITY_CREATION, Source.IMPORT)
    shown = admin_of(rita).get(f"/admin/changerequests/changerequest/{request.pk}/change/").content.decode()
    assert f"{contact} (#{contact.pk})" in shown
    approve(rita, request)
    assert outcomes(request) == [("applied", False)] * 2
    made = LegalEntity.objects.with_group().get(external_id="L-1")
    assert made.name == "Säntis AG"
    assert list(contact.group_memberships.values_list("group_id", flat=True)) == [made.group_id]
    assert counts(imported(anna, *entities, kind=LEGAL_ENTITIES)) == (0, 0, 2, 0)


def test_a_reviewer_leaves_out_legal_entities_but_not_all_their_contacts(make_contact, anna, rita):
    contact = make_contact()
    named = [{"id": contact.pk, "accessPolicy": "owner"}]
    entities = [{"externalId": f"L-{number}", "details": {"name": "Rigi AG"}, "contacts": named} for number in (1, 2)]
    request = waits(imported(anna, *entities, kind=LEGAL_ENTITIES))
    with pytest.raises(UnprocessableEntity) as refused:
        approve(rita, request, parts=Parts(paths=["externalId", "details.name"]))
    assert refused.value.sub_code == "ContactsRequired"
    left_out = request.subjects.order_by("pk").values_list("pk", flat=True)[0]
    approve(rita, request, parts=Parts(excluded_subject_ids=[left_out]))
    assert LegalEntity.objects.get().external_id == "L-2"


def test_applications_and_commands_create_legal_entities_at_once():
    entity = {"externalId": "L-1", "details": {"name": "Säntis AG"}}
    assert counts(synced(array(entity), kind=LEGAL_ENTITIES)) == (1, 0, 0, 0)
