"""Who looked: a contact's tab, and the page of auditors. Both need a permission of their own, and are on record."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.admin_actor import ReadOnlyAdmin, VisibleToActorAdmin, actor_of_list, check_filters
from accounts.admin_logs import DAYS_SHOWN, INPUT, DaysForm, MemberForm, paged, place_in
from accounts.models import ClientApplication
from audit.access.admin import looked_in_admin
from audit.access.models import Access, Door, Looker, Way
from audit.access.queries import Gap, accesses_by, accesses_of, gaps
from audit.permissions import MAY_SEE_WHO_LOOKED
from contacts.admin.base import AddedPage, contact_page, opened, register_contact_page
from contacts.models import Contact
from contacts.queries.looked import Page, page_of_accesses
from core.places import Place
from core.search import id_in, uuid_in

GAPS_SHOWN = 5


def may_see_who_looked(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(MAY_SEE_WHO_LOOKED))


class LookedForm(DaysForm):
    """What a page of the log shows. All of it may be left out."""

    way = forms.TypedChoiceField(
        label=_("Way"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=lambda: [("", _("All")), *Way.choices],
        widget=forms.Select(attrs=INPUT),
    )
    field_order = ["way", "since", "until"]

    def narrowed(self, rows: QuerySet[Access]) -> QuerySet[Access]:
        """Return those of the rows that the form asks for. Call it once the form is valid."""
        if (way := self.cleaned_data["way"]) is not None:
            rows = rows.filter(way=way)
        return self.within(rows, "at")


class AuditForm(LookedForm, MemberForm):
    """The form of auditors: also which contact, and who looked."""

    contact = forms.CharField(
        label=_("Contact"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={**INPUT, "placeholder": _("id or uid")}),
    )
    application = forms.ModelChoiceField(
        label=_("Application"),
        required=False,
        queryset=ClientApplication.objects.order_by("name"),
        empty_label=_("All"),
        widget=forms.Select(attrs=INPUT),
    )
    field_order = ["contact", "member", "application", "way", "since", "until"]
    selective = ("contact", "member", "application", "since")

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._actor = actor

    def clean_contact(self) -> int | None:
        """Return the id of the contact. Raises ValidationError if the reader sees none of this id or uid."""
        text = self.cleaned_data["contact"].strip()
        if not text:
            return None
        key = {"uid": uid} if (uid := uuid_in(text)) else {"pk": id_in(text.removeprefix("#"))}
        found = Contact.objects.visible_to(self._actor).filter(**key).values_list("pk", flat=True).first()
        if found is None:
            raise forms.ValidationError(gettext("There is no contact with this id that you can see."))
        return found

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("member") and cleaned.get("application"):
            raise forms.ValidationError(gettext("Choose a member or an application, not both."))
        return cleaned

    def rows(self) -> QuerySet[Access]:
        """Return the rows that the form asks for, by the index that finds them. Call it once the form is valid."""
        asked = self.cleaned_data
        if asked["member"]:
            rows = accesses_by(Looker.MEMBER, asked["member"])
        elif asked["application"]:
            rows = accesses_by(Looker.APP, asked["application"].pk)
        else:
            rows = Access.objects.all()
        if asked["contact"]:
            rows = rows.filter(contact_id=asked["contact"])
        elif self.is_of_recent_days:
            rows = self.recent(rows, "at")
        return self.narrowed(rows)


def looked_page(admin_of_contacts: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """List who looked at a contact, latest first. Requires `audit.view_access`."""
    actor, contact = opened(admin_of_contacts, request, contact_id)
    if not may_see_who_looked(request):
        raise PermissionDenied
    form = LookedForm(request.GET)
    rows = form.narrowed(accesses_of(contact.pk)) if form.is_valid() else Access.objects.none()
    place = place_in(request)
    page = page_of_accesses(rows, actor=actor, after=place)
    looked_in_admin(request, [contact.pk], way=Way.AUDITED)
    return contact_page(
        admin_of_contacts,
        request,
        contact,
        tab=LOOKED.name,
        template="admin/contacts/contact/looked.html",
        **_context(request, form, page, place),
    )


def _gaps(form: LookedForm, page: Page, place: Place | None) -> list[Gap]:
    """Return the gaps of the time that the page is about."""
    since = page.following.at if page.following else form.moment("since")
    return gaps(since=since, until=place.at if place else form.end)


def _context(request: HttpRequest, form: LookedForm, page: Page, place: Place | None) -> dict[str, Any]:
    found = _gaps(form, page, place) if form.is_valid() else []
    return {
        "form": form,
        "lines": [
            (line, Looker(line.access.actor_kind), Way(line.access.way), Door(line.access.door)) for line in page.lines
        ],
        **paged(request, page.following),
        "gaps": found[:GAPS_SHOWN],
        "more_gaps": max(len(found) - GAPS_SHOWN, 0),
    }


@admin.register(Access)
class AccessAdmin(ReadOnlyAdmin):
    """The page of auditors, instead of Django's list: it counts nothing, and has no page for a row."""

    sidebar_icon = "visibility"

    class Media:
        css = {"all": ["core/details.css", "core/controls.css", "schemas/form.css", "contacts/pages.css"]}

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_see_who_looked(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_see_who_looked(request)

    def get_urls(self) -> list[URLPattern]:
        return [path("", self.admin_site.admin_view(self.changelist_view), name="audit_access_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List who looked at the contacts that the reader sees. Requires `audit.view_access`, and a member."""
        actor = actor_of_list(request)
        if actor is None or not self.has_view_permission(request):
            raise PermissionDenied
        check_filters(request, AuditForm.base_fields)
        form = AuditForm(request.GET, actor=actor)
        rows = form.rows() if form.is_valid() else Access.objects.none()
        place = place_in(request)
        page = page_of_accesses(rows, actor=actor, after=place)
        looked_in_admin(request, page.contact_ids, way=Way.AUDITED)
        context = {
            **self.admin_site.each_context(request),
            **_context(request, form, page, place),
            "opts": self.opts,
            "media": self.media,
            "title": gettext("Who looked"),
            "is_of_recent_days": form.is_valid() and form.is_of_recent_days,
            "days": DAYS_SHOWN,
        }
        return TemplateResponse(request, "admin/audit/access/looked.html", context)


LOOKED = AddedPage(name="looked", label=_("Who looked"), view=looked_page, may_open=may_see_who_looked)
register_contact_page(LOOKED)
