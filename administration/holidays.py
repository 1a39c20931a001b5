"""Holidays as a sort of configuration."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from administration.configuration import ConfigurationSort
from changerequests.models import Holiday

HOLIDAY = "holiday"


class HolidaySort(ConfigurationSort):
    """Several have one name, in several years."""

    key = HOLIDAY
    label = _("Holiday")
    model = Holiday
    columns = {"date": "date", "name": "name"}
    labels = {"date": _("Date"), "name": _("Name")}
    title = "date"

    def called(self, document: Mapping[str, Any]) -> str:
        return f"{document['name']}, {document['date']}"
