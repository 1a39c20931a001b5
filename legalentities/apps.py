from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from schemas.stored import register_documents
from schemas.usage import register_usage_check


class LegalEntitiesConfig(AppConfig):
    name = "legalentities"
    verbose_name = _("Legal entities")

    def ready(self) -> None:
        register_documents("legal-entity", "legalentities.queries.stored_legal_entities")
        register_usage_check("legalentities.queries.is_list_item_used")
