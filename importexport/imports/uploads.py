"""Uploads: all files are fully checked before any is stored."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import PurePath
from typing import IO, Any, Protocol
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import ApiError, BadRequest, ServiceUnavailable, UnprocessableEntity
from core.stored_files import keep_files, storing
from core.text import normalized
from importexport.imports.copying import copy_into
from importexport.imports.owners import owner_columns
from importexport.imports.parsing import check_json
from importexport.imports.reading import EntryFile, NotAnImportFileError, StorageUnavailableError, place, said_by
from importexport.models import ImportFile, ImportKey, ImportKind

KEY_BYTES = 16
_NO_KEY = bytes(KEY_BYTES)
_UNUSUAL = re.compile(r"[^\w.-]+")
MAX_NAME = 100


class Upload(Protocol):
    """The part of Django's UploadedFile that is used here; the commands pass plain files."""

    name: str | None
    size: int | None

    def read(self, size: int = ..., /) -> bytes: ...
    def seek(self, position: int, /) -> object: ...


@dataclass(frozen=True)
class _Checked:
    upload: Any
    name: str
    size: int
    sha256: str
    entries: int
    is_lines: bool
    keys: bytes


def key_of(external_id: str) -> bytes:
    """Return the hash of an external id, by which imports compare it."""
    return blake2b(normalized(external_id).encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


def store_uploads(*, actor: Actor, kind: ImportKind, uploads: Sequence[Any]) -> list[ImportFile]:
    """Check the files and store all of them or none.

    Raise BadRequest if one is not JSON in UTF-8, or UnprocessableEntity `ImportFileInvalid` if one has the wrong outer
    structure or is too large; both report files and places. Raise ServiceUnavailable if the storage fails.
    """
    checked: list[_Checked] = []
    faults: dict[str, list[str]] = {}
    is_malformed = False
    for upload in uploads:
        name = _plain_name(upload.name)
        try:
            checked.append(_check(upload, name))
        except NotAnImportFileError as error:
            faults.setdefault(name, []).append(str(error))
            is_malformed = is_malformed or error.is_malformed
        except StorageUnavailableError as error:
            raise ServiceUnavailable(str(error)) from error
    if faults:
        raise _refusal(faults, is_malformed=is_malformed)
    # Files are often named after people, so the names in the storage are not.
    names = [f"imports/{uuid4().hex}" for _ in checked]
    with storing(*names):
        for file, name in zip(checked, names, strict=True):
            _store(file, name)
        return _record(actor, kind, checked, names)


def _refusal(faults: dict[str, list[str]], *, is_malformed: bool) -> ApiError:
    name, messages = next(iter(faults.items()))
    text = _("Nothing was stored. %(file)s: %(fault)s") % {"file": name, "fault": messages[0]}
    if is_malformed:
        return BadRequest(text, properties=faults)
    return UnprocessableEntity(text, sub_code="ImportFileInvalid", properties=faults)


def _plain_name(name: str | None) -> str:
    """Return a safe form of a file name, cut at the start so that the extension remains."""
    plain = _UNUSUAL.sub("_", PurePath(name or "").name).lstrip(".")
    return plain[-MAX_NAME:] or "import.json"


class _Hashing:
    """Reads a file and computes its hash and size."""

    def __init__(self, file: Upload) -> None:
        self._file = file
        self.hash = sha256()
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self.hash.update(content)
        self.size += len(content)
        return content


def _check(upload: Upload, name: str) -> _Checked:
    """Read and check the whole file. Raise NotAnImportFileError."""
    upload.seek(0)
    source = _Hashing(upload)
    entries = EntryFile(source, max_bytes=settings.IMPORT_MAX_FILE_BYTES)
    keys = bytearray()
    for raw in entries:
        entry = check_json(raw.content, place(raw.position, is_lines=entries.is_lines), is_line=entries.is_lines)
        if entries.is_lines and not raw.number:
            _check_not_wrapped(entry)
        external_id = entry.get("externalId")
        keys += key_of(external_id) if isinstance(external_id, str) else _NO_KEY
    return _Checked(
        upload=upload,
        name=name,
        size=source.size,
        sha256=source.hash.hexdigest(),
        entries=len(keys) // KEY_BYTES,
        is_lines=entries.is_lines,
        keys=bytes(keys),
    )


def _check_not_wrapped(entry: dict[str, Any]) -> None:
    """Raise NotAnImportFileError if the first object is no entry, but has the entries: `{"contacts": [...]}`."""
    if "externalId" in entry:
        return
    for name, value in entry.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            raise NotAnImportFileError(
                _("The file is an object that has the entries in its property “%(name)s”. Upload only the array.")
                % {"name": name[:80]},
                is_malformed=False,
            )


def _store(file: _Checked, name: str) -> None:
    try:
        file.upload.seek(0)
        default_storage.save(name, File(file.upload))
    except Exception as error:
        raise ServiceUnavailable(said_by(error)) from error


@transaction.atomic
def _record(actor: Actor, kind: ImportKind, checked: Sequence[_Checked], names: Sequence[str]) -> list[ImportFile]:
    files = []
    for file, name in zip(checked, names, strict=True):
        row = ImportFile.objects.create(
            kind=kind,
            name=name,
            original_name=file.name,
            size=file.size,
            sha256=file.sha256,
            entries=file.entries,
            is_lines=file.is_lines,
            **owner_columns(actor),
        )
        with connection.cursor() as cursor:
            copy_into(cursor, ImportKey, ["file", "number", "key"], _key_rows(row.pk, file.keys))
        files.append(row)
    keep_files(*names)
    return files


def _key_rows(file_id: int, keys: bytes) -> Iterator[bytes]:
    for number in range(len(keys) // KEY_BYTES):
        key = keys[number * KEY_BYTES : (number + 1) * KEY_BYTES]
        if key != _NO_KEY:
            yield b"%d\t%d\t%s\n" % (file_id, number, key.hex().encode())


def open_stored(file: ImportFile) -> IO[bytes]:
    """Open a stored file for reading. Raise StorageUnavailableError."""
    try:
        return default_storage.open(file.name, "rb")
    except Exception as error:
        raise StorageUnavailableError(said_by(error)) from error
