"""Profile pictures."""

from uuid import uuid4

from django.db import models

from contacts.models.contact import Contact

DIRECTORY = "pictures/"


def picture_name(picture: "ProfilePicture", filename: str) -> str:
    """Return a name that nobody can guess and no other upload can overwrite."""
    return f"{DIRECTORY}{uuid4().hex}.{filename.rpartition('.')[2]}"


class ProfilePicture(models.Model):
    """A contact's picture, re-encoded by Kontor."""

    contact = models.OneToOneField(Contact, on_delete=models.CASCADE, primary_key=True, related_name="picture")
    file = models.FileField(upload_to=picture_name)
    # Of the file; empty for pictures from before version 0.4.
    sha256 = models.CharField(max_length=64, default="", db_default="", blank=True)

    def __str__(self) -> str:
        return str(self.file.name)

    def as_json(self) -> dict[str, str]:
        """Return the picture as a value in the ledger and in change requests."""
        return {"file": str(self.file.name), "sha256": self.sha256}
