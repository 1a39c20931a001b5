"""The effects of entries of legal entity files."""

import pytest

from accounts.actor import member_actor
from audit.models import Entry
from contactgroups.models import CONTACT_GROUP, ContactGroup, GroupMembership, LinkedEntity
from contacts.models import ExternalConnection
from contacts.services.anonymization import anonymize_contacts
from importexport.models import ImportKind, ImportStatus
from legalentities.models import LegalEntity
from legalentities.services import create_legal_entity
from schemas.models import ListItem
from tests.changerequests.policies import policy, set_policy
from tests.importexport.importing import SYSTEM, array, counts, faults, lines, paths
from tests.importexport.importing import synced as synced_any
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def synced(*contents, **options):
    return synced_any(*contents, kind=ImportKind.LEGAL_ENTITIES, **options)


@pytest.fixture
def contact(make_contact):
    contact = make_contact()
    ExternalConnection.objects.create(contact=contact, system="Default", external_id="C-1")
    return contact


@pytest.fixture
def policies(default_schemas):
    return dict(ListItem.objects.filter(list__key="access-policy").values_list("key", "pk"))


@pytest.fixture
def company(contact, policies):
    def make(external_id="L-1", name="Säntis AG", **properties):
        contacts = [{"externalId": "C-1", "accessPolicy": "owner"}]
        return {"externalId": external_id, "details": {"name": name}, "contacts": contacts, **properties}

    return make


def members(external_id="L-1"):
    legal_entity = LegalEntity.objects.get(external_id=external_id)
    link = LinkedEntity.objects.get(entity_type="LegalEntity", entity_id=legal_entity.pk)
    return set(GroupMembership.objects.filter(group=link.group).values_list("contact", "access_policy__key"))


def test_an_entry_creates_a_legal_entity_as_the_service_does(company, contact):
    made = create_legal_entity(actor=SYSTEM, details={"name": "Säntis AG"}, external_id="made")
    job = synced(array(company("L-1"), company("L-2", contacts=None)))
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED, (2, 0, 0, 0))
    imported = LegalEntity.objects.get(external_id="L-1")
    assert (imported.name, imported.version, imported.details) == ("Säntis AG", 1, {"name": "Säntis AG"})
    assert members() == {(contact.pk, "owner")}
    assert members("L-2") == set()
    by_import, by_service = (row.entries.get() for row in (imported, made))
    for name in ("sequence", "changes", "paths", "initiator_system"):
        assert getattr(by_import, name) == getattr(by_service, name)


def test_the_same_file_again_writes_nothing(company):
    synced(lines(company("L-1"), company("L-2")))
    before = [list(model.objects.values()) for model in (LegalEntity, Entry, ContactGroup)]
    assert counts(synced(lines(company("L-1"), company("L-2")))) == (0, 0, 2, 0)
    assert [list(model.objects.values()) for model in (LegalEntity, Entry, ContactGroup)] == before


def test_details_and_members_change_where_they_are_given(company, contact, make_contact, policies):
    synced(array(company()))
    other = make_contact()
    assert counts(synced(array({"externalId": "L-1", "details": {"name": "Rütli AG"}}))) == (0, 1, 0, 0)
    assert members() == {(contact.pk, "owner")}
    joined = [{"id": other.pk, "accessPolicyId": policies["owner"]}, {"id": contact.pk, "accessPolicy": "read-only"}]
    assert counts(synced(array({"externalId": "L-1", "contacts": joined}))) == (0, 1, 0, 0)
    assert members() == {(contact.pk, "read-only"), (other.pk, "owner")}
    assert counts(synced(array({"externalId": "L-1", "contacts": joined[:1]}))) == (0, 1, 0, 0)
    assert members() == {(other.pk, "owner")}
    legal_entity = LegalEntity.objects.get()
    assert (legal_entity.name, legal_entity.version) == ("Rütli AG", 2)
    history = legal_entity.entries.order_by("sequence")
    assert history.last().changes == [{"path": "name", "original": "Säntis AG", "target": "Rütli AG"}]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"externalId": None}, "externalId"),
        ({"details": {}}, "details.name"),
        ({"details": {"name": "x", "unknown": 1}}, "details.unknown"),
        ({"contacts": "C-1"}, "contacts"),
        ({"contacts": ["C-1"]}, "contacts[0]"),
        ({"contacts": [{"externalId": "C-1"}]}, "contacts[0]"),
        ({"contacts": [{"accessPolicy": "owner"}]}, "contacts[0]"),
        ({"contacts": [{"externalId": "C-1", "accessPolicy": "king"}]}, "contacts[0]"),
        ({"contacts": [{"externalId": "C-1", "accessPolicyId": True}]}, "contacts[0]"),
        ({"contacts": [{"externalId": "C-1", "accessPolicyId": "owner"}]}, "contacts[0]"),
        ({"contacts": [{"externalId": "C-1", "id": 1, "accessPolicy": "owner"}]}, "contacts[0]"),
        ({"contacts": [{"externalId": "nobody", "accessPolicy": "owner"}]}, "contacts[0]"),
        ({"contacts": [{"id": 2**31 - 1, "accessPolicy": "owner"}]}, "contacts[0]"),
        ({"contacts": [{"externalId": "C-1", "accessPolicy": "owner"}] * 2}, "contacts[1]"),
        ({"username": "x"}, "username"),
    ],
)
def test_a_bad_entry_is_reported_and_the_others_go_on(company, change, path):
    job = synced(array(company("L-1"), {**company("L-bad"), **change}, company("L-3")))
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED_WITH_ERRORS, (2, 0, 0, 1))
    assert (2, path) in paths(job)


def test_of_entries_with_the_same_external_id_the_last_counts(company):
    job = synced(array(company(name="First"), company(name="Last")))
    assert counts(job) == (1, 0, 0, 1)
    assert LegalEntity.objects.get().name == "Last"


def test_a_member_imports_for_contacts_that_it_sees_and_leaves_the_others(company, contact, make_member, make_contact):
    anna = make_member("anna")
    own = make_contact(members=[anna])
    synced(array(company()))
    actor = member_actor(anna)
    assert paths(synced(array(company()), actor=actor)) == [(1, "externalId")]
    assert paths(synced(array(company("L-2")), actor=actor)) == [(1, "contacts[0]")]
    assert paths(synced(array(company("L-2", contacts=[])), actor=actor)) == [(1, "contacts")]
    mine = [{"id": own.pk, "accessPolicy": "owner"}]
    assert counts(synced(array(company("L-2", contacts=mine)), actor=actor)) == (1, 0, 0, 0)
    both = [*mine, {"externalId": "C-1", "accessPolicy": "owner"}]
    synced(array(company("L-2", contacts=both)))
    read_only = [{"id": own.pk, "accessPolicy": "read-only"}]
    # Who has access to a group waits, unless the policy lets it pass.
    job = synced(array(company("L-2", contacts=read_only)), actor=actor)
    assert (counts(job), job.awaiting_approval) == ((0, 0, 0, 0), 1)
    (change,) = changes_of(job.change_requests.get())
    assert change["path"] == f"members.{own.pk}"
    assert members("L-2") == {(own.pk, "owner"), (contact.pk, "owner")}
    assert counts(synced(array(company("L-2", contacts=mine)), actor=actor)) == (0, 0, 1, 0)
    set_policy(policy([], []), kind=CONTACT_GROUP)
    assert counts(synced(array(company("L-2", contacts=read_only)), actor=actor)) == (0, 1, 0, 0)
    assert members("L-2") == {(own.pk, "read-only"), (contact.pk, "owner")}


def test_an_anonymized_contact_joins_no_group(company, contact):
    named = [{"id": contact.pk, "accessPolicy": "owner"}]
    synced(array(company()))
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    job = synced(array(company("L-2", contacts=named), {"externalId": "L-1", "contacts": named}))
    assert counts(job) == (0, 0, 1, 1)
    assert "anonymized" in faults(job)[0][2]


def test_a_dry_run_keeps_nothing(company):
    assert counts(synced(array(company()), is_dry_run=True)) == (1, 0, 0, 0)
    assert not LegalEntity.objects.exists()
    assert not ContactGroup.objects.exists()


def test_the_statements_of_a_batch_do_not_grow_with_its_entries(company, count_queries):
    synced(lines(*(company(f"E-{number}") for number in range(40))))
    numbers = []
    for count in (2, 40):
        news = [company(f"N-{count}-{number}") for number in range(count)]
        changed = [company(f"E-{number}", name=f"Name {count}", contacts=[]) for number in range(count)]
        with count_queries() as queries:
            assert sum(counts(synced(lines(*news, *changed)))) == 2 * count
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_the_ledger_has_the_groups_that_an_import_creates_and_changes(company, contact, make_contact, policies):
    other = make_contact()
    synced(array(company("L-1")))
    group = ContactGroup.objects.get()
    company_id = LegalEntity.objects.get(external_id="L-1").pk
    synced(array(company("L-1", contacts=[{"id": other.pk, "accessPolicy": "read-only"}])))
    owner, reader = policies["owner"], policies["read-only"]
    created, changed = Entry.objects.of(CONTACT_GROUP, group.pk).order_by("sequence")
    assert [(change["path"], change["original"], change["target"]) for change in created.changes] == [
        ("id", None, group.pk),
        (f"members.{contact.pk}", None, owner),
        (f"linkedEntities.LegalEntity.{company_id}", None, True),
    ]
    assert [(change["path"], change["original"], change["target"]) for change in changed.changes] == [
        (f"members.{contact.pk}", owner, None),
        (f"members.{other.pk}", None, reader),
    ]
