"""Who uploaded a file: the one who may sync it. Told like the requester of a job."""

from typing import Any

from django.db.models import QuerySet

from accounts.actor import Actor
from importexport.job_ownership import requester_columns
from importexport.models import ImportFile


def owner_columns(actor: Actor) -> dict[str, Any]:
    """The columns of a file that say who uploaded it."""
    return {name.replace("requested_by", "owner"): value for name, value in requester_columns(actor).items()}


def owned_by(actor: Actor) -> QuerySet[ImportFile]:
    """The files that this very actor uploaded."""
    return ImportFile.objects.filter(**owner_columns(actor))
