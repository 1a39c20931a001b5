"""Events about contact groups: received by applications that see one of the contacts that a change is about."""

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from contactgroups.documents import ID, MEMBERS
from contactgroups.models import CONTACT_GROUP
from events.kinds import Audience, EventKind

CREATED, CHANGED, DELETED = "contact-group.created", "contact-group.changed", "contact-group.deleted"

# A change of members only is visible to those who see one of them; others to those who see any member.
_PARTICIPANTS = f"""
ARRAY(SELECT DISTINCT participant.participant_id
        FROM (SELECT split_part(path, '.', 2)::integer AS contact_id
                FROM unnest(entry.paths) path WHERE starts_with(path, '{MEMBERS}.')
               UNION
              SELECT contact_id FROM contactgroups_groupmembership
               WHERE group_id = entry.subject_id
                 AND EXISTS (SELECT FROM unnest(entry.paths) path
                              WHERE path <> '{MEMBERS}' AND NOT starts_with(path, '{MEMBERS}.'))) concerned
        JOIN contacts_contactparticipant participant USING (contact_id)
       ORDER BY participant.participant_id)
"""  # noqa: S608 - constants


class ContactGroupEvents(EventKind):
    key = subject = CONTACT_GROUP
    scope = "groups.read"
    types = {
        CREATED: _("A contact group was created"),
        CHANGED: _("A contact group, its contacts or entities were changed"),
        DELETED: _("A contact group was deleted"),
    }

    type_sql = f"""
        CASE WHEN NOT entry.paths @> ARRAY['{ID}'] THEN '{CHANGED}'
             WHEN entry.sequence = 1 THEN '{CREATED}' ELSE '{DELETED}' END
    """
    audience = Audience(_PARTICIPANTS)

    def paths_for_participants(self, paths: Sequence[str]) -> Sequence[str]:
        """Members are not named: the application may not see all of them."""
        return list(dict.fromkeys(MEMBERS if path.startswith(f"{MEMBERS}.") else path for path in paths))
