"""What is configured, as subjects with documents."""

from typing import Any

from django.db.models import Case, JSONField, QuerySet, Value, When
from django.db.models.functions import JSONObject

from administration.configuration import all_sorts
from administration.models import ConfigurationSubject
from core.documents import Document


def subjects_with_documents(subjects: QuerySet[ConfigurationSubject]) -> QuerySet[Any]:
    """Annotate each subject with its document, in the same query: it is empty until a new one is approved."""
    documents = [
        When(sort=sort.key, object_id__isnull=False, then=JSONObject(**{sort.key: sort.document()}))
        for sort in all_sorts()
    ]
    return subjects.annotate(document=Case(*documents, default=Value({}, JSONField()), output_field=JSONField()))


def document_of_subject(subject: Any) -> Document:
    """Return the document of a subject that `subjects_with_documents` has found."""
    document: Document = subject.document
    return document
