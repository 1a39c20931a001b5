"""Systems of external ids."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from administration.admin.configuration import ConfigurationAdmin
from contacts.models import ExternalSystem
from contacts.systems import SYSTEM


@admin.register(ExternalSystem)
class ExternalSystemAdmin(ConfigurationAdmin):
    sort = SYSTEM
    sidebar_icon = "hub"
    list_display = ["name"]
    search_fields = ["name"]
    search_help_text = _("Name")
