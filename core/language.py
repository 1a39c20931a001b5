"""The language of a request: `?language=` over Accept-Language over the default; unknown ones fall back."""

from collections.abc import Mapping

from django.conf import settings
from django.utils import translation

PARAMETER = "language"


def supported(code: str) -> str | None:
    """The supported language that serves `code` (`de-CH` is served by `de`), or None."""
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        return None


def localized(texts: Mapping[str, str], fallback: str = "") -> str:
    """The text in the active language, else in the default one, else in any, else `fallback`."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return texts.get(language) or texts.get(settings.LANGUAGE_CODE) or next(iter(texts.values()), "") or fallback
