"""Events about rights, applications and configuration, which are the institution's own affairs."""

from django.utils.translation import gettext_lazy as _

from administration.applications import APPLICATION
from administration.configuration import CONFIGURATION
from administration.recertification import RECERTIFICATION
from administration.rights import GROUP_RIGHTS, RIGHTS
from events.kinds import SIGHT_CHANGED, Audience, EventKind, simple_kind

APPLICATION_CHANGED = "application.changed"

# What an application sees follows from these.
_SIGHT = "ARRAY['participants', 'scopes']"


class ApplicationEvents(EventKind):
    """An application receives events about its own changes, and `resync` when they change what it can see."""

    key = subject = APPLICATION
    types = {
        APPLICATION_CHANGED: _("A client application was changed"),
        SIGHT_CHANGED: _("What a client application can see was changed"),
    }

    type_sql = f"CASE WHEN entry.paths && {_SIGHT} THEN '{SIGHT_CHANGED}' ELSE '{APPLICATION_CHANGED}' END"
    audience = Audience("'{}'", application="entry.subject_id")


ADMINISTRATION_EVENTS = (
    ApplicationEvents(),
    simple_kind(RIGHTS, subject="login", type_="rights.changed", words=_("Rights of a login were changed")),
    simple_kind(
        GROUP_RIGHTS, subject="group", type_="group-rights.changed", words=_("Permissions of a group were changed")
    ),
    simple_kind(
        CONFIGURATION, subject=CONFIGURATION, type_="configuration.changed", words=_("The configuration was changed")
    ),
    simple_kind(
        RECERTIFICATION, subject="login", type_="rights.recertified", words=_("Rights of a login were confirmed")
    ),
)
