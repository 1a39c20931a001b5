"""Profile pictures."""

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from accounts.actor import Actor
from contacts.imaging import encode_picture
from contacts.models import Contact, ProfilePicture
from contacts.models.picture import picture_name
from contacts.queries.contacts import check_visible
from contacts.snapshots import changeable_contact
from core.stored_files import discard_file, keep_files, storage_reached, storing


def replace_picture(*, actor: Actor, contact_id: int, content: bytes) -> None:
    """Store the contact's picture and discard the previous one. Locks the contact.

    Raises NotFound; UnprocessableEntity: PictureInvalid, PictureTooLarge, ContactAnonymized; ServiceUnavailable if the
    storage fails, in which case the previous picture stays.
    """
    # Checked first, so that no file is registered for a contact that does not exist.
    check_visible(actor=actor, contact_id=contact_id)
    encoded = encode_picture(content)
    picture = ProfilePicture(contact_id=contact_id)
    picture.file = picture_name(picture, f"picture.{encoded.extension}")
    name = str(picture.file.name)
    with storing(name):
        # Uploaded before the contact is locked, because the storage may be slow.
        with storage_reached():
            default_storage.save(name, ContentFile(encoded.content))
        with transaction.atomic():
            contact = changeable_contact(actor=actor, contact_id=contact_id)
            _discard_picture(contact)
            picture.save(force_insert=True)
            keep_files(name)


@transaction.atomic
def remove_picture(*, actor: Actor, contact_id: int) -> None:
    """Delete the contact's picture, if any. Locks the contact. Raises like `changeable_contact`."""
    _discard_picture(changeable_contact(actor=actor, contact_id=contact_id))


def _discard_picture(contact: Contact) -> None:
    for picture in ProfilePicture.objects.filter(contact=contact):
        discard_file(str(picture.file.name))
        picture.delete()
