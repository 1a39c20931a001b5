"""Events about legal entities: received by applications that see a contact of their group."""

from collections.abc import Collection, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from contactgroups.models import EntityType
from events.kinds import Audience, EventKind, EventSubject
from legalentities.models import LEGAL_ENTITY_CREATION, LEGAL_ENTITY_DETAILS, LegalEntity

CREATED, CHANGED = "legal-entity.created", "legal-entity.changed"

_PARTICIPANTS_OF_GROUP = f"""
ARRAY(SELECT DISTINCT participant.participant_id
        FROM contactgroups_linkedentity link
        JOIN contactgroups_groupmembership membership ON membership.group_id = link.group_id
        JOIN contacts_contactparticipant participant ON participant.contact_id = membership.contact_id
       WHERE link.entity_type = '{EntityType.LEGAL_ENTITY.value}' AND link.entity_id = entry.subject_id
       ORDER BY participant.participant_id)
"""  # noqa: S608 - constants


class LegalEntityEventKind(EventKind):
    subject = LEGAL_ENTITY_DETAILS
    scope = "legal-entities.read"
    audience = Audience(_PARTICIPANTS_OF_GROUP)

    def __init__(self, key: str, types: Mapping[str, str | Promise]) -> None:
        self.key, self.types = key, types

    def subjects(self, ids: Collection[int]) -> Mapping[int, EventSubject]:
        entities = LegalEntity.objects.filter(pk__in=ids).order_by()
        return {pk: EventSubject(f"{self.subject} {pk}", uid) for pk, uid in entities.values_list("pk", "uid")}


class LegalEntityDetailsEvents(LegalEntityEventKind):
    has_versions = True

    type_sql = f"CASE entry.sequence WHEN 1 THEN '{CREATED}' ELSE '{CHANGED}' END"


LEGAL_ENTITY_EVENTS = (
    LegalEntityDetailsEvents(
        LEGAL_ENTITY_DETAILS,
        {CREATED: _("A legal entity was created"), CHANGED: _("Details of a legal entity were changed")},
    ),
    LegalEntityEventKind(
        LEGAL_ENTITY_CREATION, {"legal-entity.creation.approved": _("The creation of a legal entity was approved")}
    ),
)
