"""Files that may be attached to a request: their type by their bytes, and their names."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from django.utils.translation import gettext as _

from core.errors import UnprocessableEntity
from core.text import one_line

MAX_BYTES = 10 * 1024 * 1024
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class FileType:
    media_type: str
    extension: str


PDF = FileType("application/pdf", "pdf")
JPEG = FileType("image/jpeg", "jpg")
PNG = FileType("image/png", "png")
WEBP = FileType("image/webp", "webp")


def file_type(content: bytes) -> FileType:
    """Return the type of a file by its first bytes, whatever its name says.

    Raises UnprocessableEntity: `AttachmentTooLarge` above 10 MiB, `AttachmentInvalid` for any other type.
    """
    if len(content) > MAX_BYTES:
        message = _("The file is larger than %(limit)s bytes.") % {"limit": MAX_BYTES}
        raise UnprocessableEntity(message, sub_code="AttachmentTooLarge")
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return WEBP
    raise UnprocessableEntity(_("This is not a PDF, JPEG, PNG or WebP file."), sub_code="AttachmentInvalid")


def shown_name(name: str, kind: FileType) -> str:
    """Return the uploader's name for display: one visible line, cut at the start so that the extension remains."""
    plain = one_line(PurePosixPath(name.replace("\\", "/")).name)[-MAX_NAME:].strip()
    return plain or f"attachment.{kind.extension}"
