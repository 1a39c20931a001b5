"""The base of every API view, and the OAuth2 endpoints."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ListField, Serializer
from rest_framework.views import APIView

from accounts.actor import Actor
from accounts.permissions import Access
from accounts.prefetch import PrefetchResult, Row, ViewPrefetch
from core.errors import BadRequest
from core.language import PARAMETER

# When the older siblings of today's operations were superseded (RFC 9745): 2026-01-01T00:00:00Z.
DEPRECATED_SINCE = "@1767225600"


@lru_cache(maxsize=1024)
def _shape(serializer: type[Serializer], language: str) -> Serializer:
    """One for all requests: making its fields takes several times as long as reading a body with them. But one for each
    language: in its first message a field puts the limits into the text, and keeps that."""
    return serializer()


class ActorView(APIView):
    """An API view: declares the access of each method, knows the actor and refuses query parameters it does not have.

    `successor` is the path template of the operation that replaces a deprecated one. `prefetches` has, by method, the
    query that an operation runs before all else, called with the parameters of the path: it runs together with the
    lookup of the token, which saves a round trip.
    """

    access: ClassVar[dict[str, Access]] = {}
    query_parameters: ClassVar[frozenset[str]] = frozenset()
    successor: ClassVar[str] = ""
    prefetches: ClassVar[Mapping[str, Callable[..., ViewPrefetch]]] = {}
    http_method_names = ["get", "post", "put", "patch", "delete"]

    @property
    def actor(self) -> Actor:
        return self.request.user  # type: ignore[return-value]

    @property
    def prefetch(self) -> ViewPrefetch | None:
        """What this request reads together with its token."""
        make = self.prefetches.get(self.request.method or "")
        return None if make is None else make(**self.kwargs)

    def prefetched(self) -> Row | None:
        """The row that this request's prefetch found, or None when there is none that the actor sees."""
        if isinstance(self.request.auth, PrefetchResult):
            return self.request.auth.row
        return self.prefetches[self.request.method or ""](**self.kwargs).fetch(self.actor)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """`Allow`, for a request with a method that there is not."""
        if self.request.method in self.access:
            return {}
        return {"Allow": ", ".join(self.allowed_methods)}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        unknown = request.query_params.keys() - self.query_parameters - {PARAMETER}
        if unknown:
            raise BadRequest(properties={name: [_("There is no such parameter.")] for name in sorted(unknown)})

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        if self.successor:
            response["Deprecation"] = DEPRECATED_SINCE
            response["Link"] = f'<{self.successor.format(**self.kwargs)}>; rel="successor-version"'
        return response

    def body(self, serializer: type[Serializer]) -> dict[str, Any]:
        """The request's body in the shape of `serializer`. Raises a 400 naming every fault by its place."""
        found: dict[str, Any] = _shape(serializer, get_language() or "").run_validation(self.request.data)
        return found

    def query(self, serializer: type[Serializer]) -> dict[str, Any]:
        """The query parameters in the shape of `serializer`; raises like `body`, also for one that is given twice."""
        context = {"from_query": True, "also_known": frozenset({PARAMETER})}
        lists = {name for name, field in serializer().fields.items() if isinstance(field, ListField)}
        given: dict[str, Any] = {}
        for name, values in self.request.query_params.lists():
            if name not in lists and len(values) > 1:
                raise BadRequest(properties={name: [_("The parameter is given twice.")]})
            given[name] = values if name in lists else values[0]
        # Plain, not Django's QueryDict: of that, serializers take an empty text for none at all.
        shape = serializer(data=given, context=context)
        shape.is_valid(raise_exception=True)
        return shape.validated_data
