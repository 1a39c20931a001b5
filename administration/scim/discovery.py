"""What SCIM says of itself: its configuration, the types of resources and their schemas; and what it does not offer."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    Context,
    ETag,
    Filter,
    ListResponse,
    Patch,
    ResourceType,
    Schema,
    SCIMException,
    ServiceProviderConfig,
    Sort,
)

from accounts.permissions import Access
from administration.scim.base import ACCESS, ScimView
from administration.scim.resources import all_resource_types, all_schemas
from administration.scim.views import MAX_RESULTS
from administration.services.provisioning import no_such_resource


class NotOfferedError(SCIMException):
    status = 501


class FilterOfDiscoveryError(SCIMException):
    status = 403


class ServiceProviderConfigView(ScimView):
    def get(self, request: Request) -> Response:
        bearer = AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="OAuth 2.0 bearer token",
            description="A token of an application with the scope scim (client credentials).",
            primary=True,
        )
        config = ServiceProviderConfig(
            patch=Patch(supported=True),
            bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
            filter=Filter(supported=True, max_results=MAX_RESULTS),
            change_password=ChangePassword(supported=False),
            sort=Sort(supported=False),
            etag=ETag(supported=False),
            authentication_schemes=[bearer],
        )
        return self.shown(config, Context.RESOURCE_QUERY_RESPONSE)


class _DescriptionsView(ScimView):
    """Descriptions of resources: all of them, or one by its id."""

    model: ClassVar[type[Any]]
    read: Callable[[], list[Any]]

    def get(self, request: Request, key: str | None = None) -> Response:
        found = self.read()
        if "filter" in request.query_params:
            # A client could take all of them for the answer to its filter (RFC 7644, 4).
            raise FilterOfDiscoveryError
        if key is not None:
            one = next((description for description in found if description.id == key), None)
            if one is None:
                raise no_such_resource()
            return self.shown(one, Context.RESOURCE_QUERY_RESPONSE)
        answer: Any = ListResponse[self.model](  # type: ignore[name-defined]
            total_results=len(found), items_per_page=len(found), start_index=1, resources=found
        )
        return Response(answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))


class ResourceTypesView(_DescriptionsView):
    model, read = ResourceType, staticmethod(all_resource_types)


class SchemasView(_DescriptionsView):
    model, read = Schema, staticmethod(all_schemas)


class NotOfferedView(ScimView):
    """Searches by POST, and bulk operations."""

    access: ClassVar[dict[str, Access]] = {"POST": ACCESS}

    def post(self, request: Request) -> Response:
        raise NotOfferedError


class NothingView(ScimView):
    """Any other address below SCIM's: its error is SCIM's too."""

    def get(self, request: Request, path: str) -> Response:
        raise no_such_resource()
