"""Filters of legal entities."""

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet

from legalentities.models import LegalEntity
from legalentities.queries import search_legal_entities


class LegalEntityFilterSet(FilterSet):
    """The admin list's filters, by query parameter. Exports that start from the list apply the same ones."""

    q = CharFilter(method="search")

    def search(self, legal_entities: QuerySet[LegalEntity], name: str, value: str) -> QuerySet[LegalEntity]:
        return search_legal_entities(legal_entities, value)
