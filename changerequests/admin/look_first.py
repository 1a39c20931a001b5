"""No decision in the first second of a page: nobody has seen it by then.

Forms that decide carry the moment at which their page was made. The browser waits, too (`look_first.js`), and counts
from when the page is shown; this holds without JavaScript.
"""

import time
from typing import Any

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LOOK_SECONDS = 1.0
_SALT = "kontor.look-first"


def shown_now() -> str:
    """Return the moment, signed, for the field `shown_at` of a form on the page that is being made."""
    return signing.dumps(time.time(), salt=_SALT)


class LookFirstForm(forms.Form):
    """A form that is refused in the first second of its page."""

    shown_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if _is_early(cleaned.get("shown_at", "")):
            raise ValidationError(_("That was within a second of opening the page. Look at it, then decide."))
        return cleaned


def _is_early(shown_at: str) -> bool:
    try:
        moment: float = signing.loads(shown_at, salt=_SALT)
    except signing.BadSignature:
        # A page from before a change of the secret key, or a client without pages.
        return False
    return time.time() - moment < LOOK_SECONDS
