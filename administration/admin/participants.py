"""Participants, with the number of their members and applications."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.models import ClientApplication, Member, Participant
from administration.admin.configuration import ConfigurationAdmin
from administration.participants import PARTICIPANT


@admin.register(Participant)
class ParticipantAdmin(ConfigurationAdmin):
    sort = PARTICIPANT
    sidebar_icon = "domain"
    list_display = ["name", "member_count", "application_count"]
    search_fields = ["name"]
    search_help_text = _("Name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        rows = super().get_queryset(request)
        return rows.annotate(
            member_count=_count(Member.participants.through),
            application_count=_count(ClientApplication.participants.through),
        )

    @display(description=_("members"), ordering="member_count")
    def member_count(self, participant: Any) -> int:
        return participant.member_count

    @display(description=_("client applications"), ordering="application_count")
    def application_count(self, participant: Any) -> int:
        return participant.application_count


def _count(through: Any) -> Coalesce:
    """Return the number of rows of a relation that belong to the participant."""
    rows = through._default_manager.filter(participant=OuterRef("pk")).order_by().values("participant")
    return Coalesce(Subquery(rows.annotate(all=Count("pk")).values("all"), output_field=IntegerField()), Value(0))
