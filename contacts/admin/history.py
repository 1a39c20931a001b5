"""Admin pages with a contact's history and its change requests."""

from typing import Any

from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from accounts.admin_actor import CappedPaginator, VisibleToActorAdmin
from audit.models import Entry
from changerequests.queries.requests import latest_requests
from changerequests.queries.subjects import Presenters
from contacts.admin.base import contact_page, opened
from contacts.display import context_of, shown_changes
from contacts.models import CONTACT_KINDS, CONTACT_SCHEMA, KINDS_OF_PAIRS, MERGE
from contacts.queries.history import timeline
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema

ROWS_PER_PAGE = 20


def history_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """List the history of a contact and of what was merged into it; `?field=` limits it to a path and all below it."""
    _actor, contact = opened(admin, request, contact_id)
    schema = current_schema(CONTACT_SCHEMA)
    fields = _fields(schema)
    asked = request.GET.get("field", "")
    path = asked if asked in {value for value, _label in fields} else ""
    page = _page(timeline(contact, path=path or None), request)
    for entry in page.object_list:
        entry.says = _event(entry)
    history = [(entry, shown_changes(schema, entry.changes)) for entry in page.object_list]
    return contact_page(
        admin,
        request,
        contact,
        tab="changes",
        template="admin/contacts/contact/history.html",
        history=history,
        page=page,
        fields=fields,
        field=path,
        query=f"field={path}&" if path else "",
    )


def requests_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """List a contact's change requests of all kinds, latest first."""
    _actor, contact = opened(admin, request, contact_id)
    page = _page(latest_requests(kinds=CONTACT_KINDS, subject_id=contact.pk), request)
    presenters = Presenters()
    rows: list[Any] = list(page.object_list)
    for row in rows:
        row.field_labels = presenters[row.kind].field_labels(row.paths)
    return contact_page(
        admin,
        request,
        contact,
        tab="requests",
        template="admin/contacts/contact/requests.html",
        change_requests=rows,
        page=page,
        query="",
    )


def _event(entry: Entry) -> str:
    """Return what an entry says that is no change of details: which contacts were merged into it, or are so no more."""
    if entry.kind not in KINDS_OF_PAIRS:
        return ""
    (change,) = entry.changes
    before, after = set(change["original"] or ()), set(change["target"] or ())
    if entry.kind == MERGE:
        return _("Merged into this contact: %(ids)s") % {"ids": _numbers(after - before)}
    return _("No longer merged into this contact: %(ids)s") % {"ids": _numbers(before - after)}


def _numbers(ids: set[int]) -> str:
    return ", ".join(f"#{pk}" for pk in sorted(ids))


def _page(rows: Any, request: HttpRequest) -> Page:
    return CappedPaginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))


def _fields(schema: CompiledSchema) -> list[tuple[str, str]]:
    """Return the filter's choices as (path, label) in form order. Omits fields inside arrays, which change whole."""
    fields = [field for field in schema.fields.values() if not field.is_in_array]
    labelled = [(field.path, context_of(schema, field.path), field.label()) for field in fields]
    return [
        ("", _("All fields")),
        *((path, f"{above} › {label}" if above else label) for path, above, label in labelled),
    ]
