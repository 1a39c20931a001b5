"""Saying that two contacts are different people, and taking it back."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit import entries
from contacts.duplicates import fault_of_reason, lock_contacts
from core.documents import Change
from core.errors import UnprocessableEntity
from core.text import normalized
from matching.models import DISTINCTION, Pair

# What the ledger's entries about it name.
DIFFERENT_FROM = "differentFrom"


def reason_in_form(reason: str) -> str:
    """Return a reason as it is stored. Raises UnprocessableEntity `ValidationFailed` for none and for a long one."""
    reason = normalized(reason)
    fault = fault_of_reason(reason)
    if fault:
        raise UnprocessableEntity(sub_code="ValidationFailed", properties={"reason": [fault]})
    return reason


@transaction.atomic
def distinguish(*, actor: Actor, pairs: Mapping[tuple[int, int], float], reason: str) -> None:
    """Remember that the two contacts of each pair are different people; the values say how alike they are now.

    A contact may still wait to be created. The ledger names actor, time and contacts; the reason is in the pair alone,
    from which it is erased with either contact. Locks the contacts in the order of their ids. Raises
    UnprocessableEntity `ValidationFailed`.
    """
    reason = reason_in_form(reason)
    lock_contacts(actor=actor, contact_ids=[pk for pair in pairs for pk in pair])
    now = timezone.now()
    Pair.objects.bulk_create(
        [
            Pair(
                lower_id=min(pair),
                higher_id=max(pair),
                score=score,
                is_open=False,
                reason=reason,
                distinct_score=score,
                distinct_at=now,
                distinct_by_id=actor.member_id,
            )
            for pair, score in pairs.items()
        ],
        update_conflicts=True,
        unique_fields=["lower", "higher"],
        update_fields=["score", "is_open", "reason", "distinct_score", "distinct_at", "distinct_by", "compared_at"],
    )
    _record(actor, pairs, is_different=True)


@transaction.atomic
def distinguish_open(*, actor: Actor, scores: Mapping[Pair, float], reason: str) -> None:
    """Distinguish pairs of the work list, of which nobody else has said anything meanwhile.

    Locks and raises like `distinguish`; raises UnprocessableEntity `DistinguishedAlready` too.
    """
    lock_contacts(actor=actor, contact_ids=[pk for pair in scores for pk in (pair.lower_id, pair.higher_id)])
    if Pair.objects.filter(pk__in=[pair.pk for pair in scores], is_open=True).count() < len(scores):
        fault = _("Somebody else has looked at this meanwhile. Open the list again.")
        raise UnprocessableEntity(sub_code="DistinguishedAlready", properties={"reason": [fault]})
    distinguish(
        actor=actor, pairs={(pair.lower_id, pair.higher_id): score for pair, score in scores.items()}, reason=reason
    )


@transaction.atomic
def compare_again(*, actor: Actor, pairs: Collection[Pair]) -> None:
    """Open pairs again that somebody has distinguished. Locks the contacts in the order of their ids."""
    lock_contacts(actor=actor, contact_ids=[pk for pair in pairs for pk in (pair.lower_id, pair.higher_id)])
    closed = Pair.objects.filter(pk__in=[pair.pk for pair in pairs], distinct_at__isnull=False)
    ids = list(closed.values_list("lower_id", "higher_id"))
    closed.update(is_open=True, reason="", distinct_score=None, distinct_at=None, distinct_by=None)
    _record(actor, ids, is_different=False)


def forget_open_pairs(contact_ids: Collection[int]) -> None:
    """Delete the pairs of contacts of which nobody has said anything. A later search finds what is still alike."""
    Pair.objects.filter(Q(lower_id__in=contact_ids) | Q(higher_id__in=contact_ids), is_open=True).delete()


def forget_pairs(contact_ids: Collection[int]) -> None:
    """Delete the pairs of contacts that are anonymized, or whose creation was refused, with all reasons."""
    Pair.objects.filter(Q(lower_id__in=contact_ids) | Q(higher_id__in=contact_ids)).delete()


def _record(actor: Actor, pairs: Collection[tuple[int, int]], *, is_different: bool) -> None:
    """Say in the ledger of both contacts of each pair that they are different people, or may be the same again."""
    others = defaultdict[int, list[int]](list)
    for one, other in pairs:
        others[one].append(other)
        others[other].append(one)
    entries.append_all(
        kind=DISTINCTION,
        actor=actor,
        changes={
            pk: [
                Change(DIFFERENT_FROM, None, sorted(ids)) if is_different else Change(DIFFERENT_FROM, sorted(ids), None)
            ]
            for pk, ids in others.items()
        },
    )
