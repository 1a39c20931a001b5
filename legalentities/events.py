"""Events about legal entities: received by applications that see a contact of their group."""

from collections.abc import Collection, Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.models import Entry
from contactgroups.events import members_of
from contactgroups.models import EntityType, LinkedEntity
from contacts.events import participants_of
from events.kinds import Audience, EventKind, EventSubject
from legalentities.models import LEGAL_ENTITY_CREATION, LEGAL_ENTITY_DETAILS, LegalEntity

CREATED, CHANGED = "legal-entity.created", "legal-entity.changed"


class LegalEntityEventKind(EventKind):
    subject = LEGAL_ENTITY_DETAILS
    scope = "legal-entities.read"

    def __init__(self, key: str, types: Mapping[str, str | Promise]) -> None:
        self.key, self.types = key, types

    def audiences(self, entries: Sequence[Entry]) -> Mapping[int, Audience]:
        ids = {entry.subject_id for entry in entries}
        links = LinkedEntity.objects.filter(entity_type=EntityType.LEGAL_ENTITY, entity_id__in=ids).order_by()
        groups = dict(links.values_list("entity_id", "group"))
        members = members_of(groups.values())
        participants = participants_of(set().union(*members.values()))
        heard = {
            pk: sorted(set().union(*(participants.get(contact, ()) for contact in members.get(group, ()))))
            for pk, group in groups.items()
        }
        return {entry.pk: Audience(heard.get(entry.subject_id, ())) for entry in entries}

    def subjects(self, ids: Collection[int]) -> Mapping[int, EventSubject]:
        entities = LegalEntity.objects.filter(pk__in=ids).order_by()
        return {pk: EventSubject(f"{self.subject} {pk}", uid) for pk, uid in entities.values_list("pk", "uid")}


class LegalEntityDetailsEvents(LegalEntityEventKind):
    has_versions = True

    def type_of(self, entry: Entry) -> str:
        return CREATED if entry.sequence == 1 else CHANGED


LEGAL_ENTITY_EVENTS = (
    LegalEntityDetailsEvents(
        LEGAL_ENTITY_DETAILS,
        {CREATED: _("A legal entity was created"), CHANGED: _("Details of a legal entity were changed")},
    ),
    LegalEntityEventKind(
        LEGAL_ENTITY_CREATION, {"legal-entity.creation.approved": _("The creation of a legal entity was approved")}
    ),
)
