"""API operation that finds duplicates."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import STAFF, Access
from accounts.views import ActorView
from audit.access.models import Way
from audit.access.recording import looked
from contacts.views.tags import READ, TAGS
from matching.queries import candidates
from matching.serializers import DuplicatesSearchSerializer, DuplicatesSerializer


class DuplicatesSearchView(ActorView):
    access = {"POST": Access(READ, STAFF)}

    @extend_schema(
        operation_id="searchDuplicates",
        tags=TAGS,
        request=DuplicatesSearchSerializer,
        responses={200: DuplicatesSerializer},
    )
    def post(self, request: Request) -> Response:
        """Find contacts that are possibly the person of some details.

        Compares names (also misspelt or swapped), date of birth, email, phone, tax number, address and nationality with
        those of the contacts that the caller sees; others change no answer. Best first, at most 20.
        The `score` is between 0 and 1, and `reasons` say what agrees.
        """
        body = self.body(DuplicatesSearchSerializer)
        found = candidates(actor=self.actor, details=body["details"], contact_id=body["contactId"])
        looked(self.actor, [candidate.contact.pk for candidate in found], way=Way.LISTED)
        return Response(DuplicatesSerializer({"candidates": found}).data)
