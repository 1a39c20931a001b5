"""Lists and inlines whose rows are contacts, for the access log."""

from functools import cached_property
from typing import Any, ClassVar

from django.core.paginator import Page
from django.http import HttpRequest

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from accounts.admin_inputs import PagedFormSet
from accounts.admin_paging import KeyedPaginator
from audit.access.models import Door, Way
from audit.access.recording import looked


class ShownContactsPaginator(KeyedPaginator):
    """The contacts of a list, or of a field that offers them: its `reader` is shown those of a page."""

    reader: Actor | None = None

    def page(self, number: Any) -> Page:
        page = super().page(number)
        page.object_list = list(page.object_list)
        looked(self.reader, [contact.pk for contact in page.object_list], way=Way.LISTED, door=Door.ADMIN)
        return page


class ShownContactsFormSet(PagedFormSet):
    """The rows of a page, each with a contact: who opens it is shown them."""

    reader: ClassVar[Actor | None] = None

    @cached_property
    def forms(self) -> list[Any]:
        forms: list[Any] = super().forms
        ids = [form.instance.contact_id for form in forms if form.instance.pk is not None]
        looked(self.reader, ids, way=Way.LISTED, door=Door.ADMIN)
        return forms


def shown_to(request: HttpRequest, formset: type[ShownContactsFormSet]) -> type[ShownContactsFormSet]:
    """Return the class with who opens the page."""
    return type(formset.__name__, (formset,), {"reader": actor_of(request)})
