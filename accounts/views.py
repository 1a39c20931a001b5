"""The base class of API views."""

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

# When the deprecated operations were superseded (RFC 9745): 2026-01-01T00:00:00Z.
DEPRECATED_SINCE = "@1767225600"


@lru_cache(maxsize=1024)
def _shape(serializer: type[Serializer], language: str) -> Serializer:
    """Return a shared serializer: building its fields takes several times as long as reading a body.

    One per language, because a field formats its limits into its first message and keeps that text.
    """
    return serializer()


class ActorView(APIView):
    """Base of API views: declares each method's access, knows the actor and refuses unknown query parameters.

    `successor` is the path template of the operation that replaces a deprecated one. `prefetches` maps methods to
    functions that return the operation's first query from the path parameters: it runs together with the token lookup,
    which saves a round trip.
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
        """The query that this request runs together with its token lookup."""
        make = self.prefetches.get(self.request.method or "")
        return None if make is None else make(**self.kwargs)

    def prefetched(self) -> Row | None:
        """Return the row that this request's prefetch found, or None if there is none visible to the actor."""
        if isinstance(self.request.auth, PrefetchResult):
            return self.request.auth.row
        return self.prefetches[self.request.method or ""](**self.kwargs).fetch(self.actor)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """`Allow`, for requests with an unsupported method."""
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
        """Return the request's body, validated by `serializer`. Raises a 400 that names every fault by its path."""
        found: dict[str, Any] = _shape(serializer, get_language() or "").run_validation(self.request.data)
        return found

    def query(self, serializer: type[Serializer]) -> dict[str, Any]:
        """Return the query parameters, validated by `serializer`. Raises like `body`, also for duplicate parameters."""
        context = {"from_query": True, "also_known": frozenset({PARAMETER})}
        lists = {name for name, field in serializer().fields.items() if isinstance(field, ListField)}
        given: dict[str, Any] = {}
        for name, values in self.request.query_params.lists():
            if name not in lists and len(values) > 1:
                raise BadRequest(properties={name: [_("The parameter is given twice.")]})
            given[name] = values if name in lists else values[0]
        # A plain dict: in a QueryDict, serializers treat an empty text as missing.
        shape = serializer(data=given, context=context)
        shape.is_valid(raise_exception=True)
        return shape.validated_data
