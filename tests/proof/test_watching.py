"""Beat verifies the ledger some seals at a time; what it finds is counted, logged and mailed once."""

import pytest
from django.contrib.auth.models import Permission

from accounts.actor import system_actor
from accounts.models import Notice
from administration.notices import deliver_notice
from contacts.services.changes import patch_details
from events.services.numbering import number_events
from operations.figures import read_figures
from proof import watching
from proof.models import Watch
from proof.sealing import seal_ledger
from proof.watching import verify_next

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEM = system_actor("tests")


@pytest.fixture
def contact(make_contact, seals, monkeypatch):
    """A contact whose entries are in three seals, of which each turn takes one."""
    contact = make_contact()
    seal_ledger()
    for number in range(2):
        patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": f"call {number}"}})
        seal_ledger()
    monkeypatch.setattr(watching, "ENTRIES", 1)
    return contact


@pytest.fixture
def reviewer(make_member):
    member = make_member()
    member.user.user_permissions.add(Permission.objects.get(codename="review_changerequest"))
    member.user.email = "reviewer@example.com"
    member.user.save()
    return member


def one_round() -> list[int]:
    """Verify until the end; return what each turn found."""
    found = [verify_next()]
    while Watch.objects.get().seal:
        found.append(verify_next())
    return found


def test_it_goes_round_and_finds_nothing(contact, reviewer):
    assert one_round() == [0, 0, 0]
    assert one_round() == [0, 0, 0]
    assert not Notice.objects.exists()
    assert (read_figures().proof_findings, read_figures().unsealed_for) == (0, 0)


def test_a_finding_counts_as_long_as_it_is_there_and_is_mailed_once(contact, reviewer, attacker, mailoutbox):
    attacker.change_entry(contact.pk, 2, "comment = 'another'")
    assert one_round() == [0, 1, 0]
    assert one_round() == [0, 1, 0]
    assert read_figures().proof_findings == 1
    deliver_notice(Notice.objects.get(kind=Notice.Kind.LEDGER_CHANGED).pk)
    (mail,) = mailoutbox
    assert mail.to == ["reviewer@example.com"]
    assert f"- contact-details {contact.pk}, entry 2: its values, its comment or its salt were changed" in mail.body
    attacker.change_entry(contact.pk, 2, "comment = NULL")
    assert one_round() == [0, 0, 0]
    assert read_figures().proof_findings == 0


def test_what_is_not_sealed_is_known_by_its_age(contact, attacker):
    patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": "x"}})
    attacker.change_entry(contact.pk, 4, "recorded_at = now() - interval '1 hour'")
    number_events()
    assert read_figures().unsealed_for > 3599
