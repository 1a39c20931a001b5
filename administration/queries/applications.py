"""Client applications as documents, which their change requests compare."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, ExpressionWrapper, Func, JSONField, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from accounts.models import ClientApplication
from administration.applications import FOR_ITSELF
from core.documents import Document


class _Words(Func):
    """The words of a text as a sorted array of JSON, in Python's order."""

    template = (
        "to_jsonb(ARRAY(SELECT word FROM regexp_split_to_table(%(expressions)s, '\\s+') AS word"
        " WHERE word <> '' ORDER BY word COLLATE \"C\"))"
    )
    output_field = JSONField()


class _Keys(Func):
    """The public keys without who asked for them."""

    template = "jsonb_path_query_array(%(expressions)s, '$[*].jwk')"
    output_field = JSONField()


def applications_with_documents(applications: QuerySet[ClientApplication]) -> QuerySet[Any]:
    """Annotate each application with `document`, in the same query.

    It says whether the application sees all contacts, like `with_sight`. `isSecretDue` says that its owner may collect
    a new secret; the secret itself is in no document.
    """
    links = ClientApplication.participants.through.objects.filter(clientapplication=OuterRef("pk"))
    sees_less = Q(allowed_scopes__regex=r"^\s*$") | ~Q(authorization_grant_type=FOR_ITSELF) | Exists(links)
    is_public = Q(client_type=ClientApplication.CLIENT_PUBLIC)
    return applications.annotate(
        document=JSONObject(
            name="name",
            grant="authorization_grant_type",
            isPublic=ExpressionWrapper(is_public, BooleanField()),
            scopes=_Words("allowed_scopes"),
            carriesDecisions="carries_decisions",
            participants=ArraySubquery(links.order_by("participant").values("participant_id")),
            redirectUris=_Words("redirect_uris"),
            origins=_Words("allowed_origins"),
            owner="owner_id",
            isSecretDue="is_secret_due",
            publicKeys=_Keys("public_keys"),
            seesAllContacts=ExpressionWrapper(~sees_less, BooleanField()),
        )
    )


def document_of_application(application: Any) -> Document:
    """Return the document of an application that `applications_with_documents` has found."""
    document: Document = application.document
    return document
