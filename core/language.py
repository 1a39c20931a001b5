"""Request language: `?language=`, else Accept-Language, else the default. Unsupported values are ignored."""

from collections.abc import Mapping

from django.conf import settings
from django.utils import translation

PARAMETER = "language"


def supported(code: str) -> str | None:
    """Return the supported language for `code` (`de` for `de-CH`), or None."""
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        return None


def localized(texts: Mapping[str, str], fallback: str = "") -> str:
    """Return the text in the active language, else in the default language, else any text, else `fallback`."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return texts.get(language) or texts.get(settings.LANGUAGE_CODE) or next(iter(texts.values()), "") or fallback
