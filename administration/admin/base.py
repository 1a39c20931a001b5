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
from changerequests.admin.messages import request_link, waiting_message
from changerequests.admin.waiting import OpenRequestAdmin
from changerequests.kinds import request_kind


class KeptAdmin(CappedAdmin):
    """Rows that are never deleted, because the history or contacts refer to them."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class WaitingAdmin(RefusableAdmin, OpenRequestAdmin):
    """A form that writes through a service, by which its changes may wait as a request of the kind `kind`.

    `submit` calls the service. Nothing else writes: neither Django's form nor its relations.
    """

    def submit(self, request: HttpRequest, obj: Any, form: ModelForm, *, actor: Actor, change: bool) -> Outcome:
        """Call the service for what the form says. Raises what the service raises."""
        raise NotImplementedError

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
