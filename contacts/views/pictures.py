"""API view for profile pictures."""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, Access
from accounts.views import ActorView
from audit.access.recording import looked
from changerequests.serializers import WaitingSerializer, waiting
from contacts.imaging import default_picture, initials
from contacts.permissions import MAY_CHANGE_DETAILS
from contacts.queries.contacts import check_visible, visible_contact_with_picture
from contacts.serializers import contacts as shapes
from contacts.services.pictures import remove_picture, replace_picture
from contacts.views.tags import READ, TAGS, WRITE
from core.errors import BadRequest, UnprocessableEntity
from core.stored_files import storage_reached

DATA_URI = re.compile(shapes.DATA_URI)
WHITE_SPACE = str.maketrans("", "", " \t\r\n")


class ProfilePictureView(ActorView):
    access = {
        "GET": Access(READ, ANYONE),
        "PUT": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS),
        "DELETE": Access(WRITE, ANYONE, member_permission=MAY_CHANGE_DETAILS),
    }

    @extend_schema(operation_id="getProfilePicture", tags=TAGS, responses={200: shapes.PictureSerializer})
    def get(self, request: Request, contactId: int) -> Response:
        """Retrieve the picture of a contact.

        A contact without a picture has a default one: its initials on a colour derived from its uid.
        """
        contact = visible_contact_with_picture(actor=self.actor, contact_id=contactId)
        looked(self.actor, [contact.pk])
        picture = getattr(contact, "picture", None)
        if picture is None:
            content = default_picture(initials(contact.name), str(contact.uid))
        else:
            with storage_reached(), picture.file.open("rb") as file:
                content = file.read()
        return Response({"imageContentBase64": b64encode(content).decode(), "isDefaultImage": picture is None})

    @extend_schema(
        operation_id="putProfilePicture",
        tags=TAGS,
        request=shapes.ReplacePictureSerializer,
        responses={204: None, 202: WaitingSerializer},
    )
    def put(self, request: Request, contactId: int) -> Response:
        """Replace the picture of a contact.

        Accepts JPEG, PNG or WebP of at most 5 MiB and 40 megapixels; the content determines the format. The picture is
        stored upright, within 512 by 512 pixels and without metadata. Without a picture nothing changes: DELETE deletes
        one. Where the policies say so, a member's change waits: 202.

        `subCode`: ValidationFailed, PictureInvalid, PictureTooLarge, ContactAnonymized, PendingChangeRequestExists.
        """
        encoded = self.body(shapes.ReplacePictureSerializer)["imageContentBase64"]
        if encoded is None:
            check_visible(actor=self.actor, contact_id=contactId)
            raise UnprocessableEntity(
                sub_code="ValidationFailed", properties={"imageContentBase64": [_("A picture is required.")]}
            )
        asked = replace_picture(actor=self.actor, contact_id=contactId, content=_decoded(encoded))
        return waiting(asked) if asked else Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="deleteProfilePicture", tags=TAGS, responses={204: None, 202: WaitingSerializer})
    def delete(self, request: Request, contactId: int) -> Response:
        """Delete the picture of a contact.

        The contact gets its default picture back; deleting that changes nothing. Where the policies say so, a member's
        change waits: 202.
        """
        self.check_no_body()
        asked = remove_picture(actor=self.actor, contact_id=contactId)
        return waiting(asked) if asked else Response(status=status.HTTP_204_NO_CONTENT)


def _decoded(text: str) -> bytes:
    """Decode base64 text, with or without the head of a data URI. Raises BadRequest."""
    head = DATA_URI.match(text)
    try:
        return b64decode(text[head.end() if head else 0 :].translate(WHITE_SPACE), validate=True)
    except (NotBase64, ValueError):
        raise BadRequest(properties={"imageContentBase64": [_("This is not base64.")]}) from None
