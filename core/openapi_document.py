"""The OpenAPI document as it is served: made once in a process, compressed, with an ETag."""

from functools import cache
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import condition
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer


@cache
def _document() -> bytes:
    # The first caller's language must make no difference.
    with translation.override("en"):
        return OpenApiJsonRenderer().render(SchemaGenerator().get_schema(request=None, public=True))


@cache
def _hash() -> str:
    return f'"{sha256(_document()).hexdigest()[:32]}"'


def _etag(_request: HttpRequest) -> str:
    return _hash()


@method_decorator([gzip_page, condition(etag_func=_etag)], name="get")
class OpenApiView(View):
    """Serves the document to everybody. Clients ask with If-None-Match whether theirs is still current."""

    def get(self, request: HttpRequest) -> HttpResponse:
        headers = {"Cache-Control": "public, no-cache"}
        return HttpResponse(_document(), content_type=OpenApiJsonRenderer.media_type, headers=headers)
