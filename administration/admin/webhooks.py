"""Webhooks of all applications, and the log of what was sent to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminIntegerFieldWidget

from accounts.actor import Actor
from accounts.admin_actor import CappedPaginator, member_of
from administration.admin.configuration import ConfigurationAdmin
from administration.models import ConfigurationSubject
from administration.outcomes import Outcome
from administration.services.configuration import add_configuration, change_configuration
from administration.webhooks.services import remove_webhook
from administration.webhooks.sort import WEBHOOK
from core.errors import ApiError
from events.models import Delivery, Webhook
from events.queries.feed import last_position, types_in_words
from events.queries.webhooks import State, deliveries_of, with_state
from events.serializers import MAX_POSITION
from events.services.webhooks import replay, send_test

DELIVERIES_SHOWN = 25
COLOURS = {
    State.DELIVERING: "success",
    State.WAITS: "warning",
    State.FAILING: "warning",
    State.GIVEN_UP: "danger",
    State.CLOSED: "danger",
    State.INACTIVE: "info",
    State.REMOVED: "info",
}
DELIVERY_COLOURS = {
    Delivery.Status.DELIVERED: "success",
    Delivery.Status.PENDING: "warning",
    Delivery.Status.GIVEN_UP: "danger",
}


class StateFilter(SimpleListFilter):
    """By state; without one, removed webhooks are not listed."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset.filter(is_removed=False)


class WebhookForm(forms.ModelForm):
    types = forms.MultipleChoiceField(
        label=_("Types of events"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("None selected: all events that the application may receive."),
    )

    class Meta:
        model = Webhook
        fields = ["application", "url", "types", "is_active"]
        help_texts = {
            "application": _("Receives its events at this URL. It needs the scope webhooks."),
            "url": _("Begins with https:// and is not inside a private network."),
            "is_active": _("Events that occur while it is inactive are sent once it is active again."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "types" in self.fields:
            choices = [(name, format_lazy("{}: {}", name, words)) for name, words in types_in_words().items()]
            self.fields["types"].choices = choices  # type: ignore[attr-defined] # of a MultipleChoiceField


class ReplayForm(forms.Form):
    after = forms.IntegerField(
        label=_("After position"),
        min_value=0,
        max_value=MAX_POSITION,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"aria-describedby": "replay-help"}),
    )


@admin.register(Webhook)
class WebhookAdmin(ConfigurationAdmin):
    """The secret is the application's: what is added here sends nothing until the application has taken it."""

    sort = WEBHOOK
    sidebar_icon = "webhook"
    form = WebhookForm
    change_form_outer_after_template = "admin/events/webhook/deliveries.html"
    list_display = ["url", "application", "state"]
    list_filter = [StateFilter]
    list_select_related = ["application"]
    search_fields = ["url", "application__name"]
    search_help_text = _("Address or application")
    autocomplete_fields = ["application"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_state(super().get_queryset(request))

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        if obj is None:
            return [(None, {"fields": ["application", "url", "types", "is_active"]})]
        types = "types" if self.has_change_permission(request, obj) else "types_in_words"
        state = ["state_in_words", "failing_since", "next_attempt_at", "position"]
        return [(None, {"fields": ["application", "url", types, "is_active"]}), (_("Delivery"), {"fields": state})]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        if obj is None:
            return []
        return ["application", "types_in_words", "state_in_words", "failing_since", "next_attempt_at", "position"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj is not None and obj.is_removed)

    @display(description=_("state"), label=COLOURS)
    def state(self, webhook: Any) -> tuple[str, str]:
        return webhook.state, self.state_in_words(webhook)

    @display(description=_("state"))
    def state_in_words(self, webhook: Any) -> str:
        return str(State(webhook.state).label)

    @display(description=_("types of events"))
    def types_in_words(self, webhook: Webhook) -> str:
        words = types_in_words()
        return ", ".join(str(words.get(name, name)) for name in webhook.types or ()) or gettext("All of them")

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        sent = form.cleaned_data
        target = {"url": sent["url"], "types": sent["types"] or None, "isActive": sent["is_active"]}
        if change:
            return change_configuration(actor=actor, sort=self.sort, object_id=obj.pk, target=target)
        outcome = add_configuration(
            actor=actor, sort=self.sort, target={"application": sent["application"].pk, **target}
        )
        obj.pk = ConfigurationSubject.objects.get(pk=outcome.subject_id).object_id
        return outcome

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False, **others: Any
    ) -> HttpResponse:
        obj = others.get("obj")
        if obj is not None:
            context |= self._deliveries(request, obj)
            context["may_send"] = self.has_change_permission(request, obj)
            context |= {"feed_ends_at": last_position(), "replay_form": ReplayForm(auto_id="replay-%s")}
        return super().render_change_form(request, context, add=add, change=change, **others)

    def _deliveries(self, request: HttpRequest, webhook: Webhook) -> dict[str, Any]:
        rows, status = deliveries_of(webhook).select_related("event__entry"), request.GET.get("status")
        if status in Delivery.Status.values:
            rows = rows.filter(status=status)
        page: Any = CappedPaginator(rows, DELIVERIES_SHOWN).get_page(request.GET.get("page"))
        words = types_in_words()
        for delivery in page.object_list:
            delivery.named = delivery.subject.replace(":", " ")
            delivery.colour = DELIVERY_COLOURS[delivery.status]
            delivery.words = words.get(delivery.event.type, delivery.event.type) if delivery.event else gettext("Test")
        return {"deliveries": page, "status": status, "statuses": Delivery.Status.choices}

    # ---- acts

    def get_urls(self) -> list[URLPattern]:
        of_one, name, view = "<int:webhook_id>", "events_webhook", self.admin_site.admin_view
        return [
            path(f"{of_one}/remove/", view(self.remove_view), name=f"{name}_remove"),
            path(f"{of_one}/test/", view(self.test_view), name=f"{name}_test"),
            path(f"{of_one}/replay/", view(self.replay_view), name=f"{name}_replay"),
            *super().get_urls(),
        ]

    def remove_view(self, request: HttpRequest, webhook_id: int) -> HttpResponse:
        """Remove a webhook, or ask somebody else to approve that."""

        def remove(webhook: Webhook) -> None:
            outcome = remove_webhook(actor=member_of(request), webhook_uid=webhook.uid)
            if outcome.request is not None:
                self._say_what_waits(request, outcome.request, outcome.made)
            else:
                messages.success(request, gettext("The webhook was removed: nothing is sent to it any more."))

        return self._act(request, webhook_id, remove)

    def test_view(self, request: HttpRequest, webhook_id: int) -> HttpResponse:
        """Have a test sent."""

        def test(webhook: Webhook) -> None:
            send_test(actor=member_of(request), webhook_uid=webhook.uid)
            messages.success(request, gettext("A test message will be sent. See the deliveries below for the result."))

        return self._act(request, webhook_id, test)

    def replay_view(self, request: HttpRequest, webhook_id: int) -> HttpResponse:
        """Have everything after a position sent again."""

        def start(webhook: Webhook) -> None:
            form = ReplayForm(request.POST)
            if not form.is_valid():
                messages.error(request, gettext("Enter a position: a whole number from 0."))
                return
            replay(actor=member_of(request), webhook_uid=webhook.uid, after=form.cleaned_data["after"])
            text = gettext("Everything after position %(position)s will be sent again.")
            messages.success(request, text % {"position": form.cleaned_data["after"]})

        return self._act(request, webhook_id, start)

    def _act(self, request: HttpRequest, webhook_id: int, act: Callable[[Webhook], None]) -> HttpResponse:
        """Do something with a webhook that the user may change, and return to its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        webhook = self.get_object(request, str(webhook_id))
        if webhook is None or not self.has_view_permission(request, webhook):
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(webhook_id))
        if not self.has_change_permission(request, webhook):
            messages.error(request, gettext("You may not change this webhook."))
        else:
            try:
                act(webhook)
            except ApiError as refusal:
                messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:events_webhook_change", args=[webhook_id]))
