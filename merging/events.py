"""Events about merges: one of each contact. Neither names the other one, whose id its readers may not know."""

from django.utils.translation import gettext_lazy as _

from contacts.events import ContactEventKind
from contacts.models import MERGE, UNMERGE

MERGE_EVENTS = (
    ContactEventKind(MERGE, {"contact.merged": _("A contact was merged with another one")}),
    ContactEventKind(UNMERGE, {"contact.unmerged": _("The merge of a contact was undone")}),
)
