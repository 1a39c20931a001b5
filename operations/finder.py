"""The search box of every admin page: contacts, groups, companies, and requests by number.

Users find what the lists show them: a list's admin says who may look at it, and at which rows. The browser remembers
the ids of what was opened last, and asks for their names, so that none is left behind in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.admin_actor import actor_of
from audit.access.admin import looked_in_admin
from audit.access.models import Way
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from contactgroups.models import ContactGroup
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES, Contact
from contacts.queries.searching import FoundContact, found_page
from core.search import SearchTerm
from legalentities.models import LegalEntity
from schemas.queries import current_schema, list_data

MOST_CONTACTS, MOST_OTHERS = 8, 5
MOST_RECENT = 8
MODELS: dict[str, type[Model]] = {
    "contact": Contact,
    "group": ContactGroup,
    "company": LegalEntity,
    "request": ChangeRequest,
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A row of the box. `key` is what the browser remembers of it: `contact-17`."""

    key: str
    icon: str
    title: str
    about: str
    address: str


@require_GET
@never_cache
def find(request: HttpRequest) -> HttpResponse:
    """Return what `q` finds, or what `recent` has the keys of, as rows of a list."""
    text = request.GET.get("q", "")
    recent = request.GET.getlist("recent")[:MOST_RECENT]
    hits = list(_found(request, text)) if text.strip() else _recent(request, recent)
    return TemplateResponse(request, "admin/finder_hits.html", {"hits": hits, "text": text})


def _found(request: HttpRequest, text: str) -> Iterator[Hit]:
    if (number := SearchTerm.typed(text.removeprefix("#")).id) is not None:
        yield from _hits(request, "request", _rows(request, "request").filter(pk=number)[:1])
    actor = actor_of(request)
    if actor is not None and _admin_of("contact").has_view_permission(request):
        found, _total = found_page(actor=actor, text=text, start=0, stop=MOST_CONTACTS)
        looked_in_admin(request, [contact.id for contact in found], way=Way.LISTED)
        types, schema = _contact_types(), current_schema(CONTACT_SCHEMA)
        for contact in found:
            yield _hit(
                "contact", contact.id, contact.name, f"{types.get(contact.type_id, '')} · {_where(contact, schema)}"
            )
    for name in ("group", "company"):
        if _admin_of(name).has_view_permission(request):
            rows, _duplicates = _admin_of(name).get_search_results(request, _rows(request, name), text)
            yield from _hits(request, name, rows.order_by("pk")[:MOST_OTHERS])


def _recent(request: HttpRequest, keys: Sequence[str]) -> list[Hit]:
    """Return the rows with these keys that the user may still see, in their order. Runs a query per model."""
    ids: dict[str, list[int]] = {}
    for key in keys:
        name, _dash, number = key.partition("-")
        row_id = SearchTerm.typed(number).id
        if name in MODELS and row_id is not None:
            ids.setdefault(name, []).append(row_id)
    hits = {
        hit.key: hit
        for name, found in ids.items()
        for hit in _hits(request, name, _rows(request, name).filter(pk__in=found))
    }
    return [hits[key] for key in dict.fromkeys(keys) if key in hits]


def _admin_of(name: str) -> Any:
    return admin.site.get_model_admin(MODELS[name])


def _rows(request: HttpRequest, name: str) -> QuerySet[Any]:
    model_admin = _admin_of(name)
    rows: QuerySet[Any] = model_admin.get_queryset(request)
    return rows if model_admin.has_view_permission(request) else rows.none()


def _hits(request: HttpRequest, name: str, rows: QuerySet[Any]) -> Iterator[Hit]:
    found = list(rows)
    if name == "contact":
        looked_in_admin(request, [row.pk for row in found], way=Way.LISTED)
    for row in found:
        if isinstance(row, ChangeRequest):
            title = _("Change request %(number)s") % {"number": row.pk}
            yield _hit(name, row.pk, title, str(request_kind(row.kind).label))
        else:
            yield _hit(name, row.pk, str(row), str(MODELS[name]._meta.verbose_name))


def _hit(name: str, row_id: int, title: str, about: str) -> Hit:
    options = MODELS[name]._meta
    address = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row_id])
    return Hit(f"{name}-{row_id}", _admin_of(name).sidebar_icon, title or f"#{row_id}", about, address)


def _contact_types() -> dict[int, str]:
    return {item.id: item.name() for item in list_data(CONTACT_TYPES).items}


def _where(contact: FoundContact, schema: Any) -> str:
    """Return the labels of what was found in the contact, as the reader's language has them."""
    language = get_language()
    labels = {"username": _("username"), "id": "id", "uId": "uid"}

    def label(path: str) -> str:
        field = schema.fields.get(path)
        if field is not None:
            return str(field.label(language))
        first, _dot, rest = path.partition(".")
        if first == "externalConnections":
            return rest
        return labels.get(path) or str(ContactGroup._meta.verbose_name)

    return ", ".join(dict.fromkeys(map(label, contact.matched)))
