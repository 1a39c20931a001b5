"""Legal entities in the admin: looked at, created and changed, in the one way of their service."""

from legalentities.admin.entity import LegalEntityAdmin

__all__ = ["LegalEntityAdmin"]
