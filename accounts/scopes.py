"""The scopes that operations require, and which of them an application may request."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from oauth2_provider.scopes import BaseScopes

from core.errors import UnprocessableEntity

ALL_SCOPES: tuple[str, ...] = tuple(settings.OAUTH2_PROVIDER["SCOPES"])


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes, each once. Raises UnprocessableEntity `UnknownScope`, naming those that do not exist."""
    asked = list(dict.fromkeys(scopes))
    unknown = [scope for scope in asked if scope not in ALL_SCOPES]
    if unknown:
        raise UnprocessableEntity(
            _("There is no scope %(scopes)s. There are: %(all)s.")
            % {"scopes": ", ".join(unknown), "all": ", ".join(ALL_SCOPES)},
            sub_code="UnknownScope",
        )
    return asked


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
