"""Profile pictures."""

from hashlib import sha256

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from contacts.imaging import encode_picture
from contacts.models import ProfilePicture
from contacts.models.picture import picture_name
from contacts.queries.contacts import check_visible
from contacts.services.identity import PICTURE, change_identity, locked_identity
from core.stored_files import keep_files, storage_reached, storing


def replace_picture(*, actor: Actor, contact_id: int, content: bytes) -> ChangeRequest | None:
    """Store the contact's picture and discard the previous one; return the request if it waits. Locks the contact.

    A picture that waits is stored, and stays with its request whatever becomes of that, until anonymization discards
    it. Raises NotFound; UnprocessableEntity: PictureInvalid, PictureTooLarge, ContactAnonymized,
    PendingChangeRequestExists; ServiceUnavailable if the storage fails, in which case the previous picture stays.
    """
    # Checked first, so that no file is registered for a contact that does not exist.
    check_visible(actor=actor, contact_id=contact_id)
    encoded = encode_picture(content)
    picture = ProfilePicture(contact_id=contact_id, sha256=sha256(encoded.content).hexdigest())
    picture.file = picture_name(picture, f"picture.{encoded.extension}")
    name = str(picture.file.name)
    with storing(name):
        # Uploaded before the contact is locked, because the storage may be slow.
        with storage_reached():
            default_storage.save(name, ContentFile(encoded.content))
        with transaction.atomic():
            subject = locked_identity(actor=actor, contact_id=contact_id)
            changes = subject.changes(**{PICTURE: picture.as_json()})
            request = change_identity(actor=actor, subject=subject, changes=changes)
            keep_files(name)
    return request


@transaction.atomic
def remove_picture(*, actor: Actor, contact_id: int) -> ChangeRequest | None:
    """Delete the contact's picture, if any; return the request if it waits. Locks the contact.

    Raises like `changeable_contact`; UnprocessableEntity `PendingChangeRequestExists`.
    """
    subject = locked_identity(actor=actor, contact_id=contact_id)
    return change_identity(actor=actor, subject=subject, changes=subject.changes(**{PICTURE: None}))
