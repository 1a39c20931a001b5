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
    """Asks for the scope or one of `others`; which of them opens what is checked where it is read."""

    others: tuple[str, ...] = ()

    def check(self, actor: Actor) -> None:
        """Raises Forbidden when the token has none of the scopes."""
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

        `contacts` asks for the scope `contacts.read`, `legalentities` for `legal-entities.read`; both find what the
        caller sees. Types, filters and orders follow from the schemas as they are published; ask for them by
        introspection. At most 200 rows at a time, 20 unless said.

        What is wrong with the query is told in `errors`, in GraphQL's shape, with status 200: `extensions.code` is
        `BadRequest`, `Forbidden`, `UnprocessableEntity` or `General`. Other statuses are for what is no GraphQL
        request at all.
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
