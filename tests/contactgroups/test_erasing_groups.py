"""The effect on a group of anonymizing its contacts."""

import pytest
from django.db import IntegrityError, transaction

from accounts.actor import member_actor, system_actor
from audit import entries
from audit.models import Entry
from changerequests.models import ChangeRequest, Proposal, Status
from contactgroups.models import CONTACT_GROUP, ContactGroup
from contactgroups.services import Membership, change_group, create_group, delete_group
from contacts.services.anonymization import anonymize_contacts
from core.errors import UnprocessableEntity
from tests.changerequests.engine import approve_all

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def anonymize(*contacts):
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk for contact in contacts])


def texts_of(group):
    group.refresh_from_db()
    return group.name, group.external_id, group.custom_attributes


@pytest.fixture
def named():
    return {"name": "Johanna Spyri", "custom_attributes": "born in Hirzel"}


def test_the_texts_of_a_group_of_one_go_with_the_person(make_contact, make_group, named, members_of):
    contact = make_contact()
    group = make_group(contact, external_id="G-1", **named)
    anonymize(contact)
    assert texts_of(group) == (None, "G-1", None)
    assert members_of(group) == {contact.pk: "owner"}


def test_where_others_are_in_the_group_its_texts_stay_until_the_last_of_them_goes(make_contact, make_group, named):
    first, second = make_contact(), make_contact()
    group = make_group(first, second, **named)
    anonymize(first)
    assert texts_of(group) == ("Johanna Spyri", None, "born in Hirzel")
    anonymize(second)
    assert texts_of(group) == (None, None, None)


def test_contacts_who_go_together_leave_no_texts(make_contact, make_group, named):
    first, second = make_contact(), make_contact()
    group = make_group(first, second, **named)
    anonymize(first, second)
    assert texts_of(group) == (None, None, None)


def test_groups_of_others_stay_as_they_are(make_contact, make_group, named):
    group, empty = make_group(make_contact(), **named), make_group(**named)
    anonymize(make_contact())
    assert texts_of(group)[0] == texts_of(empty)[0] == "Johanna Spyri"


# ---- the ledger and requests


@pytest.fixture
def clerk(make_member):
    return member_actor(make_member("clerk", sees_all_contacts=True))


def values_of(group_id):
    """Return every value that the ledger and the requests have of a group."""
    found = [*Entry.objects.of(CONTACT_GROUP, group_id).values_list("changes", flat=True)]
    found += Proposal.objects.filter(subject__kind=CONTACT_GROUP, subject__subject_id=group_id).values_list(
        "changes", flat=True
    )
    return {change[side] for changes in found for change in changes for side in ("original", "target")} - {None}


def test_the_ledger_and_the_requests_of_a_group_lose_their_values_with_its_last_contact(
    make_contact, make_group, named, clerk, rita
):
    first, second = make_contact(), make_contact()
    group = make_group(first, second, **named)
    change_group(actor=clerk, group_id=group.pk, name="Heidi")
    approve_all(rita)
    waiting = change_group(actor=clerk, group_id=group.pk, custom_attributes="born in Zurich")
    anonymize(first)
    assert {"Johanna Spyri", "Heidi", "born in Hirzel", "born in Zurich"} <= values_of(group.pk)
    waiting.refresh_from_db()
    assert waiting.is_pending
    anonymize(second)
    assert values_of(group.pk) == set()
    waiting.refresh_from_db()
    assert waiting.status == Status.CANCELLED
    last = Entry.objects.of(CONTACT_GROUP, group.pk).latest("sequence")
    assert (last.paths, last.initiator_system) == (["customAttributes", "name"], "anonymization")


def test_so_do_those_of_a_group_that_was_deleted(make_contact, make_group, named, clerk, rita):
    contact = make_contact()
    group = make_group(contact, **named)
    delete_group(actor=clerk, group_id=group.pk)
    approve_all(rita)
    anonymize(contact)
    assert values_of(group.pk) == set()


def test_and_those_of_a_group_that_the_contact_was_taken_out_of_before_it_was_deleted(make_contact, make_group, named):
    contact = make_contact()
    group = make_group(contact, **named)
    change_group(actor=system_actor("tests"), group_id=group.pk, memberships=[])
    delete_group(actor=system_actor("tests"), group_id=group.pk)
    anonymize(contact)
    assert values_of(group.pk) == set()


def asked_for(clerk, policy, *contacts, **texts):
    memberships = [Membership(contact.pk, policy()) for contact in contacts]
    request = create_group(actor=clerk, memberships=memberships, **texts).change_request
    assert request is not None
    return request


def test_a_creation_for_a_contact_that_is_anonymized_is_cancelled(make_contact, clerk, policy, named):
    contact = make_contact()
    request = asked_for(clerk, policy, contact, **named)
    anonymize(contact)
    request.refresh_from_db()
    assert request.status == Status.CANCELLED
    assert values_of(request.subject_id) == set()


def test_of_several_contacts_who_join_the_one_that_is_anonymized_is_left_out(
    make_contact, make_group, clerk, policy, members_of, rita
):
    gone, stays, member = make_contact(), make_contact(), make_contact()
    created = asked_for(clerk, policy, gone, stays)
    group = make_group(member)
    joining = [Membership(contact.pk, policy()) for contact in (member, gone, stays)]
    change_group(actor=clerk, group_id=group.pk, memberships=joining)
    anonymize(gone)
    approve_all(rita)
    assert members_of(ContactGroup.objects.get(pk=created.subject_id)) == {stays.pk: "owner"}
    assert members_of(group) == {member.pk: "owner", stays.pk: "owner"}
    entry = Entry.objects.of(CONTACT_GROUP, group.pk).latest("sequence")
    assert entry.paths == ["members", f"members.{stays.pk}"]


def test_if_nobody_else_joins_the_approval_is_refused(make_contact, make_group, clerk, policy, rita, members_of):
    gone, member = make_contact(), make_contact()
    group = make_group(member)
    change_group(actor=clerk, group_id=group.pk, memberships=[Membership(pk, policy()) for pk in (member.pk, gone.pk)])
    anonymize(gone)
    with pytest.raises(UnprocessableEntity) as refused:
        approve_all(rita)
    assert refused.value.sub_code == "ContactAnonymized"
    assert ChangeRequest.objects.get().is_pending
    assert members_of(group) == {member.pk: "owner"}


def test_what_is_written_after_an_erasure_is_erased_with_the_next_contact(make_contact, make_group, named):
    first, second = make_contact(), make_contact()
    group = make_group(first, **named)
    anonymize(first)
    entries_before = Entry.objects.of(CONTACT_GROUP, group.pk).count()
    policy_id = group.memberships.get().access_policy_id
    joined = [Membership(first.pk, policy_id), Membership(second.pk, policy_id)]
    change_group(actor=system_actor("tests"), group_id=group.pk, name="Heidi", memberships=joined)
    anonymize(second)
    assert Entry.objects.of(CONTACT_GROUP, group.pk).count() == entries_before + 2
    assert values_of(group.pk) == set()


@pytest.mark.parametrize("is_anonymized", [False, True], ids=["of known contacts", "with others left"])
def test_the_history_of_a_group_of_others_is_not_erased(make_contact, make_group, named, is_anonymized):
    first, second = make_contact(), make_contact()
    group = make_group(first, second, **named)
    if is_anonymized:
        anonymize(first)
    with pytest.raises(IntegrityError, match="the history of a group of others is not erased"), transaction.atomic():
        entries.erase(kind=CONTACT_GROUP, subject_ids=[group.pk])
