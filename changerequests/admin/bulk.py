"""Bulk decisions with one comment. Each request has its own transaction and its own result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from audit.access.models import Door, Way
from changerequests.admin.base import RequestAdmin
from changerequests.admin.look_first import shown_now
from changerequests.admin.review import CommentForm
from changerequests.digests import digest_of
from changerequests.display import Choices, choices
from changerequests.looking import listed_in_admin, looked_at_requests
from changerequests.models import ChangeRequest, Verdict
from changerequests.presentation import ReviewedChange
from changerequests.queries.requests import no_such_request
from changerequests.queries.revisions import Decider, current_revisions
from changerequests.queries.sight import seen_requests
from changerequests.queries.subjects import Presenters, attach_changes, attach_subjects
from changerequests.services.deciding import decide
from core.errors import ApiError
from core.exception_handlers import as_api_error
from core.serializers import INT32_MAX

log = structlog.get_logger("kontor.bulk_review")

# More than a page of the queue: nobody has looked at more requests than that.
MOST_AT_ONCE = 100


class BulkForm(CommentForm):
    """The comment for all selected requests."""

    def __init__(self, *args: Any, is_approval: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_approval = is_approval
        self.fields["comment"].help_text = (
            _("Kept with each of them.") if is_approval else _("Kept with each of them. Required.")
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.is_approval:
            self.require_comment(gettext("Say why you reject it: the initiator will want to know."))
        return cleaned


@dataclass(frozen=True, slots=True)
class Selected:
    """A selected request: its changes, the digest of what is shown, and what the actor may do with it."""

    request: ChangeRequest
    changes: list[ReviewedChange]
    choices: Choices
    digest: str

    def may_be(self, *, approved: bool) -> bool:
        return self.choices.may_approve if approved else self.choices.may_reject


@dataclass(frozen=True, slots=True)
class Result:
    """The result for one selected request: decided, or why not. `request` is None if the actor cannot see it."""

    id: int
    request: ChangeRequest | None
    is_decided: bool
    message: str = ""
    faults: tuple[str, ...] = ()


class BulkReviewAdmin(RequestAdmin):
    """Adds the actions to approve and reject. They show the selected requests first and decide on confirmation."""

    actions = ("approve_selected", "reject_selected")
    # Selecting all pages would select requests that nobody has looked at.
    list_disable_select_all = True

    @admin.action(description=_("Approve"), permissions=["review"])
    def approve_selected(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> HttpResponse | None:
        return self._decide_selected(request, is_approval=True)

    @admin.action(description=_("Reject"), permissions=["review"])
    def reject_selected(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> HttpResponse | None:
        return self._decide_selected(request, is_approval=False)

    def response_action(self, request: HttpRequest, queryset: QuerySet[ChangeRequest]) -> HttpResponse | None:
        """Refuse more requests than anybody can have looked at, and invalid ids, before querying them."""
        if _sent_ids(request):
            response: HttpResponse | None = super().response_action(request, queryset)
            return response
        text = ngettext("Select up to %(most)d request.", "Select up to %(most)d requests, page by page.", MOST_AT_ONCE)
        messages.warning(request, text % {"most": MOST_AT_ONCE})
        return None

    def _decide_selected(self, request: HttpRequest, *, is_approval: bool) -> HttpResponse | None:
        """Render the confirmation page or, once confirmed, the results.

        Uses the submitted ids instead of the filtered list, because requests that others have decided since are no
        longer in that list, but need a result too.
        """
        actor = actor_of(request)
        ids = _sent_ids(request)
        if actor is None:
            raise PermissionDenied
        form = BulkForm(request.POST if "confirmed" in request.POST else None, is_approval=is_approval)
        if form.is_bound and form.is_valid():
            digests = {number: request.POST.get(f"digest-{number}") for number in ids}
            results = _decided(actor, digests, is_approval=is_approval, comment=form.cleaned_data["comment"])
            listed_in_admin(request, [result.request for result in results if result.request is not None])
            return self._bulk_page(request, "results", is_approval=is_approval, results=results)
        selected = _selected(actor, ids)
        looked_at_requests(actor, [one.request for one in selected], way=Way.REVIEWED, door=Door.ADMIN)
        return self._bulk_page(
            request,
            "confirm",
            is_approval=is_approval,
            form=form,
            shown_at=shown_now(),
            selected=[(one, one.may_be(approved=is_approval)) for one in selected],
            able=sum(one.may_be(approved=is_approval) for one in selected),
        )

    def _bulk_page(self, request: HttpRequest, name: str, *, is_approval: bool, **context: Any) -> HttpResponse:
        titles = {
            ("confirm", True): gettext("Approve the selected requests"),
            ("confirm", False): gettext("Reject the selected requests"),
            ("results", True): gettext("%(done)s of %(all)s requests approved"),
            ("results", False): gettext("%(done)s of %(all)s requests rejected"),
        }
        results = context.get("results", [])
        counts = {"done": sum(result.is_decided for result in results), "all": len(results)}
        shared = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": titles[name, is_approval] % counts,
            "media": self.media,
            "is_approval": is_approval,
            "action": "approve_selected" if is_approval else "reject_selected",
            "queue_address": request.get_full_path(),
        }
        return TemplateResponse(request, f"admin/changerequests/changerequest/bulk_{name}.html", shared | context)


def _sent_ids(request: HttpRequest) -> list[int]:
    """Return the selected ids without duplicates; none if there are too many or one of them is invalid."""
    sent = dict.fromkeys(request.POST.getlist(ACTION_CHECKBOX_NAME))
    ids = [int(text) for text in sent if text.isascii() and text.isdecimal() and int(text) <= INT32_MAX]
    return ids if len(ids) == len(sent) <= MOST_AT_ONCE else []


def _visible(actor: Actor, ids: list[int]) -> dict[int, ChangeRequest]:
    found = list(seen_requests(actor).filter(pk__in=ids).with_people().order_by("created_at", "id"))
    attach_subjects(found, with_documents=True)
    return {row.pk: row for row in found}


def _selected(actor: Actor, ids: list[int]) -> list[Selected]:
    """Return the requests with their changes, oldest first."""
    presenters = Presenters()
    rows = _visible(actor, ids).values()
    attach_changes(rows)
    currents, decider = current_revisions(rows), Decider(actor)
    selected = []
    for row in rows:
        changes = presenters[row.kind].reviewed_changes(row.changes, document=row.subject.document, is_open=row.is_open)
        shown = choices(decider=decider, request=row, current=currents[row.pk], changes=changes)
        if row.subject_id is None:
            # Nobody approves what is not shown here.
            if shown.may_reject:
                shown = Choices(reasons=(gettext("It has many entries: decide it on its own page, which shows them."),))
            selected.append(Selected(row, changes, shown, ""))
        else:
            selected.append(Selected(row, changes, shown, digest_of(row, {row.subject_id: row.changes})))
    return selected


def _decided(actor: Actor, digests: Mapping[int, str | None], *, is_approval: bool, comment: str) -> list[Result]:
    """Decide one request after the other, oldest first; a failure does not stop the rest.

    `digests` maps the selected ids to the digests of what was shown.
    """
    visible = _visible(actor, list(digests))
    presenters = Presenters()
    results = [
        _result(actor, row, presenters, digest=digests[row.pk], is_approval=is_approval, comment=comment)
        for row in visible.values()
    ]
    missing = [number for number in digests if number not in visible]
    return results + [Result(number, None, is_decided=False, message=str(no_such_request())) for number in missing]


def _result(
    actor: Actor, row: ChangeRequest, presenters: Presenters, *, digest: str | None, is_approval: bool, comment: str
) -> Result:
    try:
        decide(
            actor=actor,
            change_request_id=row.pk,
            verdict=Verdict.APPROVE if is_approval else Verdict.REJECT,
            comment=comment or None,
            digest=digest,
        )
    except ApiError as error:
        faults = presenters[row.kind].labelled_faults(error.properties)
        return Result(row.pk, row, is_decided=False, message=str(error), faults=tuple(faults))
    except DatabaseError as error:
        # For example a lock timeout. Report it as the result, so that the page still shows the results of the others.
        log.warning("review_failed", change_request=row.pk)
        return Result(row.pk, row, is_decided=False, message=str(as_api_error(error)))
    return Result(row.pk, row, is_decided=True)
