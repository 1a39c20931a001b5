"""The form field for who or what something is at identity providers."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.sso.providers import known_issuers

# The part of a form with the identities.
LINKED: Any = (_("Single sign-on"), {"fields": ("identities",)})


class ProviderPairsField(forms.CharField):
    """One line for each: the issuer, a space, and `name`, which may have spaces. The value is as in documents."""

    def __init__(self, *, name: str, hint: Any, **kwargs: Any) -> None:
        self._name = name
        help_text = lazy(lambda: f"{hint} {_issuers_text()}", str)()
        super().__init__(
            required=False, help_text=help_text, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **kwargs
        )

    def prepare_value(self, value: Any) -> str:
        return value if isinstance(value, str) else as_lines(value or (), self._name)

    def to_python(self, value: Any) -> Any:
        pairs = []
        for line in (super().to_python(value) or "").splitlines():
            issuer, _space, text = line.strip().partition(" ")
            if issuer and not text.strip():
                raise forms.ValidationError(gettext("“%(line)s” needs an issuer, a space and a name.") % {"line": line})
            if issuer:
                pairs.append({"issuer": issuer, self._name: text.strip()})
        return pairs


def identities_field() -> ProviderPairsField:
    """Return the field for who a person is at identity providers."""
    return ProviderPairsField(
        name="subject",
        label=_("Linked at identity providers"),
        hint=_(
            "Who the person is there, and so comes in without a password. "
            "One per line: the issuer, a space, and the subject (“sub”)."
        ),
    )


def as_lines(pairs: Iterable[Any], name: str) -> str:
    """Return pairs as the field shows them."""
    return "\n".join(f"{pair['issuer']} {pair[name]}" for pair in pairs)


def _issuers_text() -> str:
    issuers = known_issuers()
    if not issuers:
        return gettext("No identity provider is set up.")
    return gettext("Issuers: %(issuers)s") % {"issuers": ", ".join(issuers)}
