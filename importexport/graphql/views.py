"""GraphQL over HTTP."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from accounts.permissions import ANYONE, Access
from accounts.views import ActorView
from core.errors import Forbidden
from importexport.graphql.execution import execute_query
from importexport.graphql.roots import CONTACTS, LEGAL_ENTITIES
from importexport.graphql.serializers import GraphQLResponseSerializer, GraphQLSerializer

SCOPES = (CONTACTS.access.scope, LEGAL_ENTITIES.access.scope)


@dataclass(frozen=True)
class AccessByAnyScope(Access):
    """Requires the scope or one of `others`; each root field then checks its own scope."""

    others: tuple[str, ...] = ()

    def check(self, actor: Actor) -> None:
        """Raise Forbidden if the token has none of the scopes or the kind of actor is not allowed."""
        known = (self.scope, *self.others)
        if actor.scopes.isdisjoint(known):
            raise Forbidden(_("The token lacks one of the scopes %(scopes)s.") % {"scopes": ", ".join(known)})
        if actor.kind not in self.kinds:
            raise Forbidden(_("This operation is not open to your kind of caller."))


class GraphQLView(ActorView):
    access = {"POST": AccessByAnyScope(SCOPES[0], ANYONE, others=SCOPES[1:])}

    @extend_schema(
        operation_id="graphql",
        tags=["GraphQL"],
        request=GraphQLSerializer,
        responses={200: GraphQLResponseSerializer},
    )
    def post(self, request: Request) -> Response:
        """Query contacts and legal entities.

        `contacts` requires the scope `contacts.read`, `legalentities` requires `legal-entities.read`; both return what
        the caller can see. Types, filters and sort fields follow the published schemas and can be queried by
        introspection. A page has 20 rows by default and 200 at most.

        Errors in the query are returned in `errors` in the GraphQL format with status 200: `extensions.code` is
        `BadRequest`, `Forbidden`, `UnprocessableEntity` or `General`. Other statuses mean that the request is not a
        valid GraphQL request.
        """
        body = self.body(GraphQLSerializer)
        return Response(
            execute_query(
                query=body["query"],
                variables=body["variables"],
                operation_name=body["operationName"],
                actor=self.actor,
            )
        )
