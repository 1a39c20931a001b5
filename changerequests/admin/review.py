"""The review page of a change request, and the decision submitted from it."""

from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from changerequests.admin.base import COMMENT_LENGTH, STATE_COLOURS, state_of
from changerequests.admin.claims import ClaimAdmin
from changerequests.admin.conversation import ConversationAdmin, Typed, typed_before
from changerequests.admin.entries import EntryList, left_out_in
from changerequests.admin.look_first import LookFirstForm, shown_now
from changerequests.admin.parts import Ticked, ticked
from changerequests.admin.queue import walked_rows
from changerequests.digests import digest_of
from changerequests.display import Choices, choices, shown_stages, shown_wordings, strikes_in_force
from changerequests.kinds import request_kind
from changerequests.looking import looked_at_review
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.presentation import ReviewedChange
from changerequests.queries.requests import neighbours, next_to_decide
from changerequests.queries.revisions import Decider, current_digest, current_revision, proposals_of
from changerequests.queries.subjects import attach_subject, attach_subjects
from changerequests.services.deciding import Parts, decide
from changerequests.services.notifications import read_notifications_of
from changerequests.services.repeating import ask_again
from changerequests.services.withdrawing import cancel_change_request, rebase_change_request, resubmit_change_request
from core.errors import ApiError

# What initiators do with their own requests.
CANCEL, REBASE, AGAIN, RESUBMIT = OWN_ACTS = ("cancel", "rebase", "again", "resubmit")


class CommentForm(LookFirstForm):
    """The reviewer's comment on a decision."""

    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=COMMENT_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Kept with the request. Required when you return or reject it, or do not approve all of it."),
    )

    def require_comment(self, message: str) -> None:
        """Require a comment, and explain with `message` why it is missed. Call it from `clean`."""
        if not self.cleaned_data.get("comment") and "comment" not in self.errors:
            self.add_error("comment", message)


class DecisionForm(CommentForm):
    """The decision of the reviewer, or what the initiator does."""

    decision = forms.ChoiceField(choices=[(value, value) for value in (*Verdict.values, *OWN_ACTS)])
    digest = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, parts: Ticked | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = parts

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("decision") == Verdict.REJECT:
            self.require_comment(gettext("Say why you reject it: the initiator will want to know."))
        elif cleaned.get("decision") == Verdict.RETURN:
            self.require_comment(gettext("Say what has to change: the initiator will want to know."))
        elif cleaned.get("decision") == Verdict.APPROVE and self.parts is not None and self.parts.struck:
            self._check_parts(self.parts)
        return cleaned

    def _check_parts(self, parts: Ticked) -> None:
        if not parts.kept:
            raise ValidationError(gettext("No change is ticked. Tick what you approve, or reject the request."))
        self.require_comment(gettext("Say why you do not approve all of it: the initiator will want to know."))


class ReviewAdmin(ClaimAdmin, ConversationAdmin):
    """Replaces Django's change form with the review page."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Render the review page; on POST, apply the decision."""
        change_request: Any = self.get_object(request, unquote(object_id))
        actor = actor_of(request)
        if actor is None or not self.has_view_permission(request, change_request):
            raise PermissionDenied
        if request.method != "POST":
            read_notifications_of(actor=actor, change_request_id=change_request.pk)
        typed = typed_before(request, change_request)
        if "decision" not in request.POST:
            # Another page of entries, or back from the conversation: what is left out and the comment go along.
            form = DecisionForm(initial={"comment": typed.sent.get("comment", "")})
            return self._review_page(request, actor, change_request, form, typed)
        parts = self._ticked(request, change_request)
        form = DecisionForm(request.POST, parts=parts)
        if not form.is_valid():
            return self._review_page(request, actor, change_request, form, typed)
        try:
            left_out = left_out_in(request.POST) if change_request.subject_id is None else set()
            if form.cleaned_data["decision"] in OWN_ACTS:
                return self._own_act(request, actor, change_request, form.cleaned_data)
            decided = _decide(actor, change_request.pk, form.cleaned_data, parts, left_out)
        except ApiError as error:
            # Reload: somebody else may have changed the request since, which may be why it failed.
            change_request = self.get_object(request, unquote(object_id))
            return self._review_page(request, actor, change_request, form, typed, error=error)
        is_struck = form.cleaned_data["decision"] == Verdict.APPROVE and bool(parts.struck)
        return self._after_decision(request, actor, decided, parts.struck if is_struck else ())

    def _ticked(self, request: HttpRequest, change_request: ChangeRequest) -> Ticked:
        """Return what the form that was sent keeps of the changes of a request about one subject."""
        changes = proposals_of(change_request).get(change_request.subject_id or 0, [])
        return ticked(request_kind(change_request.kind), [change["path"] for change in changes], request.POST)

    def _after_decision(
        self, request: HttpRequest, actor: Actor, decided: ChangeRequest, struck: Collection[str]
    ) -> HttpResponse:
        """Redirect to the queue's next request that the actor can decide, or to the queue if there is none."""
        attach_subjects([decided])
        labels = request_kind(decided.kind).presenter_for(actor).field_labels(struck) if struck else ()
        messages.success(request, _outcome(decided, self._link(decided.pk), labels))
        following = next_to_decide(walked_rows(self, request), actor=actor, after=decided)
        if following is None:
            messages.info(request, gettext("Nothing else in this queue is pending for you."))
        address = self.queue_address(request) if following is None else self.page_address(following, request)
        return HttpResponseRedirect(address)

    def _own_act(self, request: HttpRequest, actor: Actor, asked: ChangeRequest, sent: dict[str, Any]) -> HttpResponse:
        """Do what the initiator may do with its own request, and redirect. Raises what the service raises."""
        act = sent["decision"]
        if act == CANCEL:
            cancel_change_request(actor=actor, change_request_id=asked.pk)
            text, address = gettext("Request {} was cancelled."), self.queue_address(request)
        elif act == REBASE:
            rebase_change_request(actor=actor, change_request_id=asked.pk)
            text = gettext("Request {} requests the same on the current values, and is pending review again.")
            address = self.page_address(asked.pk, request)
        elif act == RESUBMIT:
            resubmit_change_request(actor=actor, change_request_id=asked.pk, comment=sent["comment"] or None)
            text, address = gettext("Request {} is pending review again."), self.page_address(asked.pk, request)
        else:
            asked = ask_again(actor=actor, change_request_id=asked.pk)
            text = gettext("Request {} requests the same again, and is pending review.")
            address = self.page_address(asked.pk)
        messages.success(request, format_html(text, self._link(asked.pk)))
        return HttpResponseRedirect(address)

    def _link(self, change_request_id: int) -> str:
        address = self.page_address(change_request_id)
        return format_html('<a class="k-link" href="{}">#{}</a>', address, change_request_id)

    def _review_page(
        self,
        request: HttpRequest,
        actor: Actor,
        change_request: Any,
        form: DecisionForm,
        typed: Typed,
        *,
        error: ApiError | None = None,
    ) -> HttpResponse:
        kind = request_kind(change_request.kind)
        presenter = kind.presenter_for(actor)
        attach_subject(change_request)
        current = current_revision(change_request)
        if change_request.subject_id is None:
            changes: list[ReviewedChange] = []
            entries = EntryList(change_request, typed.sent or request.GET, actor=actor, user=request.user)
            about: dict[str, Any] = {"entries": entries}
            digest = current_digest(change_request)
        else:
            subject, proposals = change_request.subject, proposals_of(change_request)
            changes = presenter.reviewed_changes(
                proposals[change_request.subject_id], document=subject.document, is_open=change_request.is_open
            )
            about = presenter.subject_context(subject, user=request.user)
            digest = digest_of(change_request, proposals)
        looked_at_review(actor, change_request, presenter, entries=about.get("entries"))
        offered = choices(decider=Decider(actor), request=change_request, current=current, changes=changes)
        parts = ticked(kind, [change.path for change in changes], typed.sent)
        wordings = shown_wordings(change_request, presenter)
        state, status_text = state_of(change_request, is_outdated=any(change.is_outdated for change in changes))
        amend_address = None
        if offered.may_cancel and change_request.subject_id is not None:
            amend_address = presenter.amend_address(
                change_request.subject, change_request_id=change_request.pk, user=request.user
            )
        previous, following = neighbours(walked_rows(self, request), of=change_request)
        context = {
            **self.admin_site.each_context(request),
            **about,
            **self.claim_context(request, actor, change_request, may_decide=offered.may_reject),
            "opts": self.opts,
            "original": change_request,
            "title": gettext("Review of change request #%(id)s") % {"id": change_request.pk},
            "media": self.media,
            "change_request": change_request,
            "status_text": status_text,
            "status_colour": STATE_COLOURS[state],
            "kind": kind,
            "changes": changes,
            "choices": offered,
            "parts": parts if offered.may_approve and parts.strikable else None,
            "wordings": wordings,
            "is_in_part": bool(strikes_in_force(wordings)),
            "form_id": "decision-form" if offered.may_reject else "entries-form",
            "amend_address": amend_address,
            "kept_filters": request.GET.get("_changelist_filters", ""),
            "stages": shown_stages(current, change_request),
            "digest": digest,
            "conversation": self.conversation(
                request,
                actor,
                change_request,
                typed,
                form_id=_form_with_a_comment(offered),
            ),
            "form": form,
            "shown_at": shown_now(),
            "error": error,
            "faults": presenter.labelled_faults(error.properties) if error else [],
            "queue_address": self.queue_address(request),
            "next_address": None if following is None else self.page_address(following, request),
            "previous_address": None if previous is None else self.page_address(previous, request),
        }
        status = HTTPStatus.OK if error is None else error.status
        return TemplateResponse(request, "admin/changerequests/changerequest/review.html", context, status=status)


def _form_with_a_comment(offered: Choices) -> str:
    """Return the id of the page's form in which something may be typed, else that of a form for the conversation."""
    if offered.may_reject:
        return "decision-form"
    return "returned-form" if offered.may_resubmit else "conversation-form"


def _outcome(decided: ChangeRequest, link: str, struck: Sequence[str]) -> str:
    """Return the message that says what became of a request; `struck` are the labels of what was struck from it."""
    if struck and decided.is_pending:
        text = gettext("Request {} about {} was revised without what you removed: {}. It is now pending for {}.")
        stage = current_revision(decided).stages[decided.stage]
        return format_html(text, link, decided.subject, ", ".join(struck), stage.name)
    if struck:
        text = gettext("Request {} about {} was approved in part, and the changes are made. Not approved: {}.")
        return format_html(text, link, decided.subject, ", ".join(struck))
    text = {
        Status.PENDING: gettext("You approved request {} about {}. It is now pending for others."),
        Status.APPROVED: gettext("Request {} about {} was approved, and the changes are made."),
        Status.REJECTED: gettext("Request {} about {} was rejected."),
        Status.RETURNED: gettext("Request {} about {} was returned to its initiator."),
    }[Status(decided.status)]
    if decided.status == Status.APPROVED and decided.subject_id is None:
        text = gettext("Request {} about {} was approved. The changes are being made.")
    return format_html(text, link, decided.subject)


def _decide(
    actor: Actor, change_request_id: int, sent: dict[str, Any], parts: Ticked, left_out: Collection[int]
) -> ChangeRequest:
    """Call the service for the decision; an approval keeps what is ticked, without these entries.

    Raises what it raises.
    """
    kept = Parts(paths=parts.kept if parts.struck else None, excluded_subject_ids=left_out)
    return decide(
        actor=actor,
        change_request_id=change_request_id,
        verdict=Verdict(sent["decision"]),
        comment=sent["comment"] or None,
        digest=sent["digest"] or None,
        parts=kept if parts.struck or left_out else None,
    )
