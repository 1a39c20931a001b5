"""API operation that finds contacts by what somebody types."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, Access
from accounts.views import ActorView
from audit.access.models import Way
from audit.access.recording import looked
from contacts.queries.searching import FoundContact, found_page
from contacts.serializers.searching import ContactSearchSerializer, FoundContactSerializer, FoundContactsSerializer
from contacts.views.tags import READ, TAGS
from core.paging import page_of


class ContactSearchView(ActorView):
    access = {"POST": Access(READ, ANYONE)}

    @extend_schema(
        operation_id="searchContacts",
        tags=TAGS,
        request=ContactSearchSerializer,
        responses={200: FoundContactsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Find contacts by what is known of them.

        Among the contacts that the caller sees: by any part of a name, in any order, also with typing errors; by a
        phone number or its last digits, an email, a day (`1.2.1980`, `1980-02-01`), and by whatever the schema marks
        as searchable; by username, external id, id and uId; by the number of an account or another entity that is
        linked to a contact group. Case, accents and the `e` of umlauts make no difference.

        Every word must be found. Best first; `matched` says where. Of very many, about the best 1,000 are returned.
        """
        body = self.body(ContactSearchSerializer)
        return Response(
            page_of(
                body,
                lambda start, stop: self._found(body["query"], start, stop),
                render=FoundContactSerializer().to_representation,
            )
        )

    def _found(self, text: str, start: int, stop: int) -> tuple[list[FoundContact], int]:
        found, total = found_page(actor=self.actor, text=text, start=start, stop=stop)
        looked(self.actor, [contact.id for contact in found], way=Way.LISTED)
        return found, total
