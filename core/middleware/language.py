"""Activation of the request language."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from core.language import PARAMETER, supported


class LanguageMiddleware:
    """Activate the request's language and report it in Content-Language."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        requested = request.GET.get(PARAMETER)
        language = (requested and supported(requested)) or translation.get_language_from_request(request)
        if language == translation.get_language():  # the common case, and cheaper than activating it again
            response = self.get_response(request)
        else:
            with translation.override(language):
                response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language",))
        return response
