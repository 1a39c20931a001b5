from legalentities.services.creation import amend_creation, create_legal_entity, write_creation
from legalentities.services.details import LEGAL_ENTITIES, replace_details

__all__ = [
    "LEGAL_ENTITIES",
    "amend_creation",
    "create_legal_entity",
    "replace_details",
    "write_creation",
]
