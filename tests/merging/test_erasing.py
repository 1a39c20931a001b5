"""Anonymization after a merge, and of one of two contacts that somebody had asked to merge."""

import pytest

from accounts.actor import member_actor, system_actor
from changerequests.models import ChangeRequest, Proposal, Status, Verdict
from changerequests.services.deciding import decide
from contacts.models import ANONYMIZATION, MERGE, Contact
from contacts.services.anonymization import anonymize_contacts
from matching.models import MatchingKeys
from matching.services import make_keys
from merging.services.merging import merge_contacts
from tests.merging.conftest import everything

SYSTEM = system_actor("tests")

pytestmark = pytest.mark.django_db


def test_a_request_about_the_merged_contact_erases_both(anna, rita, pair):
    survivor, loser = pair
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    asked = anonymize_contacts(actor=member_actor(anna), contact_ids=[loser.pk]).change_request
    assert (asked.kind, asked.subject_id) == (ANONYMIZATION, survivor.pk)
    assert not Contact.objects.filter(anonymized_at__isnull=False).exists()
    decide(actor=member_actor(rita), change_request_id=asked.pk, verdict=Verdict.APPROVE)
    assert Contact.objects.filter(anonymized_at__isnull=False).count() == 2
    make_keys()
    assert set(MatchingKeys.objects.values_list("contact", flat=True)) == {survivor.pk}


@pytest.mark.parametrize("erased", [0, 1])
def test_a_request_to_merge_loses_what_it_says_of_either(anna, pair, erased, make_contact):
    survivor, loser = pair
    other = make_contact()
    asked = merge_contacts(actor=member_actor(anna), survivor_id=survivor.pk, loser_id=loser.pk, comment="Louise")
    stays = everything(pair[1 - erased])
    anonymize_contacts(actor=SYSTEM, contact_ids=[pair[erased].pk])
    asked.refresh_from_db()
    assert (asked.status, asked.initiator_comment) == (Status.CANCELLED, None)
    assert "Louise" not in str(list(Proposal.objects.values_list("changes", flat=True)))
    assert everything(pair[1 - erased]) == stays
    # The one that stays can be merged with somebody else, and that request keeps what it says.
    again = merge_contacts(actor=member_actor(anna), survivor_id=other.pk, loser_id=pair[1 - erased].pk)
    assert ChangeRequest.objects.open().get(kind=MERGE) == again
    assert any(change["target"] is not None for change in Proposal.objects.latest("pk").changes)
