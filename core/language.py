"""The language of a request: `?language=` over Accept-Language over the default; unknown ones fall back."""

from collections.abc import Callable, Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

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


class LanguageMiddleware:
    """Activates the language of the request and names it in Content-Language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET.get(PARAMETER)
        language = (asked and supported(asked)) or translation.get_language_from_request(request)
        if language == translation.get_language():  # most are, and to activate it again takes longer than to look
            response = self.get_response(request)
        else:
            with translation.override(language):
                response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response
