"""The scopes that guard operations, and which of them an application may ask for (design section 3)."""

from typing import Any

from django.conf import settings
from oauth2_provider.scopes import BaseScopes

ALL_SCOPES: tuple[str, ...] = tuple(settings.OAUTH2_PROVIDER["SCOPES"])


class ApplicationScopes(BaseScopes):
    """Every application has its own list; a token request that names no scope gets the whole of it."""

    def get_all_scopes(self) -> dict[str, str]:
        return {scope: str(means) for scope, means in settings.OAUTH2_PROVIDER["SCOPES"].items()}

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return application.allowed_scopes.split() if application else list(ALL_SCOPES)

    def get_default_scopes(self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        return self.get_available_scopes(application)
