"""Client applications as documents, which their change requests compare."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from accounts.models import ClientApplication
from administration.applications import with_sight
from core.documents import Document

NOTHING: Document = with_sight({"name": None, "scopes": [], "participants": [], "owner": None, "isSecretDue": False})


def applications_with_documents(applications: QuerySet[ClientApplication]) -> QuerySet[Any]:
    """Annotate what `document_of_application` needs, in the same query."""
    links = ClientApplication.participants.through.objects.filter(clientapplication=OuterRef("pk"))
    return applications.annotate(participant_ids=ArraySubquery(links.order_by("participant").values("participant_id")))


def document_of_application(application: Any) -> Document:
    """Return the document of an application that `applications_with_documents` has found.

    `isSecretDue` says that its owner may collect a new secret; the secret itself is in no document.
    """
    return with_sight(
        {
            "name": application.name,
            "scopes": sorted(application.allowed_scopes.split()),
            "participants": list(application.participant_ids),
            "owner": application.owner_id,
            "isSecretDue": application.is_secret_due,
        }
    )
