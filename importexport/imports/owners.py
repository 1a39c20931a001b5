"""The uploader of a file, who may sync it. Stored like the requester of a job."""

from typing import Any

from django.db.models import QuerySet

from accounts.actor import Actor
from importexport.job_ownership import requester_columns
from importexport.models import ImportFile


def owner_columns(actor: Actor) -> dict[str, Any]:
    """Return the columns of a file that name its uploader."""
    return {name.replace("requested_by", "owner"): value for name, value in requester_columns(actor).items()}


def owned_by(actor: Actor) -> QuerySet[ImportFile]:
    """Return the files that this actor uploaded."""
    return ImportFile.objects.filter(**owner_columns(actor))
