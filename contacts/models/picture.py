"""Profile pictures, and files that are no longer needed."""

from uuid import uuid4

from django.db import models
from django.utils import timezone

from contacts.models.contact import Contact


def picture_name(picture: "ProfilePicture", filename: str) -> str:
    """A name that nobody can guess and that no other upload will overwrite."""
    return f"pictures/{uuid4().hex}.{filename.rpartition('.')[2]}"


class ProfilePicture(models.Model):
    """The picture of a contact, as Kontor encoded it."""

    contact = models.OneToOneField(Contact, on_delete=models.CASCADE, primary_key=True, related_name="picture")
    file = models.FileField(upload_to=picture_name)

    def __str__(self) -> str:
        return str(self.file.name)


class PendingFileDeletion(models.Model):
    """A stored file that no row names any more or, where `since` is still to come, not yet: deleted from then on."""

    name = models.TextField(unique=True)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        # The name that the table has always had: an older version still runs while a newer one is installed.
        db_table = "contacts_obsoletefile"

    def __str__(self) -> str:
        return self.name
