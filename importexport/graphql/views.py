"""GraphQL over HTTP."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, Access
from accounts.views import ActorView
from importexport.graphql.execution import execute_query
from importexport.graphql.roots import CONTACTS, LEGAL_ENTITIES
from importexport.graphql.serializers import GraphQLResponseSerializer, GraphQLSerializer

SCOPES = (CONTACTS.access.scope, LEGAL_ENTITIES.access.scope)


class GraphQLView(ActorView):
    # Each root field then checks its own scope.
    access = {"POST": Access(SCOPES[0], ANYONE, other_scopes=SCOPES[1:])}

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
