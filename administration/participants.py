"""Participants as a sort of configuration."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from accounts.models import Participant
from accounts.usernames import named
from administration.configuration import ConfigurationSort

PARTICIPANT = "participant"


class ParticipantSort(ConfigurationSort):
    key = PARTICIPANT
    label = _("Participant")
    model = Participant
    columns = {"name": "name"}
    labels = {"name": _("Name")}

    def checked(self, row: Model, target: Mapping[str, Any]) -> dict[str, Any]:
        checked = super().checked(row, target)
        if named(Participant.objects.exclude(pk=row.pk), checked["name"], column="name").exists():
            raise ValidationError({"name": [_("A participant with this name exists already.")]})
        return checked
