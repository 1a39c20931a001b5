"""Localized texts of schemas and lists: the language asked, else English, else any, else the fallback."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import get_language


def text_in(texts: Mapping[str, str], language: str | None = None, *, fallback: str = "") -> str:
    """The text in `language`, the active one unless said."""
    asked = language or get_language() or settings.LANGUAGE_CODE
    return texts.get(asked) or texts.get(settings.LANGUAGE_CODE) or next(iter(texts.values()), "") or fallback
