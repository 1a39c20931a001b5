"""The conversation about a request on its review page: comments and files. Adding to it decides nothing.

Its fields are sent with the form of the decision, so that what is typed there is still there afterwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from operator import attrgetter
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.http import content_disposition_header
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.actor import Actor
from accounts.admin_actor import actor_of
from changerequests.addresses import page_address
from changerequests.admin.base import COMMENT_LENGTH, RequestAdmin
from changerequests.attachments import MAX_BYTES, MAX_FORM_BYTES, too_large
from changerequests.models import ChangeRequest, RequestAttachment, RequestComment
from changerequests.services.conversation import add_attachment, add_comment, may_attach
from core.errors import ApiError
from core.stored_files import storage_reached

# Where the session keeps what was typed, until the page is shown again.
_KEPT = "typed-on-review-page"
PLACE = "conversation"
View = Callable[..., HttpResponse]


class CommentOnRequestForm(forms.Form):
    """A comment that is added to the conversation."""

    text = forms.CharField(
        label=_("Your comment"),
        max_length=COMMENT_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        error_messages={"required": _("Write something first.")},
    )

    def __init__(self, *args: Any, form_id: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["text"].widget.attrs["form"] = form_id


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed on the page, and why the conversation did not take it, if it did not."""

    sent: QueryDict
    faults: Sequence[str] = ()


def typed_before(request: HttpRequest, change_request: ChangeRequest) -> Typed:
    """Return what a page was sent with or, back from the conversation, what was typed there; once."""
    if request.method == "POST":
        return Typed(request.POST)
    kept: dict[str, Any] | None = request.session.pop(_KEPT, None)
    if kept is None or kept["request"] != change_request.pk:
        return Typed(QueryDict())
    return Typed(QueryDict(kept["sent"]), kept["faults"])


def _refuse_more_than_a_file(view: View) -> View:
    """Refuse a form that is larger than any file, before it is parsed, which the check against forgery does."""

    @csrf_exempt
    @wraps(view)
    def limited(request: HttpRequest, change_request_id: int) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_FORM_BYTES:
            if request.user.is_authenticated:
                _keep(request, change_request_id, QueryDict(), [str(too_large())])
            return HttpResponseRedirect(f"{page_address(change_request_id)}#{PLACE}")
        return view(request, change_request_id)

    return limited


def _keep(request: HttpRequest, change_request_id: int, sent: QueryDict, faults: Sequence[str]) -> None:
    request.session[_KEPT] = {"request": change_request_id, "sent": sent.urlencode(), "faults": list(faults)}


class ConversationAdmin(RequestAdmin):
    """Adds the conversation: comments, files and their downloads, open to those who may see the request."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        name = "changerequests_changerequest"
        address = "<int:change_request_id>"
        return [
            path(f"{address}/comment/", wrap(self.comment_view), name=f"{name}_comment"),
            path(f"{address}/attach/", _refuse_more_than_a_file(wrap(self.attach_view)), name=f"{name}_attach"),
            path(
                f"{address}/attachments/<int:attachment_id>/",
                wrap(self.download_attachment),
                name=f"{name}_attachment",
            ),
            *super().get_urls(),
        ]

    def conversation(
        self, request: HttpRequest, actor: Actor, change_request: ChangeRequest, typed: Typed, *, form_id: str
    ) -> dict[str, Any]:
        """Return what the template shows: everything said, oldest first, and the fields for more, of this form."""
        comments = change_request.comments.select_related("author__user")
        attachments = change_request.attachments.select_related("author__user")
        return {
            "said": sorted([*comments, *attachments], key=attrgetter("created_at")),
            "may_comment": change_request.is_open,
            "may_attach": change_request.is_open and may_attach(actor, change_request),
            "form": CommentOnRequestForm(initial={"text": typed.sent.get("text", "")}, form_id=form_id),
            "form_id": form_id,
            "faults": typed.faults,
            "most": MAX_BYTES,
            "too_large": str(too_large()),
            "comment_address": self.act_address("comment", change_request.pk, request),
            "attach_address": self.act_address("attach", change_request.pk, request),
        }

    def comment_view(self, request: HttpRequest, change_request_id: int) -> HttpResponse:
        """POST: add a comment."""
        return self._added(request, change_request_id, _comment)

    def attach_view(self, request: HttpRequest, change_request_id: int) -> HttpResponse:
        """POST: attach a file."""
        return self._added(request, change_request_id, _attach)

    def _added(
        self,
        request: HttpRequest,
        change_request_id: int,
        add: Callable[[HttpRequest, Actor, int], RequestComment | RequestAttachment],
    ) -> HttpResponse:
        """Add to the conversation, and go back to it with all that was typed elsewhere on the page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        actor = self._actor_who_sees(request, change_request_id)
        sent, faults, place = request.POST.copy(), [], PLACE
        try:
            added = add(request, actor, change_request_id)
        except ApiError as error:
            faults = [str(error)]
        except forms.ValidationError as error:
            faults = error.messages
        else:
            place = anchor(added)
            if isinstance(added, RequestComment):
                sent.pop("text", None)
        sent.pop("csrfmiddlewaretoken", None)
        _keep(request, change_request_id, sent, faults)
        return HttpResponseRedirect(f"{self.page_address(change_request_id, request)}#{place}")

    def _actor_who_sees(self, request: HttpRequest, change_request_id: int) -> Actor:
        """Return the actor. Raises Http404 or PermissionDenied for one that may not see the request."""
        change_request = self.get_object(request, str(change_request_id))
        actor = actor_of(request)
        if actor is None or not self.has_view_permission(request, change_request):
            raise PermissionDenied
        return actor

    def download_attachment(self, request: HttpRequest, change_request_id: int, attachment_id: int) -> HttpResponse:
        """Serve the file as a download with the type that its bytes had: a browser neither shows nor guesses it."""
        self._actor_who_sees(request, change_request_id)
        attachments = RequestAttachment.objects.filter(request=change_request_id).exclude(file="")
        attachment = get_object_or_404(attachments, pk=attachment_id)
        with storage_reached(), attachment.file.open("rb") as file:
            content = file.read()
        answer = HttpResponse(content, content_type=attachment.media_type)
        answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=attachment.name)
        answer["Cache-Control"] = "private, no-store"
        return answer


def anchor(added: RequestComment | RequestAttachment) -> str:
    """Return the name of the place of a comment or file on the page."""
    return f"{added._meta.model_name}-{added.pk}"


def _comment(request: HttpRequest, actor: Actor, change_request_id: int) -> RequestComment:
    form = CommentOnRequestForm(request.POST)
    if not form.is_valid():
        raise forms.ValidationError(list(form.errors["text"]))
    return add_comment(actor=actor, change_request_id=change_request_id, text=form.cleaned_data["text"])


def _attach(request: HttpRequest, actor: Actor, change_request_id: int) -> RequestAttachment:
    file = request.FILES.get("file")
    if file is None:
        raise forms.ValidationError(gettext("Choose a file first."))
    # One byte over the limit is enough for the service to refuse the file.
    return add_attachment(
        actor=actor, change_request_id=change_request_id, name=file.name or "", content=file.read(MAX_BYTES + 1)
    )
