"""Participants as a sort of configuration."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from accounts.models import Participant
from administration.configuration import ConfigurationSort
from core.text import one_line

PARTICIPANT = "participant"


class ParticipantSort(ConfigurationSort):
    key = PARTICIPANT
    label = _("Participant")
    model = Participant
    columns = {"name": "name"}
    labels = {"name": _("Name")}

    def checked(self, row: Model, target: Mapping[str, Any]) -> dict[str, Any]:
        texts = {name: one_line(value) if isinstance(value, str) else value for name, value in target.items()}
        return super().checked(row, texts)
