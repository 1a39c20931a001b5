"""The page that lists who may do and decide what, as of a date, for the manager's signature."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Member
from administration.queries.recertification import end_of, recertification
from administration.recertification import COLUMNS, by_manager

# Who sees users and members sees all of it already, one by one.
ASKED = ("accounts.view_user", "accounts.view_member")


class ChoiceForm(forms.Form):
    day = forms.DateField(label=_("As of"), widget=forms.DateInput(attrs={"type": "date", "class": "kf-input"}))
    manager = forms.ModelChoiceField(
        label=_("Manager"),
        queryset=Member.objects.filter(reports__isnull=False).select_related("user").distinct(),
        required=False,
        empty_label=_("All"),
        widget=forms.Select(attrs={"class": "kf-input"}),
    )

    def clean_day(self) -> Any:
        day = self.cleaned_data["day"]
        if day > timezone.localdate():
            raise forms.ValidationError(gettext("That day is still to come."))
        return day


def recertification_page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the list of a day, of all managers or of one. Requires the permissions to see users and members."""
    if not all(request.user.has_perm(permission) for permission in ASKED):
        raise PermissionDenied
    today = timezone.localdate().isoformat()
    form = ChoiceForm({"day": request.GET.get("day", today), "manager": request.GET.get("manager", "")})
    context: dict[str, Any] = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": gettext("Recertification"),
        "media": admin.media + forms.Media(css={"all": ["administration/recertification.css"]}),
        "form": form,
        "managers": None,
    }
    if form.is_valid():
        day, manager = form.cleaned_data["day"], form.cleaned_data["manager"]
        rows = recertification(moment=end_of(day), manager=None if manager is None else manager.user.username)
        context |= {"day": day, "columns": list(COLUMNS.values())[1:], "managers": by_manager(rows)}
    return TemplateResponse(request, "admin/accounts/member/recertification.html", context)
