"""The policies in the admin: what counts now, its versions, and a form that asks for a change."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext

from accounts.admin_actor import ReadOnlyAdmin, actor_of
from accounts.admin_rebasing import OPENED_ON, opened_on, opening
from changerequests.admin.messages import waiting_message
from changerequests.forms import PolicyForm
from changerequests.kinds import all_kinds
from changerequests.models import ChangeRequest, PolicyVersion
from changerequests.permissions import POLICY_PERMISSION, REVIEW_PERMISSION
from changerequests.policy_kind import PolicyPresenter
from changerequests.queries.policies import policies_now
from changerequests.queries.requests import open_request_of
from changerequests.services.policies import POLICIES, POLICY_KIND, locked_policies, request_policies
from core.errors import ApiError, PreconditionFailed


@admin.register(PolicyVersion)
class PolicyAdmin(ReadOnlyAdmin):
    """Replaces Django's list with a page of the current policies. They change by request alone."""

    sidebar_icon = "policy"
    list_display = ["number", "created_at"]

    class Media:
        css = {"all": ["core/details.css", "core/controls.css", "changerequests/review.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        rights = (POLICY_PERMISSION, REVIEW_PERMISSION)
        return super().has_view_permission(request, obj) or any(request.user.has_perm(right) for right in rights)

    def get_urls(self) -> list[URLPattern]:
        edit = self.admin_site.admin_view(self.edit_view)
        return [path("<slug:key>/edit/", edit, name="changerequests_policy_edit"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Render the current policies; on POST, ask for a shipped profile."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._use_profile(request)
        document, version = policies_now()
        presenter = PolicyPresenter()
        context = {
            "title": gettext("Policies"),
            "version": version,
            "policies": [(kind, presenter.shown_policy(document[kind.key])) for kind in all_kinds()],
            "may_change": _may_change(request),
            OPENED_ON: opening(document),
            "open_request": open_request_of(kind=POLICY_KIND, subject_id=POLICIES),
            "versions": PolicyVersion.objects.all()[:10],
        }
        return self._page(request, "policies", context)

    def _use_profile(self, request: HttpRequest) -> HttpResponse:
        profile = request.POST.get("profile", "")
        if not all(profile in kind.profiles for kind in all_kinds()):
            raise Http404
        document = {kind.key: kind.profiles[profile] for kind in all_kinds()}
        try:
            with transaction.atomic():
                if opened_on(request.POST) != locked_policies().document:
                    raise PreconditionFailed(gettext("Somebody else has changed the policies. Look at them again."))
                asked = self._ask(request, document, gettext("Profile: %(name)s") % {"name": profile})
        except ApiError as refusal:
            messages.error(request, str(refusal))
        else:
            _tell(request, asked)
        return HttpResponseRedirect(_address())

    @method_decorator(transaction.atomic)
    def edit_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Render the form for the policy of a kind; on POST, ask for the change, unless it has changed meanwhile."""
        kind = next((kind for kind in all_kinds() if kind.key == key), None)
        if kind is None:
            raise Http404
        if not _may_change(request):
            raise PermissionDenied
        is_sent = request.method == "POST"
        policy = (locked_policies().document if is_sent else policies_now()[0])[kind.key]
        form = PolicyForm(kind, policy, request.POST if is_sent else None)
        context = {"kind": kind, "form": form, "back": _address(), OPENED_ON: opening({kind.key: policy})}
        status = HTTPStatus.OK
        if is_sent and opened_on(request.POST) != {kind.key: policy}:
            status = HTTPStatus.PRECONDITION_FAILED
            context["newer"] = PolicyPresenter().shown_policy(policy)
        elif is_sent:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            if form.is_valid():
                try:
                    asked = self._ask(request, {kind.key: form.document}, form.comment)
                except ApiError as refusal:
                    form.faults = [str(refusal), *_messages(refusal)]
                else:
                    _tell(request, asked)
                    return HttpResponseRedirect(_address())
        title = gettext("Policy: %(kind)s") % {"kind": kind.label}
        return self._page(request, "edit", {**context, "title": title}, status)

    def _ask(self, request: HttpRequest, document: dict[str, Any], comment: str | None) -> ChangeRequest | None:
        actor = actor_of(request)
        if actor is None:
            raise PermissionDenied
        return request_policies(actor=actor, document=document, comment=comment)

    def _page(
        self, request: HttpRequest, name: str, context: dict[str, Any], status: int = HTTPStatus.OK
    ) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        template = f"admin/changerequests/policyversion/{name}.html"
        return TemplateResponse(request, template, shared | context, status=status)


def _may_change(request: HttpRequest) -> bool:
    return request.user.has_perm(POLICY_PERMISSION) and actor_of(request) is not None


def _address() -> str:
    return reverse("admin:changerequests_policyversion_changelist")


def _messages(refusal: ApiError) -> list[str]:
    return [f"{place}: {text}" for place, texts in (refusal.properties or {}).items() for text in texts]


def _tell(request: HttpRequest, asked: ChangeRequest | None) -> None:
    if asked is None:
        messages.info(request, gettext("Nothing was changed: everything is as it was."))
    else:
        messages.warning(request, waiting_message(request, asked.pk))
