"""The effects of entries of contact files."""

import pytest

from accounts.actor import member_actor
from accounts.authentication import actor_of_token
from audit.models import Entry
from changerequests.models import Status, Verdict
from changerequests.services.deciding import decide
from contacts.models import Channel, Contact, ContactAssignment, ExternalConnection
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.errors import UnprocessableEntity
from importexport.models import ImportStatus
from tests.fixtures import app_token, details, without_triggers
from tests.importexport.importing import SYSTEM, array, counts, faults, lines, paths, synced, without

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def contact_of(external_id):
    return Contact.objects.get(external_connections__system="Default", external_connections__external_id=external_id)


def history(contact):
    return list(contact.entries.order_by("sequence"))


def test_an_entry_creates_a_contact_with_its_history(entry, contact_type):
    job = synced(array(entry("E-1"), entry("E-2")))
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED, (2, 0, 0, 0))
    contact = contact_of("E-1")
    assert (contact.username, contact.type_id, contact.version) == ("user-E-1", contact_type.pk, 1)
    assert contact.details == details()
    assert contact.name == "Johanna Spyri"
    [first] = history(contact)
    assert (first.sequence, first.initiator_system, first.comment) == (1, "tests", None)
    assert {change["path"]: change["target"] for change in first.changes}["personalInformation.lastName"] == "Spyri"
    assert "personalInformation" in first.paths


def test_a_contact_is_written_as_the_service_writes_it(entry, make_contact):
    """The history of an import reads like any other."""
    made = make_contact(username="user-made")
    synced(array(entry("E-1")))
    [imported], [by_service] = history(contact_of("E-1")), history(made)
    for name in ("sequence", "changes", "paths", "initiator_system", "comment", "initiator_member_id"):
        assert getattr(imported, name) == getattr(by_service, name), name


def test_the_same_file_again_writes_nothing(entry):
    content = lines(entry("E-1", externalConnections=[{"system": "CRM", "externalId": "C-1"}]), entry("E-2"))
    synced(content)
    before = list(Contact.objects.values()), list(Entry.objects.values())
    job = synced(content)
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED, (0, 0, 2, 0))
    assert (list(Contact.objects.values()), list(Entry.objects.values())) == before


def test_an_entry_of_a_known_external_id_updates_the_contact(entry):
    synced(array(entry()))
    job = synced(array({"externalId": "E-1", "details": details(personalInformation={"lastName": "Heidi"})}))
    assert counts(job) == (0, 1, 0, 0)
    contact = contact_of("E-1")
    assert (contact.version, contact.details["personalInformation"]["lastName"]) == (2, "Heidi")
    assert contact.username == "user-E-1"
    [_first, second] = history(contact)
    assert second.changes == [{"path": "personalInformation.lastName", "original": "Spyri", "target": "Heidi"}]


def test_what_is_absent_stays_and_details_are_the_whole_document(entry, make_member, make_participant):
    zurich, anna = make_participant("Zurich"), make_member("anna")
    full = entry(details=details(contactInformation={"email": "a@example.com"}), participants=["Zurich"])
    synced(array(full | {"members": ["anna"]}))
    assert counts(synced(array({"externalId": "E-1"}))) == (0, 0, 1, 0)
    assert counts(synced(array({"externalId": "E-1", "details": details()}))) == (0, 1, 0, 0)
    contact = contact_of("E-1")
    assert contact.details == details()
    assert list(contact.participants.all()) == [zurich]
    assert list(contact.members.all()) == [anna]


def test_null_and_empty_sections_are_the_same_as_absent(entry):
    synced(array(entry()))
    with_nulls = details(contactInformation={"email": None})
    job = synced(array({"externalId": "E-1", "username": None, "details": with_nulls}))
    assert counts(job) == (0, 0, 1, 0)


def test_numbers_that_are_written_differently_are_the_same(entry):
    synced(array(entry(details=details(relationship={"totalWealth": 100}))))
    raw = array(entry(details=details(relationship={"totalWealth": 100}))).replace(b":100", b":1.0e2")
    assert counts(synced(raw)) == (0, 0, 1, 0)


def test_participants_members_and_connections_are_set_where_they_are_named(entry, make_member, make_participant):
    zurich, geneva = make_participant("Zurich"), make_participant("Geneva")
    anna, ben = make_member("anna"), make_member("ben")
    synced(array(entry(participants=["Zurich", geneva.pk], members=["ANNA"])))
    contact = contact_of("E-1")
    assert set(contact.participants.all()) == {zurich, geneva}
    connections = [{"system": "CRM", "externalId": "C-1"}, {"system": "Default", "externalId": "E-1"}]
    change = {"externalId": "E-1", "participants": ["Geneva"], "members": [str(ben.uid)]}
    assert counts(synced(array(change | {"externalConnections": connections}))) == (0, 1, 0, 0)
    assert list(contact.participants.all()) == [geneva]
    assert list(contact.members.all()) == [ben]
    assert anna not in contact.members.all()
    change["externalConnections"] = [{"system": "CRM", "externalId": "C-2"}]
    assert counts(synced(array(change))) == (0, 1, 0, 0)
    found = set(ExternalConnection.objects.filter(contact=contact).values_list("system", "external_id"))
    assert found == {("Default", "E-1"), ("CRM", "C-2")}
    assert counts(synced(array(change))) == (0, 0, 1, 0)
    assert contact_of("E-1").version == 1


def test_type_and_username_change_without_a_version(entry, contact_type):
    synced(array(entry()))
    prospect = contact_type.list.items.get(key="prospect")
    job = synced(array({"externalId": "E-1", "contactTypeId": prospect.pk, "username": "new"}))
    assert counts(job) == (0, 1, 0, 0)
    contact = contact_of("E-1")
    assert (contact.type, contact.username, contact.version) == (prospect, "new", 1)


def test_the_type_may_be_named_by_its_key(entry):
    new = {name: value for name, value in entry().items() if name != "contactTypeId"}
    assert counts(synced(array({**new, "contactType": "prospect"}))) == (1, 0, 0, 0)
    assert contact_of("E-1").type.key == "prospect"
    for change, outcome in (
        ({"contactType": "prospect", "contactTypeId": None}, (0, 0, 1, 0)),
        ({"contactType": "client"}, (0, 1, 0, 0)),
    ):
        assert counts(synced(array({"externalId": "E-1", **change}))) == outcome
    assert contact_of("E-1").type.key == "client"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"externalId": None}, "externalId"),
        ({"externalId": "  "}, "externalId"),
        ({"externalId": 7}, "externalId"),
        ({"externalId": "x" * 201}, "externalId"),
        ({"contactTypeId": None}, "contactTypeId"),
        ({"contactTypeId": True}, "contactTypeId"),
        ({"contactTypeId": "client"}, "contactTypeId"),
        ({"contactTypeId": 2**31 - 1}, "contactTypeId"),
        ({"contactTypeId": 2**70}, "contactTypeId"),
        ({"contactTypeId": None, "contactType": "castle"}, "contactType"),
        ({"contactTypeId": None, "contactType": 1}, "contactType"),
        ({"contactType": "client"}, "contactType"),
        ({"username": None}, "username"),
        ({"username": 7}, "username"),
        ({"username": "x" * 255}, "username"),
        ({"details": []}, "details"),
        ({"details": {}}, "details.personalInformation.lastName"),
        (
            {"details": details(personalInformation={"dateOfBirth": "yesterday"})},
            "details.personalInformation.dateOfBirth",
        ),
        (
            {"details": details(personalInformation={"nationalities": ["XX"]})},
            "details.personalInformation.nationalities[0]",
        ),
        ({"details": {**details(), "unknown": 1}}, "details.unknown"),
        ({"details": details(relationship={"formerClientNumber": "K-1"})}, "details.relationship.formerClientNumber"),
        ({"participants": "Zurich"}, "participants"),
        ({"participants": ["Atlantis"]}, "participants[0]"),
        ({"participants": [True]}, "participants[0]"),
        ({"members": ["nobody"]}, "members[0]"),
        ({"members": [1]}, "members[0]"),
        ({"externalConnections": [{"system": "CRM"}]}, "externalConnections[0]"),
        ({"externalConnections": [{"system": "CRM", "externalId": ""}]}, "externalConnections[0]"),
        ({"externalConnections": [{"system": "Default", "externalId": "other"}]}, "externalConnections[0]"),
        ({"externalConnections": [{"system": "default", "externalId": "other"}]}, "externalConnections[0]"),
        ({"externalConnections": [{"system": "CRM", "externalId": "E-bad"}]}, "externalConnections[0]"),
        ({"force": True}, "force"),
    ],
)
def test_a_bad_entry_is_reported_and_the_others_go_on(entry, change, path):
    job = synced(array(entry("E-1"), {**entry("E-bad"), **change}, entry("E-3")))
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED_WITH_ERRORS, (2, 0, 0, 1))
    assert (2, path) in paths(job)
    assert Contact.objects.count() == 2


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"externalId":"E-1","externalId":"E-2"}', "twice"),
        (b'{"externalId":"E-1","details":{"a":{"b":1,"b" :2}}}', "twice"),
        (b'{"externalId":"E\\u0000"}', "NUL"),
        (b'{"externalId":"E-1","username":"\\ud800"}', "surrogate"),
        (b'{"externalId":"E-1","details":{"a":1e999}}', "large"),
        (b'{"externalId":"E-1","details":{"a":' + b"[" * 100 + b"]" * 100 + b"}}", "64 levels"),
    ],
)
def test_an_entry_that_is_json_but_cannot_be_stored_is_a_bad_entry(db, raw, says):
    job = synced(b"[" + raw + b"]")
    assert counts(job) == (0, 0, 0, 1)
    assert says in faults(job)[0][2]


def test_every_fault_of_an_entry_is_told(entry):
    bad = {**entry(), "username": 7, "details": {**details(), "unknown": 1, "other": 2}}
    assert {path for _position, path in paths(synced(array(bad)))} >= {"username", "details.unknown", "details.other"}


def test_of_entries_with_the_same_external_id_the_last_counts(entry):
    first = entry("E-1", details=details(personalInformation={"lastName": "First"}))
    last = entry("E-1", details=details(personalInformation={"lastName": "Last"}))
    job = synced(lines(first, entry("E-2"), first), lines(entry("E-3"), last))
    assert counts(job) == (3, 0, 0, 2)
    assert contact_of("E-1").details["personalInformation"]["lastName"] == "Last"
    assert contact_of("E-1").version == 1
    assert all("Superseded" in message for _position, _path, message in faults(job))
    assert [position for position, _path in paths(job)] == [1, 3]


def test_a_superseded_entry_stays_superseded_when_the_last_one_is_bad(entry):
    job = synced(array(entry("E-1"), entry("E-1", username=7)))
    assert counts(job) == (0, 0, 0, 2)
    assert not Contact.objects.exists()


def test_no_username_is_the_name_that_a_login_will_have(entry, make_contact):
    synced(array(entry("E-0")))
    name = f"contact-{make_contact().uid}"
    for sent in ({"externalId": "E-0", "username": name}, entry("E-1", username=name.upper())):
        assert faults(synced(array(sent))) == [(1, "username", "This username is taken already.")]


def test_usernames_are_unique_whatever_their_case_in_the_database_and_in_the_file(entry, make_contact):
    make_contact(username="Taken")
    job = synced(
        array(
            entry("E-1", username="TAKEN"),
            entry("E-2", username="straße"),
            entry("E-3", username="STRAßE"),
            entry("E-4", username="free"),
            entry("E-5", username="FREE"),
        )
    )
    assert counts(job) == (2, 0, 0, 3)
    assert paths(job) == [(1, "username"), (3, "username"), (5, "username")]


def test_a_username_of_staff_is_taken_however_it_is_spelled(entry, make_member):
    make_member("fiona")
    spellings = ("FIONA", "\ufb01ona", "ｆｉｏｎａ")
    job = synced(array(*(entry(f"E-{number}", username=name) for number, name in enumerate(spellings)), entry("E-9")))
    assert paths(job) == [(position, "username") for position in (1, 2, 3)]
    (known,) = Contact.objects.filter(username="user-E-9")
    job = synced(array({"externalId": "E-9", "username": "Fiona"}))
    assert paths(job) == [(1, "username")]
    known.refresh_from_db()
    assert known.username == "user-E-9"


def test_a_username_that_a_contact_has_cannot_be_taken_over(entry):
    synced(array(entry("E-1"), entry("E-2")))
    job = synced(array(entry("E-1", username="USER-E-2"), entry("E-2", username="User-E-2")))
    assert counts(job) == (0, 1, 0, 1)
    assert contact_of("E-2").username == "User-E-2"


def test_external_ids_are_unique_over_all_systems(entry):
    crm = [{"system": "CRM", "externalId": "C-1"}]
    synced(array(entry("E-1", externalConnections=crm)))
    job = synced(
        array(
            entry("C-1"),
            entry("E-2", externalConnections=crm),
            entry("E-3", externalConnections=[{"system": "CRM", "externalId": "E-1"}]),
            entry("E-4", externalConnections=[{"system": "CRM", "externalId": "E-5"}]),
            entry("E-5"),
            entry("E-6", externalConnections=[{"system": "CRM", "externalId": "N-1"}]),
            entry("E-7", externalConnections=[{"system": "ERP", "externalId": "N-1"}]),
        )
    )
    assert [position for position, _path in paths(job)] == [1, 2, 3, 4, 7]
    assert counts(job) == (2, 0, 0, 5)


def test_an_import_needs_no_approval_and_no_verification(entry, make_member, make_contact):
    member = make_member(sees_all_contacts=True)
    actor = member_actor(member)
    new_email = {"contactInformation": {"email": "new@example.com"}}
    old = details(contactInformation={"email": "old@example.com"})
    synced(array(entry(details=old)), actor=actor)
    contact = contact_of("E-1")
    [first] = history(contact)
    assert (first.initiator_member, first.initiator_system) == (member, "")
    job = synced(array(entry(details=details(**new_email))), actor=actor)
    assert counts(job) == (0, 1, 0, 0)
    assert contact_of("E-1").details["contactInformation"]["email"] == "new@example.com"
    assert not Channel.objects.pending().exists()


def test_an_import_ends_the_wait_for_an_address_that_it_overrules(entry, make_app, api_of):
    synced(array(entry(details=details(contactInformation={"email": "old@example.com"}))))
    contact = contact_of("E-1")
    path = f"/v1.0/contacts/{contact.pk}/details"
    api_of(make_app()).patch(path, {"details": {"contactInformation": {"email": "asked@example.com"}}})
    assert Channel.objects.pending().count() == 1
    synced(array(entry(details=details(contactInformation={"email": "imported@example.com"}))))
    assert not Channel.objects.pending().exists()


def test_a_pending_request_is_outdated_by_an_import(entry, make_member):
    anna, reviewer = make_member("anna", sees_all_contacts=True), make_member(reviews=True, sees_all_contacts=True)
    synced(array(entry()))
    contact = contact_of("E-1")
    asked = patch_details(
        actor=member_actor(anna),
        contact_id=contact.pk,
        patch={"personalInformation": {"lastName": "Asked", "dateOfBirth": "1970-01-01"}},
    )
    assert asked.change_request is not None
    synced(array(entry(details=details(personalInformation={"lastName": "Imported"}))))
    with pytest.raises(UnprocessableEntity) as refused:
        decide(actor=member_actor(reviewer), change_request_id=asked.change_request.pk, verdict=Verdict.APPROVE)
    assert refused.value.sub_code == "ChangeRequestOutdated"
    asked.change_request.refresh_from_db()
    assert asked.change_request.status == Status.PENDING


def test_an_anonymized_contact_is_refused(entry):
    synced(array(entry()))
    contact = contact_of("E-1")
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    ExternalConnection.objects.create(contact=contact, system="Default", external_id="E-1")
    job = synced(array(entry()))
    assert counts(job) == (0, 0, 0, 1)
    assert "anonymized" in faults(job)[0][2]


def test_a_stored_value_that_the_schema_no_longer_names_is_no_fault_when_it_stays(entry):
    synced(array(entry()))
    contact = contact_of("E-1")
    with without_triggers():
        Contact.objects.filter(pk=contact.pk).update(details={**details(), "relic": 1})
    kept = {**details(personalInformation={"lastName": "Heidi"}), "relic": 1}
    assert counts(synced(array(entry(details=kept)))) == (0, 1, 0, 0)
    changed = {**kept, "relic": 2}
    assert paths(synced(array(entry(details=changed)))) == [(1, "details.relic")]
    assert counts(synced(array(entry()))) == (0, 1, 0, 0)
    assert contact_of("E-1").details == details()


def test_usernames_follow_the_email_where_the_institution_wants_it(entry, settings):
    settings.USERNAME_FROM_EMAIL = True
    email = {"contactInformation": {"email": "a@example.com"}}
    plain = without(entry(details=details(**email)), "username")
    assert counts(synced(array(plain))) == (1, 0, 0, 0)
    assert contact_of("E-1").username == "a@example.com"
    changed = {**plain, "details": details(contactInformation={"email": "b@example.com"})}
    assert counts(synced(array(changed))) == (0, 1, 0, 0)
    assert contact_of("E-1").username == "b@example.com"
    assert paths(synced(array(entry("E-2")))) == [(1, "username"), (1, "username")]
    assert paths(synced(array({**changed, "username": "other"}))) == [(1, "username")]
    gone = {**plain, "details": details()}
    assert paths(synced(array(gone))) == [(1, "username")]
    other = {**plain, "externalId": "E-3", "details": details(contactInformation={"email": "B@example.com"})}
    assert paths(synced(array(other))) == [(1, "username")]


def test_an_external_identity_provider_keeps_usernames(entry, settings):
    settings.EXTERNAL_IDENTITY_PROVIDER = True
    assert counts(synced(array(without(entry(), "username")))) == (1, 0, 0, 0)
    assert contact_of("E-1").username is None
    assert paths(synced(array(entry(username="mine")))) == [(1, "username")]


def test_a_member_imports_what_it_sees_and_gets_what_it_creates(entry, make_member, make_participant):
    zurich, geneva = make_participant("Zurich"), make_participant("Geneva")
    anna, ben = (member_actor(make_member(name, participants=[zurich])) for name in ("anna", "ben"))
    assert counts(synced(array(entry()), actor=anna)) == (1, 0, 0, 0)
    contact = contact_of("E-1")
    assert list(contact.participants.all()) == [zurich]
    assert list(ContactAssignment.objects.values_list("member", flat=True)) == [anna.member_id]
    assert paths(synced(array(entry(username="x")), actor=ben)) == [(1, "externalId")]
    assert paths(synced(array(entry("E-2", participants=[geneva.pk])), actor=ben)) == [(1, "participants[0]")]
    read_only = details(regulatory={"sanctionsCheckedAt": "2026-01-01T00:00:00Z"})
    assert paths(synced(array(entry(details=read_only)), actor=anna)) == [(1, "details.regulatory.sanctionsCheckedAt")]


def test_an_application_does_not_drop_participants_that_it_does_not_know_of(
    entry, make_app, make_participant, api_of, settings
):
    zurich, geneva = make_participant("Zurich"), make_participant("Geneva")
    lugano = make_participant("Lugano")
    synced(array(entry(participants=["Zurich", "Geneva"])))
    app = make_app(participants=[zurich, lugano])
    actor = actor_of_token(app_token(app, ["imports"]))
    assert counts(synced(array(entry(participants=["Lugano"])), actor=actor)) == (0, 1, 0, 0)
    assert set(contact_of("E-1").participants.all()) == {geneva, lugano}
    assert paths(synced(array(entry(participants=[])), actor=actor)) == [(1, "participants")]


def test_details_may_be_left_out_of_a_change_and_not_of_a_new_contact(entry):
    job = synced(array(without(entry(), "details")))
    assert (1, "details.personalInformation.lastName") in paths(job)
