"""The scopes that operations require, and which of them an application may request."""

from typing import Any

from django.conf import settings
from oauth2_provider.scopes import BaseScopes

ALL_SCOPES: tuple[str, ...] = tuple(settings.OAUTH2_PROVIDER["SCOPES"])


class ApplicationScopes(BaseScopes):
    """Each application has its own scopes; a token request without scopes gets all of them."""

    def get_all_scopes(self) -> dict[str, str]:
        return {scope: str(means) for scope, means in settings.OAUTH2_PROVIDER["SCOPES"].items()}

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        return application.allowed_scopes.split() if application else list(ALL_SCOPES)

    def get_default_scopes(self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        return self.get_available_scopes(application)
