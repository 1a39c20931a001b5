"""Localized texts of schemas and lists."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import get_language


def text_in(texts: Mapping[str, str], language: str | None = None, *, fallback: str = "") -> str:
    """Return the text in `language` (default: active), else in the default language, else any, else `fallback`."""
    asked = language or get_language() or settings.LANGUAGE_CODE
    return texts.get(asked) or texts.get(settings.LANGUAGE_CODE) or next(iter(texts.values()), "") or fallback
