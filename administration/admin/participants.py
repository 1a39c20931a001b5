"""Participants, with the number of their members and applications."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.actor import Actor
from accounts.admin_actor import member_of
from accounts.models import ClientApplication, Member, Participant
from administration.admin.base import KeptAdmin, WaitingAdmin
from administration.configuration import CONFIGURATION
from administration.models import ConfigurationSubject
from administration.outcomes import Outcome
from administration.participants import PARTICIPANT
from administration.services.configuration import add_configuration, change_configuration, locked_configuration


@admin.register(Participant)
class ParticipantAdmin(WaitingAdmin, KeptAdmin):
    kind = CONFIGURATION
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

    def subject_id(self, obj: Any) -> int | None:
        """Return the id of the participant's subject, which it has once somebody has asked to change it."""
        if obj is None:
            return None
        subjects = ConfigurationSubject.objects.filter(sort=PARTICIPANT, object_id=obj.pk)
        return subjects.values_list("pk", flat=True).first()

    def lock(self, request: HttpRequest, obj: Any) -> None:
        member_of(request)
        locked_configuration(sort=PARTICIPANT, object_id=obj.pk)

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        target = {"name": form.cleaned_data["name"]}
        if change:
            return change_configuration(actor=actor, sort=PARTICIPANT, object_id=obj.pk, target=target)
        outcome = add_configuration(actor=actor, sort=PARTICIPANT, target=target)
        obj.pk = ConfigurationSubject.objects.get(pk=outcome.subject_id).object_id
        return outcome

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
