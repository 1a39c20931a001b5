"""The identity providers that the settings name."""

from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect provider and our client there. `acr_values` and `amr_values` are what is a second factor."""

    name: str
    label: str
    issuer: str
    client_id: str
    client_secret: str = ""
    private_key: str = ""
    scopes: tuple[str, ...] = ("openid",)
    groups_claim: str = ""
    acr_values: tuple[str, ...] = ()
    amr_values: tuple[str, ...] = ()
    is_factor_required: bool = False

    @property
    def vouches_for_factor(self) -> bool:
        """Whether it may say that somebody has given a second factor."""
        return bool(self.acr_values or self.amr_values)


def all_providers() -> list[Provider]:
    return [Provider(**values) for values in settings.OIDC_PROVIDERS]


def provider_named(name: str) -> Provider | None:
    return next((provider for provider in all_providers() if provider.name == name), None)


def known_issuers() -> list[str]:
    return [provider.issuer for provider in all_providers()]
