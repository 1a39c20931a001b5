"""The changelog in the admin: what has changed in everything that its reader sees, by kind, person, subject and day."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import ReadOnlyAdmin, actor_of_list, check_filters
from accounts.models import Member
from audit.access.admin import looked_in_admin
from audit.models import Entry, EntryQuerySet
from changerequests.admin.messages import may_see_requests
from changerequests.kinds import all_kinds
from changerequests.queries.changelog import changelog_page, seen_entries
from core.places import Place

# Without a person or a contact, the page shows so many days unless it is asked for others.
DAYS_SHOWN = 30
INPUT = {"class": "kf-input"}


def _day(label: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={**INPUT, "type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget)


class ChangelogForm(forms.Form):
    """What the page shows. All of it may be left out."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        required=False,
        choices=lambda: [("", _("All")), *sorted((kind.key, str(kind.label)) for kind in all_kinds())],
        widget=forms.Select(attrs=INPUT),
    )
    member = forms.CharField(
        label=_("Member"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={**INPUT, "placeholder": _("username")}),
    )
    contact = forms.IntegerField(
        label=_("Contact id"), required=False, min_value=1, max_value=2**31 - 1, widget=forms.NumberInput(attrs=INPUT)
    )
    since = _day(_("From"))
    until = _day(_("To"))

    def clean_member(self) -> int | None:
        """Return the id of the member. Raises ValidationError if there is none of this name."""
        name = self.cleaned_data["member"].strip()
        if not name:
            return None
        member = Member.objects.filter(user__username__iexact=name).first()
        if member is None:
            raise forms.ValidationError(gettext("There is no member of this name."))
        return member.pk

    @property
    def is_of_recent_days(self) -> bool:
        """Whether nothing says which entries, so that the page shows those of the last days."""
        return not any(self.cleaned_data.get(name) for name in ("member", "contact", "since"))

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
            entries = entries.filter(recorded_at__gte=datetime.now(UTC) - timedelta(days=DAYS_SHOWN))
        if asked["since"]:
            entries = entries.filter(recorded_at__gte=_begin(asked["since"]))
        if asked["until"]:
            entries = entries.filter(recorded_at__lt=_begin(asked["until"] + timedelta(days=1)))
        return entries


def _begin(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


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
        place = Place.read(request.GET.get("after", ""))
        page = changelog_page(entries, actor=actor, user=request.user, after=place)
        looked_in_admin(request, page.contact_ids)
        kept = request.GET.copy()
        kept.pop("after", None)
        context = {
            **self.admin_site.each_context(request),
            "media": self.media,
            "title": gettext("Changelog"),
            "form": form,
            "lines": page.lines,
            "is_first": place is None,
            "first": f"?{kept.urlencode()}",
            "following": f"?{kept.urlencode()}&after={page.following}" if page.following else "",
            "is_of_recent_days": form.is_valid() and form.is_of_recent_days,
            "days": DAYS_SHOWN,
        }
        return TemplateResponse(request, "admin/audit/entry/changelog.html", context)
