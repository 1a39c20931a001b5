"""Erasing what requests say about contacts that were never created: nobody can anonymize these."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit import entries
from audit.models import Erasure
from changerequests.models import ChangeRequest
from changerequests.services.erasure import erase_requests
from contacts.duplicates import forget_distinctions
from contacts.models import CONTACT_CREATION, Contact, WaitingContact

# How long the data stay with a request that was rejected or cancelled.
KEPT_FOR = timedelta(days=30)
MOST_AT_ONCE = 1_000


@transaction.atomic
def erase_refused_creations() -> int:
    """Erase the values, comments and files of creations that were refused some time ago; return how many.

    Keeps paths, times and people, as anonymization does. Locks the rows of what waited.
    """
    about_it = {"kind": CONTACT_CREATION, "subject_id": OuterRef("pk")}
    # Left out of a request that its other subjects keep open.
    is_open = ChangeRequest.objects.open().filter(**{f"subjects__{name}": value for name, value in about_it.items()})
    refused = WaitingContact.objects.filter(closed_at__lt=timezone.now() - KEPT_FOR).exclude(
        Exists(Contact.objects.filter(pk=OuterRef("pk"))) | Exists(Erasure.objects.filter(**about_it)) | Exists(is_open)
    )
    ids = list(refused.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    entries.erase(kind=CONTACT_CREATION, subject_ids=ids)
    erase_requests(CONTACT_CREATION, ids)
    forget_distinctions(ids)
    WaitingContact.objects.filter(pk__in=ids).update(name="")
    return len(ids)
