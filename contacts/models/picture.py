"""Profile pictures."""

from uuid import uuid4

from django.db import models

from contacts.models.contact import Contact


def picture_name(picture: "ProfilePicture", filename: str) -> str:
    """Return a name that nobody can guess and no other upload can overwrite."""
    return f"pictures/{uuid4().hex}.{filename.rpartition('.')[2]}"


class ProfilePicture(models.Model):
    """A contact's picture, re-encoded by Kontor."""

    contact = models.OneToOneField(Contact, on_delete=models.CASCADE, primary_key=True, related_name="picture")
    file = models.FileField(upload_to=picture_name)

    def __str__(self) -> str:
        return str(self.file.name)
