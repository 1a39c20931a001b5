"""Base classes of the admins: rows that are never deleted, and forms whose changes may wait for somebody else."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext

from accounts.actor import Actor
from accounts.admin_actor import CappedAdmin, member_of
from administration.outcomes import Outcome
from changerequests.admin.messages import request_link, waiting_message
from changerequests.admin.waiting import AskingAdmin, OpenRequestAdmin
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from core.documents import Change


class KeptAdmin(CappedAdmin):
    """Rows that are never deleted, because the history or contacts refer to them."""

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class WaitingAdmin(AskingAdmin, OpenRequestAdmin):
    """A form that writes through a service, by which its changes may wait as a request of the kind `kind`.

    `submit` calls the service. Nothing else writes: neither Django's form nor its relations.
    """

    def submit(self, request: HttpRequest, obj: Any, form: ModelForm, *, actor: Actor, change: bool) -> Outcome:
        """Call the service for what the form says. Raises what the service raises."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        outcome = self.submit(request, obj, form, actor=member_of(request), change=change)
        if outcome.request is not None:
            self._say_what_waits(request, outcome.request, outcome.made)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Sequence[Any], change: bool) -> None:
        for formset in formsets:
            self.save_formset(request, form, formset, change=change)

    def _say_what_waits(self, request: HttpRequest, waiting: ChangeRequest, made: Sequence[Change]) -> None:
        """Say what was made at once and what waits."""
        presenter = request_kind(waiting.kind).presenter()
        labels = presenter.field_labels(waiting.paths)
        if not made:
            self.say_that_it_waits(request, waiting_message(request, waiting.pk, labels))
            return
        names = ", ".join(presenter.field_labels([change.path for change in made]))
        messages.success(request, gettext("This took effect at once: %(fields)s.") % {"fields": names})
        text = gettext("The rest is pending approval: {} ({}).")
        self.say_that_it_waits(request, format_html(text, request_link(request, waiting.pk), ", ".join(labels)))
