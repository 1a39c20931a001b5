"""Base classes of the admins: rows that are never deleted, and forms whose changes may wait for somebody else."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

from accounts.actor import Actor
from accounts.admin_actor import CappedAdmin, RefusableAdmin, member_of
from administration.outcomes import Outcome
from changerequests.admin.messages import may_see_requests, request_link, waiting_message
from changerequests.kinds import request_kind
from changerequests.queries.requests import open_request_of


class KeptAdmin(CappedAdmin):
    """Rows that are never deleted, because the history or contacts refer to them."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class WaitingAdmin(RefusableAdmin, CappedAdmin):
    """A form that writes through a service, by which its changes may wait as a request of the kind `kind`.

    `submit` calls the service. Nothing else writes: neither Django's form nor its relations.
    """

    kind: str
    change_form_outer_before_template = "admin/administration/open_request.html"

    class Media:
        css = {"all": ["core/details.css", "core/controls.css"]}

    def submit(self, request: HttpRequest, obj: Any, form: ModelForm, *, actor: Actor, change: bool) -> Outcome:
        """Call the service for what the form says. Raises what the service raises."""
        raise NotImplementedError

    def subject_id(self, obj: Any) -> int | None:
        """Return the id of the subject whose page this is."""
        return None if obj is None else obj.pk

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False, **others: Any
    ) -> HttpResponse:
        subject_id = self.subject_id(others.get("obj"))
        if change and subject_id is not None:
            context["open_request"] = open_request_of(kind=self.kind, subject_id=subject_id)
            context["may_open_requests"] = may_see_requests(request)
        return super().render_change_form(request, context, add=add, change=change, **others)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        obj.outcome = self.submit(request, obj, form, actor=member_of(request), change=change)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Sequence[Any], change: bool) -> None:
        for formset in formsets:
            self.save_formset(request, form, formset, change=change)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Log nothing that waits: the ledger says what was made."""
        return super().log_change(request, obj, message) if obj.outcome.request is None else None

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Log nothing for a row that does not exist yet."""
        return super().log_addition(request, obj, message) if obj.pk is not None else None

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        outcome: Outcome = obj.outcome
        if outcome.request is None or (IS_POPUP_VAR in request.POST and obj.pk is not None):
            return super().response_add(request, obj, post_url_continue)
        self._tell(request, outcome)
        return HttpResponseRedirect(self._address(obj))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        outcome: Outcome = obj.outcome
        if outcome.request is None:
            return super().response_change(request, obj)
        self._tell(request, outcome)
        return HttpResponseRedirect(self._address(obj))

    def _address(self, obj: Any) -> str:
        if obj.pk is None:
            return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk])

    def _tell(self, request: HttpRequest, outcome: Outcome) -> None:
        """Say what was made at once and what waits."""
        waiting = outcome.request
        if waiting is None:
            return
        presenter = request_kind(waiting.kind).presenter()
        labels = presenter.field_labels(waiting.paths)
        if not outcome.made:
            messages.warning(request, waiting_message(request, waiting.pk, labels))
            return
        made = ", ".join(presenter.field_labels([change.path for change in outcome.made]))
        messages.success(request, gettext("This took effect at once: %(fields)s.") % {"fields": made})
        text = gettext("The rest waits for approval: {} ({}).")
        messages.warning(request, format_html(text, request_link(request, waiting.pk), ", ".join(labels)))
