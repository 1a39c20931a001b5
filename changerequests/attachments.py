"""Files that may be attached to a request: their type by their bytes, and their names."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from core.errors import UnprocessableEntity
from core.file_types import file_type_name
from core.text import one_line

MAX_BYTES = 10 * 1024 * 1024
MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class FileType:
    media_type: str
    extension: str


TYPES = {
    "PDF": FileType("application/pdf", "pdf"),
    "JPEG": FileType("image/jpeg", "jpg"),
    "PNG": FileType("image/png", "png"),
    "WebP": FileType("image/webp", "webp"),
}


def file_type(content: bytes) -> FileType:
    """Return the type of a file by its first bytes, whatever its name says.

    Raises UnprocessableEntity: `AttachmentTooLarge` above 10 MiB, `AttachmentInvalid` for any other type.
    """
    if len(content) > MAX_BYTES:
        message = _("The file is larger than %(limit)s.") % {"limit": filesizeformat(MAX_BYTES)}
        raise UnprocessableEntity(message, sub_code="AttachmentTooLarge")
    found = file_type_name(content)
    if found in TYPES:
        return TYPES[found]
    message = _("This is not a PDF, JPEG, PNG or WebP file.")
    if found is not None:
        message = _("%(format)s is not supported; send PDF, JPEG, PNG or WebP.") % {"format": found}
    raise UnprocessableEntity(message, sub_code="AttachmentInvalid")


def shown_name(name: str, kind: FileType) -> str:
    """Return the uploader's name for display: one visible line, cut at the start so that the extension remains."""
    plain = one_line(PurePosixPath(name.replace("\\", "/")).name)[-MAX_NAME:].strip()
    return plain or f"attachment.{kind.extension}"
