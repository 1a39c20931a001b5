"""Participants as a sort of configuration."""

from django.utils.translation import gettext_lazy as _

from accounts.models import Participant
from administration.configuration import ConfigurationSort

PARTICIPANT = "participant"


class ParticipantSort(ConfigurationSort):
    key = PARTICIPANT
    label = _("Participant")
    model = Participant
    columns = {"name": "name"}
    labels = {"name": _("Name")}
