"""The page between: a form is sent, and there are contacts that are possibly the same person.

The page carries what was typed. It leads to one of these contacts, back to the form, or on, for a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext

from accounts.actor import Actor
from audit.access.admin import looked_in_admin
from audit.access.models import Way
from changerequests.presentation import Shown
from contacts.admin.base import address_of
from contacts.display import shown
from contacts.duplicates import (
    MAX_REASON,
    Duplicate,
    compared_paths,
    distinguish,
    duplicates_of,
    fault_of_reason,
)
from core.documents import Document, is_same, value_at
from core.serializers import INT32_MAX
from core.text import normalized
from schemas.compiled import CompiledSchema

# The fields of the page; what else is sent are those of the form.
SEEN, REASON, BACK = "duplicates_seen", "duplicates_reason", "duplicates_back"


class DuplicatesFound(Exception):  # noqa: N818 - no error: somebody has to look
    """There are contacts that are possibly the same person, and the page has not shown all of them."""

    def __init__(self, found: Sequence[Duplicate]) -> None:
        super().__init__()
        self.found = found


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said on the page: of which contacts, and why they are different people. Empty without the page."""

    seen: frozenset[int] = frozenset()
    reason: str = ""

    @property
    def fault(self) -> str:
        """What is wrong with the reason; an empty text for nothing, and without the page."""
        return fault_of_reason(self.reason) if self.seen else ""


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A field of both: what was typed, and what the other contact has."""

    label: str
    typed: Shown
    other: Shown
    is_same: bool


def sent_form(request: HttpRequest) -> tuple[QueryDict, Answer]:
    """Return what was typed into the form, and what was said on the page."""
    typed = request.POST.copy()
    seen = [text for text in typed.get(SEEN, "").split(",") if text.isascii() and text.isdecimal()]
    answer = Answer(frozenset(pk for pk in map(int, seen[:100]) if pk <= INT32_MAX), normalized(typed.get(REASON, "")))
    for name in (SEEN, REASON, BACK):
        typed.pop(name, None)
    return typed, answer


def is_way_back(request: HttpRequest) -> bool:
    """Return whether somebody wants to change on the form what was typed."""
    return BACK in request.POST


def settle_duplicates(
    *, actor: Actor, details: Document, contact_id: int, before: Document | None = None, answer: Answer
) -> None:
    """Remember that the contact and its possible duplicates are different people, if the answer says so of all.

    Otherwise raises DuplicatesFound, after which the transaction must be rolled back.
    """
    found = duplicates_of(actor=actor, details=details, contact_id=contact_id, before=before)
    if not found:
        return
    if answer.fault or not {one.contact.pk for one in found} <= answer.seen:
        raise DuplicatesFound(found)
    distinguish(actor=actor, contact_id=contact_id, others=found, reason=answer.reason)


def duplicates_page(
    admin: Any,
    request: HttpRequest,
    *,
    schema: CompiledSchema,
    details: Document,
    found: Sequence[Duplicate],
    answer: Answer,
    context: Mapping[str, Any],
) -> HttpResponse:
    """Render the page: each contact beside what was typed, with what agrees. `context` says what happens next."""
    typed, _answer = sent_form(request)
    typed.pop("csrfmiddlewaretoken", None)
    may_open = admin.has_view_permission(request)
    looked_in_admin(request, [one.contact.pk for one in found], way=Way.LISTED)
    return TemplateResponse(
        request,
        "admin/contacts/contact/duplicates.html",
        {
            **admin.admin_site.each_context(request),
            "opts": admin.opts,
            "media": admin.media,
            "title": gettext("Is this the same person?"),
            "found": [
                (
                    one,
                    compared_rows(schema, details, one.contact.details),
                    address_of(one.contact.pk) if may_open else "",
                )
                for one in found
            ],
            "typed": [(name, value) for name, values in typed.lists() for value in values],
            "seen": ",".join(str(one.contact.pk) for one in found),
            "reason": answer.reason,
            "most": MAX_REASON,
            # Of contacts that came meanwhile, the reason was not given.
            "fault": answer.fault,
            **context,
        },
        status=HTTPStatus.UNPROCESSABLE_ENTITY if answer.fault else HTTPStatus.OK,
    )


def compared_rows(schema: CompiledSchema, one: Document, other: Document) -> list[ComparedRow]:
    """Return what is compared of two documents, in the order of the form, without what neither has."""
    rows = []
    for path in compared_paths():
        left, right = value_at(one, path), value_at(other, path)
        if left is None and right is None:
            continue
        rows.append(
            ComparedRow(
                schema.label_at(path), shown(schema, path, left), shown(schema, path, right), is_same(left, right)
            )
        )
    return rows
