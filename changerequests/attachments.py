"""Files that may be attached to a request: their type by their bytes, and their names."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from core.errors import UnprocessableEntity
from core.file_types import file_type_name
from core.text import one_line

MAX_BYTES = 10 * 1024 * 1024
# Room for the form around the file.
MAX_FORM_BYTES = MAX_BYTES + 1024 * 1024
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
        raise too_large()
    found = file_type_name(content)
    if found in TYPES:
        return TYPES[found]
    raise UnprocessableEntity(_why_not(content, found), sub_code="AttachmentInvalid")


def too_large() -> UnprocessableEntity:
    text = _("The file is larger than %(limit)s. Scan it at a lower resolution, or attach it in parts.")
    return UnprocessableEntity(text % {"limit": filesizeformat(MAX_BYTES)}, sub_code="AttachmentTooLarge")


def _why_not(content: bytes, found: str | None) -> str:
    """Return what was found and what to do."""
    if not content:
        return _("The file is empty. Choose another one.")
    if found is None:
        return _("This is not a PDF, JPEG, PNG or WebP file. Save it as one of these, and attach that.")
    return _("%(format)s is not supported; send PDF, JPEG, PNG or WebP.") % {"format": found}


def shown_name(name: str, kind: FileType) -> str:
    """Return the uploader's name for display: one visible line, cut at the start so that the extension remains."""
    plain = one_line(PurePosixPath(name.replace("\\", "/")).name)[-MAX_NAME:].strip()
    return plain or f"attachment.{kind.extension}"
