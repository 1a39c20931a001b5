"""The changelog in the admin: what has changed in everything that its reader sees, by kind, person, subject and day."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import ReadOnlyAdmin, actor_of_list, check_filters
from accounts.admin_logs import DAYS_SHOWN, INPUT, MemberForm, paged, place_in
from audit.access.admin import looked_in_admin
from audit.models import Entry, EntryQuerySet
from changerequests.admin.messages import may_see_requests
from changerequests.kinds import all_kinds
from changerequests.queries.changelog import changelog_page, seen_entries


class ChangelogForm(MemberForm):
    """What the page shows. All of it may be left out."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=lambda: [("", _("All")), *sorted((kind.key, str(kind.label)) for kind in all_kinds())],
        widget=forms.Select(attrs=INPUT),
    )
    contact = forms.IntegerField(
        label=_("Contact id"), required=False, min_value=1, max_value=2**31 - 1, widget=forms.NumberInput(attrs=INPUT)
    )
    field_order = ["kind", "member", "contact", "since", "until"]
    selective = ("member", "contact", "since")

    def entries(self, actor: Actor) -> EntryQuerySet:
        """Return the entries that the form asks for and the actor sees. Call it once the form is valid."""
        asked = self.cleaned_data
        kinds = [kind for kind in all_kinds() if asked["kind"] in ("", kind.key)]
        if asked["contact"]:
            kinds = [kind for kind in kinds if kind.is_about_contacts]
        entries = seen_entries(actor, kinds)
        if asked["contact"]:
            entries = entries.filter(subject_id=asked["contact"])
        if asked["member"]:
            entries = entries.filter(initiator_member=asked["member"])
        if self.is_of_recent_days:
            entries = self.recent(entries, "recorded_at")
        narrowed: EntryQuerySet = self.within(entries, "recorded_at")
        return narrowed


@admin.register(Entry)
class ChangelogAdmin(ReadOnlyAdmin):
    """A page instead of Django's list: it counts nothing, and has no page for an entry."""

    sidebar_icon = "history"
    sidebar_title = _("Changelog")

    class Media:
        css = {"all": ["core/details.css", "core/controls.css", "schemas/form.css", "contacts/pages.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_see_requests(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_see_requests(request)

    def get_urls(self) -> list[URLPattern]:
        return [path("", self.admin_site.admin_view(self.changelist_view), name="audit_entry_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List what has changed. For who may see change requests; each sees what it sees of each kind."""
        actor = actor_of_list(request)
        if actor is None or not self.has_view_permission(request):
            raise PermissionDenied
        check_filters(request, ChangelogForm.base_fields)
        form = ChangelogForm(request.GET)
        entries = form.entries(actor) if form.is_valid() else Entry.objects.none()
        page = changelog_page(entries, actor=actor, user=request.user, after=place_in(request))
        looked_in_admin(request, page.contact_ids)
        context = {
            **self.admin_site.each_context(request),
            "media": self.media,
            "title": gettext("Changelog"),
            "form": form,
            "lines": page.lines,
            **paged(request, page.following),
            "is_of_recent_days": form.is_valid() and form.is_of_recent_days,
            "days": DAYS_SHOWN,
        }
        return TemplateResponse(request, "admin/audit/entry/changelog.html", context)
