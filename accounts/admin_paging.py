"""Changelists of tables that may have a million rows."""

from functools import cached_property
from typing import Any

from django.core.paginator import Page
from django.http import HttpRequest

from accounts.admin_actor import CappedChangeList, CappedPaginator


class KeyedPaginator(CappedPaginator):
    """Loads the ordered keys of all rows up to the cap, then a page's rows by key.

    Counting reads as many rows anyway. Filters and order go into one minimal statement: joined with everything that a
    page shows and limited to fifty rows, PostgreSQL scans a whole table for the few rows visible to a member, or joins
    all rows before it filters them.
    """

    @cached_property
    def keys(self) -> list[int]:
        rows: Any = self.object_list
        return list(rows.values_list("pk", flat=True)[: self.most])

    @cached_property
    def count(self) -> int:
        return len(self.keys)

    def page(self, number: Any) -> Page:
        number = self.validate_number(number)
        start = (number - 1) * self.per_page
        rows: Any = self.object_list
        return Page(rows.filter(pk__in=self.keys[start : start + self.per_page]), number, self)


class KeyedChangeList(CappedChangeList):
    """For admins with a KeyedPaginator. Django does not use the paginator if there is only one page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
