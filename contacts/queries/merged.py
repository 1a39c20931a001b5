"""Reading which contacts were merged into which."""

from django.db.models import QuerySet

from accounts.actor import Actor
from contacts.models import Contact, Merge


def survivor_of(*, actor: Actor, contact_id: int) -> int | None:
    """Return the id of the contact that answers for a merged one; None if it is not merged or cannot be seen."""
    merged = Contact.objects.visible_with_merged(actor).filter(pk=contact_id).order_by()
    return merged.values_list("merged_into", flat=True).first()


def merges_into(contact: Contact) -> QuerySet[Merge]:
    """Return the merges into a contact that are not undone, latest first, with the merged contacts."""
    merges = Merge.objects.filter(survivor=contact, undone_by=None).select_related("loser", "made_by")
    return merges.defer("loser__details").order_by("-made_by")
