"""Entries of one import that give up and take unique values settle as a whole, in whatever order they come."""

from itertools import permutations

import pytest

from accounts.actor import member_actor
from audit.models import Entry
from changerequests.models import ChangeRequest
from contacts.models import CONTACT_CREATION, CONTACT_IDENTITY, Contact, ExternalConnection
from importexport.models import ImportStatus
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.fixtures import details
from tests.importexport.importing import array, counts, paths, synced

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(entry):
    """Contacts E-1, E-2 and E-3 with the usernames a, b and c, and the ids A, B and C in the CRM."""
    synced(array(*(entry(f"E-{number}", username=name, **crm(name.upper())) for number, name in enumerate("abc", 1))))


def crm(external_id):
    return {"externalConnections": [{"system": "CRM", "externalId": external_id}]}


def named(number, name):
    return {"externalId": f"E-{number}", "username": name}


def connected(number, external_id):
    return {"externalId": f"E-{number}", **crm(external_id)}


def usernames():
    return list(Contact.objects.order_by("pk").values_list("username", flat=True))


def crm_ids():
    found = ExternalConnection.objects.filter(system="CRM").order_by("contact")
    return list(found.values_list("external_id", flat=True))


# ---- what is not given up


def test_what_the_other_entry_keeps_is_not_taken(three):
    assert paths(synced(array(named(1, "b"), named(2, "B")))) == [(1, "username")]
    assert usernames() == ["a", "B", "c"]
    assert paths(synced(array(connected(1, "B"), connected(2, "B")))) == [(1, "externalConnections")]
    assert crm_ids() == ["A", "B", "C"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_entry_that_fails_gives_nothing_up_nor_do_those_that_wait_for_it(three, order, make_contact):
    make_contact(username="outside")
    sent = [named(1, "b"), named(2, "c"), named(3, "outside")]
    job = synced(array(*(sent[place] for place in order)))
    assert (job.status, counts(job)) == (ImportStatus.COMPLETED_WITH_ERRORS, (0, 0, 0, 3))
    assert usernames() == ["a", "b", "c", "outside"]


def test_an_entry_that_fails_for_another_reason_gives_nothing_up(three):
    bad = {**named(2, "new"), **crm("C")}
    assert paths(synced(array(named(1, "b"), bad))) == [(1, "username"), (2, "externalConnections")]
    assert usernames() == ["a", "b", "c"]


def test_of_two_that_want_what_is_given_up_the_first_gets_it(three):
    assert paths(synced(array(named(3, "a"), named(2, "a"), named(1, "new")))) == [(2, "username")]
    assert usernames() == ["new", "b", "a"]


def test_what_waits_gives_nothing_up_and_takes_nothing_that_is_not_free(three, make_member):
    set_policy(policy([stage()], [rule("Review")]), kind=CONTACT_IDENTITY)
    member = member_actor(make_member(sees_all_contacts=True))
    job = synced(array(named(1, "b"), named(2, "new")), actor=member)
    assert (job.failed, job.awaiting_approval, paths(job)) == (1, 1, [(1, "username")])


def test_a_creation_that_waits_takes_only_what_is_free(three, entry, make_member):
    set_policy(policy([stage()], [rule("Review")]), kind=CONTACT_CREATION)
    member = member_actor(make_member(sees_all_contacts=True))
    job = synced(array(named(1, "new"), entry("E-4", username="a"), entry("E-5", username="free")), actor=member)
    assert (job.updated, job.awaiting_approval, paths(job)) == (1, 1, [(2, "username")])
    assert ChangeRequest.objects.count() == 1


# ---- what is


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_usernames_go_round_and_in_chains_in_whatever_order(three, order):
    for wanted, expected in (("bca", ["b", "c", "a"]), ("xbc", ["x", "b", "c"])):
        sent = [named(number, name) for number, name in enumerate(wanted, 1)]
        assert counts(synced(array(*(sent[place] for place in order))))[1:] == (3, 0, 0)
        assert usernames() == expected


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_external_ids_go_round_and_in_chains_in_whatever_order(three, order):
    for wanted, expected in (("BCA", ["B", "C", "A"]), ("XBC", ["X", "B", "C"])):
        sent = [connected(number, external_id) for number, external_id in enumerate(wanted, 1)]
        assert counts(synced(array(*(sent[place] for place in order))))[1:] == (3, 0, 0)
        assert crm_ids() == expected


def test_two_systems_of_one_contact_swap(three):
    both = [{"system": "CRM", "externalId": "A"}, {"system": "ERP", "externalId": "Z"}]
    synced(array({"externalId": "E-1", "externalConnections": both}))
    swapped = [{"system": "CRM", "externalId": "Z"}, {"system": "ERP", "externalId": "A"}]
    assert counts(synced(array({"externalId": "E-1", "externalConnections": swapped}))) == (0, 1, 0, 0)
    found = ExternalConnection.objects.exclude(system="Default").filter(external_id__in="AZ")
    assert dict(found.values_list("system", "external_id")) == {"CRM": "Z", "ERP": "A"}


def test_a_new_contact_takes_what_another_entry_gives_up(three, entry):
    new = entry("E-4", username="A", **crm("A"))
    job = synced(array(new, {**named(1, "x"), **crm("X")}))
    assert counts(job) == (1, 1, 0, 0)
    assert (usernames(), crm_ids()) == (["x", "b", "c", "A"], ["X", "B", "C", "A"])


def test_the_ledger_has_what_each_was_and_became(three):
    synced(array(named(1, "b"), named(2, "a")))
    changes = Entry.objects.filter(kind=CONTACT_IDENTITY).order_by("subject_id").values_list("changes", flat=True)
    assert list(changes) == [
        [{"path": "username", "original": "a", "target": "b"}],
        [{"path": "username", "original": "b", "target": "a"}],
    ]


def test_usernames_that_follow_the_email_swap(entry, settings):
    settings.USERNAME_FROM_EMAIL = True

    def sent(number, email):
        content = details(contactInformation={"email": email})
        return {name: value for name, value in entry(f"E-{number}", details=content).items() if name != "username"}

    synced(array(sent(1, "a@example.com"), sent(2, "b@example.com")))
    assert counts(synced(array(sent(1, "b@example.com"), sent(2, "a@example.com")))) == (0, 2, 0, 0)
    assert usernames() == ["b@example.com", "a@example.com"]


def test_batches_settle_one_after_the_other_and_what_failed_goes_through_in_one(three, settings):
    settings.IMPORT_BATCH_ENTRIES = 1
    assert paths(synced(array(named(1, "x"), named(2, "a")))) == []
    assert paths(synced(array(named(2, "x"), named(1, "y")))) == [(1, "username")]
    swap = array(named(1, "a"), named(2, "y"))
    assert (paths(synced(swap)), usernames()) == ([(1, "username"), (2, "username")], ["y", "a", "c"])
    settings.IMPORT_BATCH_ENTRIES = 2
    assert (paths(synced(swap)), usernames()) == ([], ["a", "y", "c"])
