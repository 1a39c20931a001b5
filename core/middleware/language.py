"""The language of each request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from core.language import PARAMETER, supported


class LanguageMiddleware:
    """Activates the language of the request and names it in Content-Language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        requested = request.GET.get(PARAMETER)
        language = (requested and supported(requested)) or translation.get_language_from_request(request)
        if language == translation.get_language():  # most are, and to activate it again takes longer than to look
            response = self.get_response(request)
        else:
            with translation.override(language):
                response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response
