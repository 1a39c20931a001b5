"""What an entry changes besides details waits too: who sees a contact, what it is called, a company's contacts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from accounts.actor import Actor, member_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Proposal, Source, Status
from changerequests.services.deciding import Parts
from changerequests.services.withdrawing import cancel_change_request
from contactgroups.models import CONTACT_GROUP, GroupMembership, LinkedEntity
from contactgroups.services import Membership, change_group
from contacts.kinds.identity import ContactIdentityKind
from contacts.models import CONTACT_ACCESS, CONTACT_CREATION, CONTACT_DETAILS, CONTACT_IDENTITY, Contact
from contacts.services.access import AccessChange, change_access
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from contacts.services.identity import change_username
from core.errors import Forbidden
from importexport.imports.running import run_job
from importexport.models import ImportJob, ImportKind, WaitingEntry
from legalentities.models import LegalEntity
from schemas.models import ListItem
from schemas.queries import is_item_in_use
from tests.changerequests.policies import make_group, policy, rule, set_policy, stage
from tests.changerequests.reviewing import page_of, text_of
from tests.fixtures import details
from tests.importexport.approving import approve, outcomes, waiting, waits
from tests.importexport.importing import SYSTEM, array, counts, faults, synced, upload
from tests.importexport.test_import_approvals import interrupted

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NUMBERS = range(3)
RENAMED = {"personalInformation": {"lastName": "Heusser"}}
ALL = policy([stage()], [rule("Review")])


@pytest.fixture
def anna(make_member):
    permissions = ["add_importjob", "view_importjob", "change_contact_details"]
    return make_member("anna", permissions=permissions, sees_all_contacts=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def ben(make_member):
    return make_member("ben")


@pytest.fixture
def zurich(make_participant):
    return make_participant("Zurich")


@pytest.fixture
def present(entry):
    """The contacts E-0 to E-2, who have an id in the system CRM."""
    others = [{"externalConnections": [{"system": "CRM", "externalId": f"CRM-{number}"}]} for number in NUMBERS]
    synced(array(*(entry(f"E-{number}") | others[number] for number in NUMBERS)))
    return list(Contact.objects.order_by("pk"))


@pytest.fixture
def client_and_prospect(contact_type):
    return contact_type, ListItem.objects.get(list__key="contact-type", key="prospect")


# ---- each kind


@dataclass
class Case:
    """A kind of change that entries make to three subjects, in the order of their ids."""

    kind: str
    entries: Sequence[dict[str, Any]]
    state: Callable[[], list[Any]]
    after: list[Any]
    # Changes the first subject, and erases the contact behind it.
    disturb: Callable[[], Any]
    contacts: Sequence[Contact]
    file: ImportKind = ImportKind.CONTACTS

    def imported(self, actor: Actor, **options: Any) -> ImportJob:
        return synced(array(*self.entries), actor=actor, kind=self.file, **options)


@pytest.fixture
def access_case(present, entry, zurich, ben):
    def state():
        found = Contact.objects.order_by("pk")
        return [(set(one.participants.all()), set(one.members.all())) for one in found]

    return Case(
        kind=CONTACT_ACCESS,
        entries=[entry(f"E-{number}") | {"participants": ["Zurich"], "members": ["ben"]} for number in NUMBERS],
        state=state,
        after=[({zurich}, {ben})] * 3,
        disturb=lambda: change_access(
            actor=SYSTEM, wanted={present[0].pk: AccessChange(added_members=frozenset({ben.pk}))}
        ),
        contacts=present,
    )


@pytest.fixture
def identity_case(present, entry, client_and_prospect):
    set_policy(ContactIdentityKind.profiles["strict"], kind=CONTACT_IDENTITY)
    _client, prospect = client_and_prospect

    def state():
        found = Contact.objects.order_by("pk")
        return [
            (one.username, one.type.key, dict(one.external_connections.values_list("system", "external_id")))
            for one in found
        ]

    def other(number):
        connections = [
            {"system": "CRM", "externalId": f"CRM-{number}{number}"},
            {"system": "ERP", "externalId": f"{number}"},
        ]
        return {"username": f"other-{number}", "contactTypeId": prospect.pk, "externalConnections": connections}

    return Case(
        kind=CONTACT_IDENTITY,
        entries=[entry(f"E-{number}") | other(number) for number in NUMBERS],
        state=state,
        after=[
            (
                f"other-{number}",
                "prospect",
                {"Default": f"E-{number}", "CRM": f"CRM-{number}{number}", "ERP": f"{number}"},
            )
            for number in NUMBERS
        ],
        disturb=lambda: change_username(actor=SYSTEM, contact_id=present[0].pk, username="johanna"),
        contacts=present,
    )


@pytest.fixture
def group_case(present):
    owner, reader = (ListItem.objects.get(list__key="access-policy", key=key).pk for key in ("owner", "read-only"))
    first, second, third = present
    companies = [
        {
            "externalId": f"L-{number}",
            "details": {"name": "Alp AG"},
            "contacts": [{"id": contact.pk, "accessPolicyId": owner}],
        }
        for number, contact in enumerate(present)
    ]
    synced(array(*companies), kind=ImportKind.LEGAL_ENTITIES)

    def group_of(number):
        company = LegalEntity.objects.get(external_id=f"L-{number}")
        return LinkedEntity.objects.get(entity_type="LegalEntity", entity_id=company.pk).group_id

    def state():
        rows = GroupMembership.objects.order_by("contact")
        return [list(rows.filter(group=group_of(number)).values_list("contact", "access_policy")) for number in NUMBERS]

    wanted = [[(first.pk, reader), (second.pk, owner)], [(third.pk, owner)], [(second.pk, owner), (third.pk, reader)]]
    return Case(
        kind=CONTACT_GROUP,
        entries=[
            company | {"contacts": [{"id": pk, "accessPolicyId": item} for pk, item in members]}
            for company, members in zip(companies, wanted, strict=True)
        ],
        state=state,
        after=wanted,
        disturb=lambda: change_group(
            actor=SYSTEM, group_id=group_of(0), memberships=[Membership(second.pk, owner), Membership(third.pk, owner)]
        ),
        contacts=present,
        file=ImportKind.LEGAL_ENTITIES,
    )


@pytest.fixture(params=["access", "identity", "group"])
def case_of_kind(request):
    return request.getfixturevalue(f"{request.param}_case")


def test_one_person_alone_changes_it_by_no_import_and_the_second_does(case_of_kind, anna, rita):
    before = case_of_kind.state()
    job = case_of_kind.imported(member_actor(anna))
    assert (counts(job), job.awaiting_approval) == ((0, 0, 0, 0), 3)
    request = waits(job)
    assert (request.kind, request.source, request.initiator_member) == (case_of_kind.kind, Source.IMPORT, anna)
    with pytest.raises(Forbidden):
        approve(anna, request)
    assert case_of_kind.state() == before
    approve(rita, request)
    assert outcomes(request) == [("applied", False)] * 3
    assert case_of_kind.state() == case_of_kind.after
    written = Entry.objects.filter(change_request=request)
    assert {(row.kind, row.initiator_member) for row in written} == {(case_of_kind.kind, anna)}
    again = case_of_kind.imported(member_actor(anna))
    assert (counts(again), again.awaiting_approval) == ((0, 0, 3, 0), 0)


def test_a_reviewer_leaves_an_entry_out(case_of_kind, anna, rita):
    before = case_of_kind.state()
    request = waits(case_of_kind.imported(member_actor(anna)))
    left_out = request.subjects.order_by("subject_id").values_list("pk", flat=True)[1]
    approve(rita, request, parts=Parts(excluded_subject_ids=[left_out]))
    assert outcomes(request) == [("applied", False), ("excluded", False), ("applied", False)]
    assert case_of_kind.state() == [case_of_kind.after[0], before[1], case_of_kind.after[2]]


def test_what_is_outdated_by_then_is_left_out_and_reported(case_of_kind, anna, rita):
    request = waits(case_of_kind.imported(member_actor(anna)))
    case_of_kind.disturb()
    disturbed = case_of_kind.state()[0]
    approve(rita, request)
    assert outcomes(request) == [("outdated", False), ("applied", False), ("applied", False)]
    assert case_of_kind.state() == [disturbed, *case_of_kind.after[1:]]


def test_a_rejected_one_changes_nothing_and_frees_its_subjects(case_of_kind, anna):
    before = case_of_kind.state()
    request = waits(case_of_kind.imported(member_actor(anna)))
    cancel_change_request(actor=member_actor(anna), change_request_id=request.pk)
    assert case_of_kind.state() == before
    assert case_of_kind.imported(member_actor(anna)).awaiting_approval == 3


def test_an_entry_whose_subject_has_an_open_request_of_the_kind_fails_by_name(case_of_kind, anna):
    request = waits(case_of_kind.imported(member_actor(anna)))
    job = case_of_kind.imported(member_actor(anna))
    assert (job.failed, job.awaiting_approval) == (3, 0)
    refusal = f"Change request {request.pk} is pending review. Cancel it or wait until it is decided."
    assert faults(job) == [(place, None, refusal) for place in (1, 2, 3)]
    assert not job.change_requests.exists()


def test_a_dry_run_counts_it_and_asks_for_nothing(case_of_kind, anna):
    before = case_of_kind.state()
    job = case_of_kind.imported(member_actor(anna), is_dry_run=True)
    assert (counts(job), job.awaiting_approval) == ((0, 0, 0, 0), 3)
    assert (case_of_kind.state(), ChangeRequest.objects.exists()) == (before, False)


def imported_by(api, case):
    kind = "contacts" if case.file == ImportKind.CONTACTS else "legal-entities"
    upload(api, ("file.json", array(*case.entries)), kind=kind)
    job = api.post(f"/v1.0/{kind}/import/sync").json["statusId"]
    run_job(job)
    return ImportJob.objects.get(pk=job)


def test_applications_change_it_at_once_unless_a_rule_names_them(case_of_kind, make_app, api_of):
    named = make_app()
    set_policy(policy([stage()], [rule("Review", applications=[named.pk])]), kind=case_of_kind.kind)
    before = case_of_kind.state()
    job = imported_by(api_of(named), case_of_kind)
    assert (case_of_kind.state(), job.awaiting_approval) == (before, 3)
    assert waits(job).initiator_application_id == named.pk
    assert counts(imported_by(api_of(make_app()), case_of_kind)) == (0, 3, 0, 0)
    assert case_of_kind.state() == case_of_kind.after
    # On record without a request, too.
    assert Entry.objects.filter(kind=case_of_kind.kind, change_request=None).exists()


@pytest.mark.parametrize("name", ["access_case", "identity_case"])
def test_a_contact_anonymized_while_the_import_runs_is_not_asked_for(request, name, anna, monkeypatch):
    case = request.getfixturevalue(name)
    erased = case.contacts[0]
    job = interrupted(
        monkeypatch,
        case.entries,
        member_actor(anna),
        lambda: anonymize_contacts(actor=SYSTEM, contact_ids=[erased.pk]),
    )
    assert (job.failed, job.awaiting_approval, job.processed) == (1, 2, 3)
    assert job.failures.get().external_id is None
    assert erased.pk not in waits(job).subjects.values_list("subject_id", flat=True)


def test_what_names_a_contact_anonymized_since_then_is_left_out(case_of_kind, anna, rita):
    request = waits(case_of_kind.imported(member_actor(anna)))
    anonymize_contacts(actor=SYSTEM, contact_ids=[case_of_kind.contacts[2].pk])
    approve(rita, request)
    if case_of_kind.kind == CONTACT_GROUP:
        # It does not join the second group; the third one had no other contact.
        assert outcomes(request) == [("applied", False), ("applied", False), ("excluded", False)]
        assert case_of_kind.state()[1] == []
        return
    assert outcomes(request) == [("applied", False), ("applied", False), ("excluded", False)]
    values = Proposal.objects.filter(subject__subject_id=case_of_kind.contacts[2].pk).values_list("changes", flat=True)
    assert {change["target"] for changes in values for change in changes} == {None}


# ---- the parts of an entry


def test_the_parts_of_an_entry_wait_in_requests_of_their_kinds_and_count_once(present, entry, anna, rita, zurich):
    set_policy(ContactIdentityKind.profiles["strict"], kind=CONTACT_IDENTITY)
    whole = entry("E-0", details=details(**RENAMED)) | {"participants": ["Zurich"], "username": "other"}
    access_only = entry("E-1", details=details(relationship={"notes": "Met in Bern."})) | {"participants": ["Zurich"]}
    job = synced(array(whole, access_only, entry("E-2")), actor=member_actor(anna))
    assert (counts(job), job.awaiting_approval) == ((0, 0, 1, 0), 2)
    requests = waiting(job)
    subjects = {kind: request.subjects.count() for kind, request in requests.items()}
    assert subjects == {CONTACT_DETAILS: 1, CONTACT_ACCESS: 2, CONTACT_IDENTITY: 1}
    # The notes need nobody.
    first, second = Contact.objects.order_by("pk")[:2]
    assert (first.version, second.version) == (1, 2)
    assert not any(contact.participants.exists() for contact in (first, second))
    for request in requests.values():
        approve(rita, request)
        assert {outcome for outcome, _is_open in outcomes(request)} == {"applied"}
    first.refresh_from_db()
    assert (first.details, first.username, list(first.participants.all())) == (details(**RENAMED), "other", [zurich])
    assert list(second.participants.all()) == [zurich]


def test_if_one_part_cannot_be_asked_for_the_entry_fails_whole(present, entry, anna, zurich):
    asked = change_access(
        actor=member_actor(anna), wanted={present[0].pk: AccessChange(added_participants=frozenset({zurich.pk}))}
    )
    renamed = entry("E-0", details=details(**RENAMED)) | {"members": ["anna"]}
    job = synced(array(renamed, entry("E-1", details=details(**RENAMED))), actor=member_actor(anna))
    assert (job.failed, job.awaiting_approval) == (1, 1)
    assert f"Change request {asked.pk} is pending" in faults(job)[0][2]
    assert waits(job).subjects.get().subject_id == present[1].pk


def test_so_it_does_if_another_request_comes_first_while_the_import_runs(present, entry, anna, monkeypatch, zurich):
    def ask():
        patch_details(
            actor=member_actor(anna), contact_id=present[0].pk, patch={"personalInformation": {"lastName": "K"}}
        )

    both = {"details": details(**RENAMED), "participants": ["Zurich"]}
    entries = [entry("E-0", **both), entry("E-1", **both)]
    job = interrupted(monkeypatch, entries, member_actor(anna), ask)
    assert (counts(job), job.awaiting_approval, job.processed) == ((0, 0, 0, 1), 1, 2)
    assert len(faults(job)) == 1
    for request in waiting(job).values():
        assert request.subjects.get().subject_id == present[1].pk


def test_what_the_version_before_has_kept_is_asked_for(present, entry, anna, monkeypatch):
    """Its rows say only whether the subject exists."""
    set_policy(ALL, kind=CONTACT_CREATION)
    entries = [entry("E-0", details=details(**RENAMED)), entry("E-9")]
    job = interrupted(monkeypatch, entries, member_actor(anna), lambda: WaitingEntry.objects.update(kind=""))
    assert job.awaiting_approval == 2
    assert waiting(job).keys() == {CONTACT_DETAILS, CONTACT_CREATION}


def test_a_stage_of_each_kind_decides_its_own_request(present, entry, anna, rita, make_member, zurich):
    carl = make_member("carl", reviews=True, sees_all_contacts=True)
    compliance = make_group("Compliance", carl)
    set_policy(policy([stage("Sight", group=compliance)], [rule("Sight")]), kind=CONTACT_ACCESS)
    both = entry("E-0", details=details(**RENAMED)) | {"participants": ["Zurich"]}
    requests = waiting(synced(array(both), actor=member_actor(anna)))
    approve(rita, requests[CONTACT_DETAILS])
    with pytest.raises(Forbidden):
        approve(rita, requests[CONTACT_ACCESS])
    approve(carl, requests[CONTACT_ACCESS])
    assert list(present[0].participants.all()) == [zurich]


# ---- names that only one contact may have


@pytest.fixture
def strict_identities(default_schemas):
    set_policy(ContactIdentityKind.profiles["strict"], kind=CONTACT_IDENTITY)


def named(entry, number, name):
    return entry(f"E-{number}") | {
        "username": name,
        "externalConnections": [{"system": "ERP", "externalId": name.upper()}],
    }


@pytest.mark.usefixtures("strict_identities")
def test_a_name_that_is_taken_is_not_asked_for(present, entry, anna):
    job = synced(array(named(entry, 0, "user-E-1")), actor=member_actor(anna))
    assert [path for _place, path, _message in faults(job)] == ["username"]
    taken = entry("E-0") | {"externalConnections": [{"system": "ERP", "externalId": "CRM-1"}]}
    job = synced(array(taken), actor=member_actor(anna))
    assert [path for _place, path, _message in faults(job)] == ["externalConnections"]
    assert not ChangeRequest.objects.exists()


@pytest.mark.usefixtures("strict_identities")
@pytest.mark.parametrize("batch", [1, 10])
def test_of_two_that_ask_for_the_same_names_the_first_one_applied_has_them(present, entry, anna, rita, settings, batch):
    """As with requests about one contact: what waits reserves nothing, and is checked again when it is approved."""
    settings.IMPORT_BATCH_ENTRIES = batch
    new = entry("E-9") | {"username": "free", "externalConnections": [{"system": "ERP", "externalId": "FREE"}]}
    job = synced(
        array(named(entry, 0, "same"), named(entry, 1, "same"), named(entry, 2, "free"), new), actor=member_actor(anna)
    )
    assert (counts(job), job.awaiting_approval) == ((1, 0, 0, 0), 3)
    request = waits(job)
    approve(rita, request)
    assert outcomes(request) == [("applied", False), ("refused", False), ("refused", False)]
    assert "username is taken already" in request.subjects.order_by("subject_id")[1].message
    assert [contact.username for contact in Contact.objects.order_by("pk")] == ["same", "user-E-1", "user-E-2", "free"]


# ---- types that rules name


def retyped(entry, number, type_):
    return entry(f"E-{number}") | {"contactTypeId": type_.pk}


def test_nobody_chooses_the_rules_that_bind_it_by_the_type_of_a_contact(
    present, entry, anna, rita, client_and_prospect, make_member
):
    """What a rule says of some contacts is undone by those alone who decide by it."""
    client, prospect = client_and_prospect
    carl = make_member("carl", reviews=True, sees_all_contacts=True)
    second = stage("Second", group=make_group("Compliance", carl))
    set_policy(policy([stage(), second], [rule("Review", "Second", contactTypes=["client"]), rule("Review")]))
    noted = retyped(entry, 0, prospect) | {"details": details(**RENAMED)}
    requests = waiting(synced(array(noted), actor=member_actor(anna)))
    assert requests.keys() == {CONTACT_DETAILS, CONTACT_IDENTITY}
    # The details wait by the rules of the type that the contact has.
    for request in requests.values():
        assert [found.name for found in request.revisions.get().stages.all()] == ["Review", "Second"]
    approve(rita, requests[CONTACT_IDENTITY])
    assert Contact.objects.get(pk=present[0].pk).type == client
    approve(carl, requests[CONTACT_IDENTITY])
    assert Contact.objects.get(pk=present[0].pk).type == prospect


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([], id="no rule"),
        pytest.param([rule("Review")], id="no rule by type"),
        pytest.param([rule("Review", contactTypes=["supplier"]), rule("Review")], id="the same rules for both"),
    ],
)
def test_a_type_that_changes_no_rule_needs_nobody(present, entry, anna, client_and_prospect, rules):
    _client, prospect = client_and_prospect
    set_policy(policy([stage()], rules))
    assert counts(synced(array(retyped(entry, 0, prospect)), actor=member_actor(anna))) == (0, 1, 0, 0)


def test_an_application_gives_a_contact_another_type_unless_rules_about_types_name_it(
    present, entry, make_app, api_of, client_and_prospect
):
    _client, prospect = client_and_prospect
    app = make_app()
    for applications, is_waiting in (([app.pk], True), ([make_app().pk], False)):
        of_clients = rule("Review", contactTypes=["client"], applications=applications)
        set_policy(policy([stage()], [of_clients, rule("Review", contactTypes=["client"])]), kind=CONTACT_ACCESS)
        api = api_of(app)
        upload(api, ("contacts.json", array(retyped(entry, 0, prospect))))
        job = api.post("/v1.0/contacts/import/sync").json["statusId"]
        run_job(job)
        assert ImportJob.objects.get(pk=job).awaiting_approval == is_waiting
        assert (Contact.objects.get(pk=present[0].pk).type == prospect) is not is_waiting


# ---- the page


def test_the_page_names_what_each_contact_would_get(access_case, anna, rita, admin_of):
    request = waits(access_case.imported(member_actor(anna)))
    text = text_of(admin_of(rita).get(page_of(request)))
    assert text.count("Participants") >= 3
    assert text.count("Zurich") >= 3
    assert text.count("Ben Tester") >= 3


def test_the_page_names_types_and_ids(identity_case, anna, rita, admin_of):
    request = waits(identity_case.imported(member_actor(anna)))
    text = text_of(admin_of(rita).get(page_of(request)))
    for shown in ("Prospect", "other-1", "CRM-11", "ERP"):
        assert shown in text


def test_the_page_names_companies_and_finds_them_with_the_names_of_their_contacts(group_case, anna, rita, admin_of):
    request = waits(group_case.imported(member_actor(anna)))
    text = text_of(admin_of(rita).get(page_of(request)))
    assert "Import (Contact group): 3 entries" in text
    assert text.count("Alp AG") == 3
    for contact in group_case.contacts:
        assert f"Johanna Spyri (#{contact.pk})" in text
    for term, found in (("alp", 3), ("L-1", 1), ("nobody", 0)):
        assert text_of(admin_of(rita).get(page_of(request), {"term": term})).count("Alp AG") == found


def test_the_page_takes_as_many_queries_for_many_companies_as_for_one(group_case, anna, rita, admin_of, count_queries):
    browser = admin_of(rita)
    numbers = []
    for entries in (group_case.entries[:1], group_case.entries[1:]):
        job = synced(array(*entries), kind=ImportKind.LEGAL_ENTITIES, actor=member_actor(anna))
        browser.get(page_of(waits(job)))
        with count_queries() as queries:
            browser.get(page_of(waits(job)))
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_a_type_that_somebody_asks_for_is_in_use(identity_case, anna):
    assert not is_item_in_use("contact-type", "prospect")
    waits(identity_case.imported(member_actor(anna)))
    assert is_item_in_use("contact-type", "prospect")


def test_a_request_is_closed_with_its_import_and_others_stay_open(present, entry, anna, rita, zurich):
    both = entry("E-0", details=details(**RENAMED)) | {"participants": ["Zurich"]}
    requests = waiting(synced(array(both), actor=member_actor(anna)))
    approve(rita, requests[CONTACT_ACCESS])
    requests[CONTACT_DETAILS].refresh_from_db()
    assert requests[CONTACT_DETAILS].status == Status.PENDING
