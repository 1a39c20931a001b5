"""Members. Apps above add what they know about a member to its page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import InlineModelAdmin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.actor import Actor
from accounts.admin_actor import ListButton
from accounts.models import Member, User
from administration.admin.base import KeptAdmin, WaitingAdmin
from administration.admin.colleagues import FIELDSETS, ColleagueForm
from administration.admin.recertification import recertification_page
from administration.outcomes import Outcome
from administration.rights import RIGHTS
from administration.services.colleagues import add_colleague
from administration.services.rights import change_rights


@admin.register(Member)
class MemberAdmin(WaitingAdmin, KeptAdmin):
    kind = RIGHTS
    sidebar_icon = "badge"
    list_display = ["name", "username", "manager", "participant_names", "sees_all_contacts", "is_active"]
    list_filter = ["participants", "sees_all_contacts", "user__is_active"]
    list_select_related = ["user", "manager__user"]
    search_fields = ["user__first_name", "user__last_name", "user__username"]
    search_help_text = _("Name or username")
    ordering = ["user__last_name", "user__first_name", "id"]
    autocomplete_fields = ["manager", "participants"]
    readonly_fields = ["user", "uid"]  # the history attributes the member's actions to that person
    fields = ["user", "manager", "participants", "sees_all_contacts", "uid"]
    add_form = ColleagueForm
    list_buttons = [ListButton("admin/accounts/member/recertification_button.html", kind=RIGHTS)]
    inlines: list[type[InlineModelAdmin]] = []
    parts: Sequence["MemberPart"] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only superusers add colleagues, because their logins open the administration."""
        return request.user.is_superuser and super().has_add_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [] if obj is None else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return FIELDSETS if obj is None else super().get_fieldsets(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **(kwargs if change else {**kwargs, "form": self.add_form}))

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.recertification_view)
        return [path("recertification/", page, name="accounts_member_recertification"), *super().get_urls()]

    def recertification_view(self, request: HttpRequest) -> HttpResponse:
        return recertification_page(self, request)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": gettext("Add a colleague"), **(extra_context or {})}
        return super().add_view(request, form_url, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        rows = super().get_queryset(request).select_related("user", "manager__user")
        return rows.prefetch_related("participants")

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[type[InlineModelAdmin]]:
        """None for a member that does not exist yet, and may have to wait for approval first."""
        return [] if obj is None else self.inlines

    def subject_id(self, obj: Any) -> int | None:
        """Return the id of the member's login: its rights as a member are part of that document."""
        return None if obj is None else obj.user_id

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        if not change:
            target = form.target()
            outcome = add_colleague(actor=actor, username=target.pop("username"), target=target)
            obj.user = User.objects.get(pk=outcome.subject_id)
            obj.pk = Member.objects.filter(user=obj.user).values_list("pk", flat=True).first()
            return outcome
        sent = form.cleaned_data
        target = {
            "manager": None if sent["manager"] is None else sent["manager"].pk,
            "participants": [participant.pk for participant in sent["participants"]],
            "seesAllContacts": sent["sees_all_contacts"],
        }
        return change_rights(actor=actor, user_id=obj.user_id, target=target)

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Sequence[Any], change: bool) -> None:
        """Let the services of apps above save what they have about the member, which may wait."""
        for part in self.parts:
            own = [formset for formset in formsets if formset.model is part.model]
            text = part.save(request, form.instance, own)
            if text and form.changed_data:
                messages.warning(request, text)
            elif text:
                self.say_that_it_waits(request, text)

    @display(description=_("name"), ordering="user__last_name")
    def name(self, member: Member) -> str:
        return member.name

    @display(description=_("username"), ordering="user__username")
    def username(self, member: Member) -> str:
        return member.user.username

    @display(description=_("participants"))
    def participant_names(self, member: Member) -> str:
        return ", ".join(participant.name for participant in member.participants.all())

    @display(description=_("active"), boolean=True)
    def is_active(self, member: Member) -> bool:
        return member.user.is_active


@dataclass(frozen=True, slots=True)
class MemberPart:
    """Inlines that an app above adds to the member's page, all of one model.

    `save` saves what their formsets change, and returns the message that it waits, or an empty text.
    """

    model: type[Model]
    inlines: Sequence[type[InlineModelAdmin]]
    save: Callable[[HttpRequest, Member, Sequence[Any]], str]


def register_member_part(part: MemberPart) -> None:
    """Add a part to the member's page, below those that are registered already."""
    MemberAdmin.inlines.extend(part.inlines)
    MemberAdmin.parts = [*MemberAdmin.parts, part]
