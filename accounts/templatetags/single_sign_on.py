"""Template tags of single sign-on."""

from typing import Any

from django import template
from django.utils.http import urlencode

from accounts.sso.providers import all_providers

register = template.Library()


@register.inclusion_tag("accounts/provider_buttons.html")
def provider_buttons(onward: str) -> dict[str, Any]:
    """Show a button for each identity provider."""
    return {"providers": all_providers(), "onward": urlencode({"next": onward or ""})}
