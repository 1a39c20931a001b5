"""API views for the verification of a new email address or mobile number."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, Access
from accounts.views import ActorView
from contacts.models import ChannelKind
from contacts.permissions import MAY_CHANGE_DETAILS
from contacts.serializers import contacts as shapes
from contacts.services.channels import discontinue_verification, resend_key
from contacts.services.verification import verify_channel
from contacts.views.tags import TAGS, WRITE
from core.serializers import ApiErrorSerializer


class VerifyView(ActorView):
    access = {"POST": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS)}

    @extend_schema(
        operation_id="verifyChannel", tags=TAGS, request=shapes.VerifyChannelSerializer, responses={204: None}
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Verify a pending email address or mobile number.

        Takes the key that was sent to the address, which then takes effect. A key is valid for 15 minutes. Five wrong
        attempts lock the channel for an hour, or until another address is submitted. Spaces and hyphens in the key, and
        digits of other scripts, make no difference, and what is not six digits costs no attempt.

        A client who has a login enters the key itself, or an application does: members get a 403.

        `subCode`: KeyOfClient (403); NothingPending, KeyNoMatch, KeyExpired, AddressRefused, UsernameNotUnique,
        ValidationFailed, ContactAnonymized (422).
        """
        body = self.body(shapes.VerifyChannelSerializer)
        verify_channel(actor=self.actor, contact_id=contactId, kind=ChannelKind(body["channel"]), key=body["key"] or "")
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResendView(ActorView):
    access = {"POST": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS)}

    @extend_schema(
        operation_id="resendKey",
        tags=TAGS,
        request=shapes.ChannelSerializer,
        responses={204: None, 429: OpenApiResponse(ApiErrorSerializer, description="Try again after Retry-After.")},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Send a new key to a pending email address or mobile number.

        The previous key becomes invalid. The limits are one key a minute and ten an hour; with 429, `Retry-After`
        states when the next key may be sent.

        `subCode`: NothingPending, ContactAnonymized.
        """
        body = self.body(shapes.ChannelSerializer)
        resend_key(actor=self.actor, contact_id=contactId, kind=ChannelKind(body["channel"]))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DiscontinueView(ActorView):
    access = {"POST": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS)}

    @extend_schema(
        operation_id="discontinueVerification", tags=TAGS, request=shapes.ChannelSerializer, responses={204: None}
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Discard a pending email address or mobile number.

        Removes the address and invalidates the key that was sent to it.

        `subCode`: NothingPending, ContactAnonymized.
        """
        body = self.body(shapes.ChannelSerializer)
        discontinue_verification(actor=self.actor, contact_id=contactId, kind=ChannelKind(body["channel"]))
        return Response(status=status.HTTP_204_NO_CONTENT)
