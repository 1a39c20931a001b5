"""Profile pictures."""

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from accounts.actor import Actor
from contacts.imaging import encode_picture
from contacts.models import Contact, ProfilePicture
from contacts.models.picture import picture_name
from contacts.queries import check_visible
from contacts.services.stored_files import discard_file, keep_files, storage_reached, storing
from contacts.snapshots import changeable_contact


def replace_picture(*, actor: Actor, contact_id: int, content: bytes) -> None:
    """Store a picture of the contact in place of an earlier one. Locks the contact.

    Raises NotFound; UnprocessableEntity: PictureInvalid, PictureTooLarge; ServiceUnavailable where the storage does not
    take it, and then the earlier one stays.
    """
    # Before anything is noted of a file for a contact that is not there.
    check_visible(actor=actor, contact_id=contact_id)
    encoded = encode_picture(content)
    picture = ProfilePicture(contact_id=contact_id)
    picture.file = picture_name(picture, f"picture.{encoded.extension}")
    name = str(picture.file.name)
    with storing(name):
        # Before the contact is locked: a storage may take its time.
        with storage_reached():
            default_storage.save(name, ContentFile(encoded.content))
        with transaction.atomic():
            contact = changeable_contact(actor=actor, contact_id=contact_id)
            _discard_picture(contact)
            picture.save(force_insert=True)
            keep_files(name)


@transaction.atomic
def remove_picture(*, actor: Actor, contact_id: int) -> None:
    """Delete the picture of the contact, if it has one. Locks the contact. Raises NotFound."""
    _discard_picture(changeable_contact(actor=actor, contact_id=contact_id))


def _discard_picture(contact: Contact) -> None:
    for picture in ProfilePicture.objects.filter(contact=contact):
        discard_file(str(picture.file.name))
        picture.delete()
