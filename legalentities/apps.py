from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from audit.documents import register_document_table
from changerequests.kinds import register_kind
from contactgroups.naming import register_linked_names
from events.kinds import register_event_kind
from schemas.document_sources import register_document_source
from schemas.names import register_schema_name
from schemas.usage_checks import register_usage_check


class LegalEntitiesConfig(AppConfig):
    name = "legalentities"
    verbose_name = _("Legal entities")

    def ready(self) -> None:
        from legalentities.events import LEGAL_ENTITY_EVENTS
        from legalentities.kinds.creation import LegalEntityCreationKind
        from legalentities.kinds.details import LegalEntityKind
        from legalentities.models import LEGAL_ENTITY_DETAILS, LegalEntity
        from legalentities.queries import is_list_item_used, names_of_groups, stored_legal_entities

        register_document_table(LEGAL_ENTITY_DETAILS, LegalEntity._meta.db_table)
        register_kind(LegalEntityKind())
        register_kind(LegalEntityCreationKind())
        register_linked_names(names_of_groups())
        register_document_source("legal-entity", stored_legal_entities)
        register_schema_name("legal-entity", _("Legal entity"))
        register_usage_check(is_list_item_used)
        for event_kind in LEGAL_ENTITY_EVENTS:
            register_event_kind(event_kind)
