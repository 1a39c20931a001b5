"""Checks of the settings of single sign-on."""

from typing import Any

from django.conf import settings
from django.core.checks import Error

from accounts.sso.providers import all_providers


def check_providers(**_options: Any) -> list[Error]:
    """Return what is wrong with the providers that the settings name."""
    providers = all_providers()
    found = [
        Error(f"The provider {provider.name} needs an issuer with https.", id="kontor.E001")
        for provider in providers
        if not (provider.issuer.startswith("https://") or settings.EMBEDDED)
    ]
    found += [
        Error(f"The provider {provider.name} needs a client secret or a private key.", id="kontor.E002")
        for provider in providers
        if bool(provider.client_secret) is bool(provider.private_key)
    ]
    found += [
        Error(f"The provider {provider.name} requires a factor, but no acr or amr says which.", id="kontor.E003")
        for provider in providers
        if provider.is_factor_required and not provider.vouches_for_factor
    ]
    for what in ("name", "issuer"):
        if len({getattr(provider, what) for provider in providers}) < len(providers):
            found.append(Error(f"Two providers have the same {what}.", id="kontor.E004"))
    return found
