"""Pages of logs in the admin: read from the latest on, by person and day. They count nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.queries import member_named
from core.places import Place

# Unless something says which rows, a page shows those of so many days.
DAYS_SHOWN = 30
INPUT = {"class": "kf-input"}


def _day(label: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={**INPUT, "type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget)


class DaysForm(forms.Form):
    """From which day to which; either may be left out. Days are those of the institution's zone."""

    since = _day(_("From"))
    until = _day(_("To"))
    # Of which one says which rows.
    selective: Sequence[str] = ("since",)

    def moment(self, name: str) -> datetime | None:
        """Return when the day begins that a field names."""
        day = self.cleaned_data.get(name)
        return None if day is None else timezone.make_aware(datetime.combine(day, time()))

    @property
    def end(self) -> datetime | None:
        """The moment before which the last day ends."""
        day = self.cleaned_data.get("until")
        return None if day is None else timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))

    @property
    def is_of_recent_days(self) -> bool:
        """Whether nothing says which rows, so that the page shows those of the last days. Call it once it is valid."""
        return not any(self.cleaned_data.get(name) for name in self.selective)

    def within(self, rows: Any, column: str) -> Any:
        """Return the rows of a query set whose time in a column is within the days."""
        if (since := self.moment("since")) is not None:
            rows = rows.filter(**{f"{column}__gte": since})
        if self.end is not None:
            rows = rows.filter(**{f"{column}__lt": self.end})
        return rows

    def recent(self, rows: Any, column: str) -> Any:
        """Return the rows of a query set of the last days."""
        return rows.filter(**{f"{column}__gte": datetime.now(UTC) - timedelta(days=DAYS_SHOWN)})


class MemberForm(DaysForm):
    """Also which member."""

    member = forms.CharField(
        label=_("Member"),
        required=False,
        max_length=150,
        widget=forms.TextInput(attrs={**INPUT, "placeholder": _("username")}),
    )

    def clean_member(self) -> int | None:
        """Return the id of the member. Raises ValidationError if there is none of this name."""
        name = self.cleaned_data["member"].strip()
        if not name:
            return None
        member = member_named(name)
        if member is None:
            raise forms.ValidationError(gettext("There is no member of this name."))
        return member.pk


def place_in(request: HttpRequest) -> Place | None:
    """Return where the page begins that a request asks for; None for the first."""
    return Place.read(request.GET.get("after", ""))


def paged(request: HttpRequest, following: Place | None) -> dict[str, Any]:
    """Return what a template needs to lead to the first page and to the next one, which keep what is asked for."""
    kept = request.GET.copy()
    kept.pop("after", None)
    return {
        "is_first": place_in(request) is None,
        "first": f"?{kept.urlencode()}",
        "following": f"?{kept.urlencode()}&after={following}" if following else "",
    }
