"""The lists of what there may be a million of."""

from functools import cached_property
from typing import Any

from django.core.paginator import Page
from django.http import HttpRequest

from accounts.admin_actor import CappedChangeList, CappedPaginator


class KeyedPaginator(CappedPaginator):
    """Reads the keys of all rows that it counts, in their order, and then the rows of a page by their keys.

    Counting them reads as much. So the conditions and the order are met in one statement, of nothing else but them:
    joined with all that a page shows, and asked for fifty rows alone, PostgreSQL walks through a whole table to meet
    the few that a member sees, or joins all of it with everything before it looks for them.
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
    """For admins with a KeyedPaginator: Django asks it for a page only where there are several."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.multi_page:
            self.result_list = self.paginator.page(1).object_list
