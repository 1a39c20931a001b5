"""Holidays."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from administration.admin.configuration import ConfigurationAdmin
from administration.holidays import HOLIDAY
from changerequests.models import Holiday


@admin.register(Holiday)
class HolidayAdmin(ConfigurationAdmin):
    sort = HOLIDAY
    sidebar_icon = "celebration"
    list_display = ["date", "name"]
    search_fields = ["name"]
    search_help_text = _("Name")
    ordering = ["-date"]
