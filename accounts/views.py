"""The base class of API views."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ListField, Serializer
from rest_framework.views import APIView

from accounts.actor import Actor, ActorKind
from accounts.permissions import Access, check_member_permission
from accounts.prefetch import PrefetchResult, Row, ViewPrefetch
from core.errors import BadRequest, Forbidden, LengthRequired, MethodNotAllowed
from core.language import PARAMETER
from core.serializers import StrictSerializer

# When the deprecated operations were superseded (RFC 9745): 2026-01-01T00:00:00Z.
DEPRECATED_SINCE = "@1767225600"


# A HEAD is a GET whose answer has no body.
_READS_AS: Mapping[str | None, str] = {"HEAD": "GET"}
_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_VERSION = re.compile(r"([0-9]{1,10})(-.*)?$")
IF_MATCH_PATTERN = r'^(\*|(W/)?"[^"]*"( *, *(W/)?"[^"]*")*)$'
ETAG_PATTERN = r'^"[^"]+"$'


def _etag(responses: list[str], description: str) -> OpenApiParameter:
    return OpenApiParameter(
        "ETag",
        {"type": "string", "pattern": ETAG_PATTERN},
        OpenApiParameter.HEADER,
        required=True,
        response=responses,
        description=description,
    )


# The headers of operations that change a version, and of those that read one.
IF_MATCH = [
    OpenApiParameter(
        "If-Match",
        {"type": "string", "pattern": IF_MATCH_PATTERN},
        OpenApiParameter.HEADER,
        description="The ETag that was read.",
    ),
    _etag(["200", "204"], "The version after the request."),
    _etag(["412"], "The current version."),
]
IF_NONE_MATCH = [
    OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="A known ETag."),
    _etag(["200", "304"], "The version of the answer."),
    OpenApiParameter(
        "Cache-Control",
        str,
        OpenApiParameter.HEADER,
        required=True,
        response=["200", "304"],
        description="The answer is this caller's, who asks each time whether it is still current.",
    ),
]


@lru_cache(maxsize=1024)
def _shape(serializer: type[Serializer], language: str) -> Serializer:
    """Return a shared serializer: building its fields takes several times as long as reading a body.

    One per language, because a field formats its limits into its first message and keeps that text.
    """
    return serializer()


def check_access(actor: Actor, access: Access) -> None:
    """Raise Forbidden, naming what the actor lacks."""
    if access.scope not in actor.scopes and actor.scopes.isdisjoint(access.other_scopes):
        # RFC 6750, 3.1. The scope that is named suffices.
        headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{access.scope}"'}
        if access.other_scopes:
            names = ", ".join((access.scope, *access.other_scopes))
            raise Forbidden(_("The token lacks one of the scopes %(scopes)s.") % {"scopes": names}, headers=headers)
        raise Forbidden(_("The token lacks the scope %(scope)s.") % {"scope": access.scope}, headers=headers)
    if actor.kind not in access.kinds:
        raise Forbidden(_("This operation is not open to your kind of caller."))
    if access.member_permission and actor.kind is ActorKind.MEMBER:
        check_member_permission(actor, access.member_permission)


class ActorView(APIView):
    """Base of API views: declares each method's access, knows the actor and refuses unknown query parameters.

    `successor` is the path template of the operation that replaces a deprecated one. `prefetches` maps methods to
    functions that return the operation's first query from the path parameters, in their order: it runs together with
    the token lookup, which saves a round trip.
    """

    access: ClassVar[dict[str, Access]] = {}
    query_parameters: ClassVar[frozenset[str]] = frozenset()
    successor: ClassVar[str] = ""
    # Methods that the successor does not replace.
    current_methods: ClassVar[frozenset[str]] = frozenset()
    prefetches: ClassVar[Mapping[str, Callable[..., ViewPrefetch]]] = {}
    http_method_names = ["get", "head", "post", "put", "patch", "delete", "options"]

    actor: Actor
    # The row that the method's prefetch found; None if there is none visible to the actor.
    prefetched: Row | None
    # Headers that say how many calls are left, once the call is counted.
    rate_limit: Mapping[str, str] = {}

    @property
    def prefetch(self) -> ViewPrefetch | None:
        """The query that this request runs together with its token lookup."""
        make = self.prefetches.get(_READS_AS.get(self.request.method, self.request.method or ""))
        return None if make is None else make(*self.kwargs.values())

    @property
    def default_response_headers(self) -> dict[str, str]:
        """`Allow`, for OPTIONS and requests with an unsupported method."""
        if _READS_AS.get(self.request.method, self.request.method or "") in self.access:
            return {}
        return {"Allow": ", ".join(self.allowed_methods)}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request. Responses of deprecated operations say so and link to the successor (RFC 9745)."""
        response = super().dispatch(request, *args, **kwargs)
        for name, value in self.rate_limit.items():
            response[name] = value
        if self.successor and request.method not in self.current_methods:
            response["Deprecation"] = DEPRECATED_SINCE
            response["Link"] = f'<{self.successor.format(**self.kwargs)}>; rel="successor-version"'
        return response

    def check_permissions(self, request: Request) -> None:
        """Enforce the method's `access`: a method without an entry does not exist.

        Raises MethodNotAllowed; Forbidden, naming what is missing.
        """
        access = self.access.get(_READS_AS.get(request.method, request.method or ""))
        if access is None:
            raise MethodNotAllowed(_("The method is not allowed here."))
        check_access(self.actor, access)

    def perform_authentication(self, request: Request) -> None:
        self.actor = request.user  # type: ignore[assignment]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "OPTIONS":
            return
        super().initial(request, *args, **kwargs)
        if "HTTP_TRANSFER_ENCODING" in request.META:
            raise LengthRequired
        if isinstance(request.auth, PrefetchResult):
            self.prefetched = request.auth.row
        elif prefetch := self.prefetch:
            self.prefetched = prefetch.fetch(self.actor)
        unknown = request.query_params.keys() - self.query_parameters - {PARAMETER}
        if unknown:
            raise BadRequest(properties={name: [_("There is no such parameter.")] for name in sorted(unknown)})

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Name the methods in `Allow`. Needs no token: the OpenAPI document names them too."""
        return Response(status=status.HTTP_204_NO_CONTENT)

    def criteria(self, serializer: type[Serializer]) -> dict[str, Any]:
        """Return the criteria of a GET, from its body or from its query parameters. Raises BadRequest for both."""
        if self.request.stream is None:
            return self.query(serializer)
        if self.request.query_params.keys() - {PARAMETER}:
            raise BadRequest(_("Give the criteria in the body or as query parameters, not in both."))
        return self.body(serializer)

    def body(self, serializer: type[Serializer]) -> dict[str, Any]:
        """Return the request's body, validated by `serializer`. Raises a 400 that names every fault by its path."""
        found: dict[str, Any] = _shape(serializer, get_language() or "").run_validation(self.request.data)
        return found

    def check_no_body(self) -> None:
        """Raise BadRequest for the properties of a body, of which this operation has none."""
        self.body(StrictSerializer)

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

    def knows(self, etag: str) -> bool:
        """Return whether If-None-Match contains the ETag."""
        header = self.request.headers.get("If-None-Match", "")
        return header.strip() == "*" or etag.strip('"') in _ETAG.findall(header)

    def if_match(self) -> frozenset[int] | None:
        """Return the versions that If-Match names, None for any.

        Only versions count: what is pending has not changed the details yet. Raises BadRequest if If-Match is not a
        list of entity tags.
        """
        header = self.request.headers.get("If-Match", "*").strip()
        if re.fullmatch(IF_MATCH_PATTERN, header) is None:
            raise BadRequest(_("If-Match is not an entity tag."))
        if header == "*":
            return None
        return frozenset(int(tag[1]) for tag in map(_VERSION.match, _ETAG.findall(header)) if tag)
