"""The form that adds a colleague: a login and its member together."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import Member
from administration.admin.provider_fields import LINKED, identities_field
from administration.queries.rights import permission_names
from administration.roles import text_of

# The fields of the form, by the path of a user's rights.
FIELDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "username": "username",
    "manager": "manager",
    "participants": "participants",
    "seesAllContacts": "sees_all_contacts",
    "groups": "groups",
    "identities": "identities",
}


class ColleagueForm(forms.ModelForm):
    """Who the colleague is, where it belongs and what it may do. Nobody but its owner sets the password."""

    first_name = forms.CharField(label=_("First name"), max_length=150, widget=UnfoldAdminTextInputWidget())
    last_name = forms.CharField(label=_("Last name"), max_length=150, widget=UnfoldAdminTextInputWidget())
    email = forms.EmailField(
        label=_("Email"),
        widget=UnfoldAdminEmailInputWidget(),
        help_text=_("Once somebody else has approved the colleague, a link to set the password goes there."),
    )
    username = forms.CharField(
        label=_("Username"),
        max_length=150,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Empty: what is before the @ of the address."),
    )
    groups = forms.ModelMultipleChoiceField(
        label=_("Roles"),
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text=_("Permission groups. Without any, the colleague can read what it sees, but change nothing."),
    )

    identities = identities_field()

    class Meta:
        model = Member
        fields = ["manager", "participants", "sees_all_contacts"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["groups"]
        groups = field.queryset.prefetch_related("permissions__content_type")
        texts = [(group.name, text_of(group.name, permission_names(group.permissions.all()))) for group in groups]
        lines = [field.help_text, *(format_html("<b>{}</b>: {}", name, text) for name, text in texts if text)]
        field.help_text = format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))

    def target(self) -> dict[str, Any]:
        """Return the rights that the form asks for, by path."""
        values = {path: self.cleaned_data[name] for path, name in FIELDS.items()}
        values["manager"] = None if values["manager"] is None else values["manager"].pk
        return values | {path: sorted(row.pk for row in values[path]) for path in ("participants", "groups")}


FIELDSETS = (
    (None, {"fields": ("first_name", "last_name", "email", "username")}),
    (_("Place"), {"fields": ("manager", "participants", "sees_all_contacts")}),
    (_("Roles"), {"fields": ("groups",)}),
    LINKED,
)
