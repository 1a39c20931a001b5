"""Lists and list items in the admin, with one column per language. All writes go through the services."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.admin_actor import CappedAdmin, ReadOnlyAdmin, RefusableAdmin, member_of
from changerequests.admin.messages import may_see_requests, waiting_message
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from changerequests.queries.requests import open_request_of
from schemas.admin.base import STYLES
from schemas.models import LIST_KIND, List, ListItem
from schemas.services import remove_list_item, save_list_item
from schemas.services.lists import MAX_NAME_LENGTH

WAITING_TEMPLATE = "admin/schemas/includes/open_request_of_list.html"


@admin.register(List)
class ListAdmin(ReadOnlyAdmin):
    sidebar_icon = "list"
    change_form_before_template = WAITING_TEMPLATE
    list_display = ["name", "key", "parent", "item_count", "items_link"]
    list_select_related = ["parent"]
    search_fields = ["key", "names"]
    search_help_text = _("Key, or a name in any language")
    sortable_by = ["key"]
    fields = ["key", "shown_names", "parent", "items_link"]
    readonly_fields = fields

    class Media:
        css = {"all": STYLES}

    def get_queryset(self, request: HttpRequest) -> QuerySet[List]:
        counted = ListItem.objects.filter(list=OuterRef("pk")).order_by().values("list").annotate(all=Count("pk"))
        counts = Subquery(counted.values("all"), output_field=IntegerField())
        return super().get_queryset(request).annotate(item_count=Coalesce(counts, Value(0)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = _waiting_in(request, int(object_id) if object_id.isdecimal() else None) | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    @display(description=_("name"))
    def name(self, row: List) -> str:
        return str(row)

    @display(description=_("names"))
    def shown_names(self, row: List) -> str:
        return ", ".join(f"{name}: {row.names[code]}" for code, name in settings.LANGUAGES if code in row.names)

    @display(description=_("items"), ordering="item_count")
    def item_count(self, row: Any) -> int:
        return row.item_count

    @display(description="")
    def items_link(self, row: List) -> str:
        address = reverse("admin:schemas_listitem_changelist")
        return format_html(
            '<a class="k-link" href="{}?list__id__exact={}">{}</a>', address, row.pk, gettext("Show the items")
        )


class ListItemForm(forms.ModelForm):
    """Form of a list item, with one name field per language."""

    class Meta:
        model = ListItem
        fields = ["list", "key", "parent", "order"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for code, name in settings.LANGUAGES:
            self.fields[f"name_{code}"] = forms.CharField(
                label=name,
                required=code == settings.LANGUAGE_CODE,
                max_length=MAX_NAME_LENGTH,
                initial=(self.instance.names or {}).get(code, ""),
                widget=UnfoldAdminTextInputWidget(),
            )

    @property
    def names(self) -> dict[str, str]:
        """The entered names by language, without empty ones."""
        written = {code: self.cleaned_data.get(f"name_{code}", "") for code, _name in settings.LANGUAGES}
        return {code: text for code, text in written.items() if text}

    def clean(self) -> dict[str, Any] | None:
        """Add an error if the parent is not an item of the parent list."""
        cleaned = super().clean() or self.cleaned_data
        owner, parent = cleaned.get("list", self.instance.list if self.instance.pk else None), cleaned.get("parent")
        if owner is not None and parent is not None and parent.list_id != owner.parent_id:
            self.add_error("parent", gettext("The parent must be an item of the list above."))
        # `names` is no form field, so set it for the model's constraint checks.
        self.instance.names = self.names
        return cleaned


@admin.register(ListItem)
class ListItemAdmin(RefusableAdmin, CappedAdmin):
    sidebar_icon = "format_list_bulleted"
    change_form_before_template = WAITING_TEMPLATE
    form = ListItemForm
    list_display = ["key", *(f"in_{code}" for code, _name in settings.LANGUAGES), "list", "parent_name", "order"]
    list_filter = ["list"]
    list_select_related = ["list", "parent"]
    search_fields = ["key", "names"]
    search_help_text = _("Key, or a name in any language")
    ordering = ["list", "order", "key"]
    sortable_by = ["key", "order"]
    autocomplete_fields = ["list", "parent"]

    class Media:
        css = {"all": STYLES}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        items = ListItem.objects.filter(pk=object_id) if object_id.isdecimal() else ListItem.objects.none()
        context = _waiting_in(request, items.values_list("list", flat=True).first()) | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def lock(self, request: HttpRequest, obj: Any) -> None:
        request_kind(LIST_KIND).lock(actor=member_of(request), subject_id=obj.list_id)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the item, or ask for it: then `obj.change_request` is the request, and a new item has no id."""
        submission = save_list_item(
            actor=member_of(request),
            list_key=obj.list.key,
            key=obj.key,
            names=form.names,
            parent_key=obj.parent.key if obj.parent_id else None,
            order=obj.order,
        )
        obj.change_request = submission.change_request
        if submission.item is not None:
            obj.pk = submission.item.pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        obj.change_request = remove_list_item(actor=member_of(request), list_key=obj.list.key, key=obj.key)
        if obj.change_request is None:
            super().log_deletions(request, [obj])

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Django logs before it deletes, which may have to wait: `delete_model` logs."""
        return []

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if obj.change_request else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if obj.change_request else super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        waits = self._waits(request, obj.change_request)
        return waits or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._waits(request, obj.change_request) or super().response_change(request, obj)

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        kept = ListItem.objects.filter(pk=obj_id).first()
        waits = kept and self._waits(request, open_request_of(kind=LIST_KIND, subject_id=kept.list_id))
        return waits or super().response_delete(request, obj_display, obj_id)

    def _waits(self, request: HttpRequest, change_request: ChangeRequest | None) -> HttpResponse | None:
        """Say that the submission waits, and go to the list; None if it took effect."""
        if change_request is None:
            return None
        messages.warning(request, waiting_message(request, change_request.pk))
        return HttpResponseRedirect(reverse("admin:schemas_listitem_changelist"))

    @display(description=_("parent"))
    def parent_name(self, item: ListItem) -> str:
        return str(item.parent) if item.parent else "–"

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        names = [f"name_{code}" for code, _name in settings.LANGUAGES]
        return [
            (None, {"fields": ["list", "key", *_editable(obj)]}),
            (_("Names"), {"fields": [tuple(names[:2]), tuple(names[2:])]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """List and key are read-only on existing items, since documents contain the key."""
        return [] if obj is None else ["list", "key"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # The name fields are declared by the form; Django would look for them on the model.
        kwargs["fields"] = _editable(obj) if change else ["list", "key", *_editable(None)]
        return super().get_form(request, obj, change, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ListItem], search_term: str
    ) -> tuple[QuerySet[ListItem], bool]:
        """Limit the autocomplete for parents to lists that have child lists."""
        if request.GET.get("field_name") == "parent" and request.GET.get("model_name") == "listitem":
            queryset = queryset.filter(list__children__isnull=False).distinct()
        return super().get_search_results(request, queryset, search_term)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """List only the item, and up to 20 children that block deletion. The service checks all other uses."""
        items = list(objs)
        below = [str(child) for item in items for child in item.children.all()[:20]]
        return [str(item) for item in items], {str(self.opts.verbose_name_plural): len(items)}, set(), below


def _waiting_in(request: HttpRequest, list_id: int | None) -> dict[str, Any]:
    """Return the context of WAITING_TEMPLATE: the open request about a list."""
    found = None if list_id is None else open_request_of(kind=LIST_KIND, subject_id=list_id)
    return {"open_request": found, "may_open_requests": may_see_requests(request)}


def _editable(item: Any) -> list[str]:
    """Return the editable fields besides the names. Items of a list without a parent list have no parent."""
    return ["order"] if item is not None and item.list.parent_id is None else ["parent", "order"]


def _column(code: str, name: Any) -> Any:
    @display(description=name)
    def shown(self: ListItemAdmin, item: ListItem) -> str:
        return item.names.get(code) or "–"

    return shown


for _code, _language in settings.LANGUAGES:
    setattr(ListItemAdmin, f"in_{_code}", _column(_code, _language))
