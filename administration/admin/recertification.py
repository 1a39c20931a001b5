"""The page that lists who may do and decide what, as of a date, for the manager's signature."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin_actor import actor_of, member_of
from accounts.models import Member
from administration.queries.recertification import end_of, recertification
from administration.recertification import COLUMNS, by_manager
from administration.services.recertification import confirm_rights, shown_digest
from core.errors import ApiError

# Who sees users and members sees all of it already, one by one. A manager sees those below it.
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
    """Show the list of a day, of all managers or of one; on POST, record that a manager confirms its part of today.

    Requires the permissions to see users and members; managers see their own part without.
    """
    actor, today = actor_of(request), timezone.localdate()
    is_manager = actor is not None and Member.objects.filter(manager=actor.member_id).exists()
    sees_all = all(request.user.has_perm(permission) for permission in ASKED)
    if not (sees_all or is_manager):
        raise PermissionDenied
    if request.method == "POST":
        return _confirmed(request)
    own = str(actor.member_id) if actor is not None and is_manager else ""
    chosen = request.GET.get("manager", "") if sees_all else own
    form = ChoiceForm({"day": request.GET.get("day", today.isoformat()), "manager": chosen})
    if not sees_all:
        form.fields["manager"].widget = forms.HiddenInput()
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
        if is_manager and day == today:
            mine = [row for row in rows if row.manager_username == request.user.get_username()]
            context["digest"] = shown_digest(mine) if mine else ""
            context["mine"] = len(mine)
    return TemplateResponse(request, "admin/accounts/member/recertification.html", context)


def _confirmed(request: HttpRequest) -> HttpResponse:
    try:
        rows = confirm_rights(actor=member_of(request), digest=request.POST.get("digest", ""))
    except ApiError as refusal:
        messages.error(request, str(refusal))
    else:
        text = ngettext(
            "You confirmed the rights of %(number)s member.",
            "You confirmed the rights of %(number)s members.",
            len(rows),
        )
        messages.success(request, text % {"number": len(rows)})
    return HttpResponseRedirect(request.get_full_path())
