"""What the feed says of contacts that somebody has told apart."""

from django.utils.translation import gettext_lazy as _

from contacts.events import ContactEventKind
from events.kinds import INSTITUTION
from matching.models import DISTINCTION


class DistinctionEvents(ContactEventKind):
    """Only for applications that see all contacts: others may see one of the two alone."""

    audience = INSTITUTION


DISTINCTION_EVENTS = DistinctionEvents(
    DISTINCTION, {"contact.distinguished": _("Somebody said whether two contacts are different people")}
)
