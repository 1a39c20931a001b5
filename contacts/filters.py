"""Filters of contacts."""

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import CharFilter, ChoiceFilter, FilterSet, NumberFilter, TypedChoiceFilter

from changerequests.models import RequestSubject
from contacts.models import CONTACT_DETAILS, Contact
from contacts.queries.searching import search_contacts


class ContactFilterSet(FilterSet):
    """The admin list's filters, by query parameter. Exports that start from the list apply the same ones."""

    q = CharFilter(method="search")
    type = NumberFilter(field_name="type")
    # The two parameters of Django's own filter of a relation.
    participants__id__exact = NumberFilter(field_name="participants")
    participants__isnull = TypedChoiceFilter(
        field_name="participants",
        lookup_expr="isnull",
        choices=[("True", "True"), ("False", "False")],
        coerce=lambda value: value == "True",
    )
    pending = ChoiceFilter(choices=[("yes", _("Pending review")), ("no", _("None pending"))], method="filter_pending")

    def search(self, contacts: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        return search_contacts(contacts, value)

    def filter_pending(self, contacts: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        waiting = RequestSubject.objects.filter(kind=CONTACT_DETAILS, is_open=True).values("subject_id")
        return contacts.filter(pk__in=waiting) if value == "yes" else contacts.exclude(pk__in=waiting)
