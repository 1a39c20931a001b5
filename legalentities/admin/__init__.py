"""Legal entities in the admin. All writes go through their service."""

from legalentities.admin.entity import LegalEntityAdmin

__all__ = ["LegalEntityAdmin"]
