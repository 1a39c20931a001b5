"""Splits an import file into entries, a chunk at a time. At most one entry and one chunk are in memory.

A file is a JSON array of objects or has one object per line (JSON Lines), in UTF-8 or, with a byte order mark, UTF-16,
optionally gzipped. The format is detected from the content, not the name. Only the outer structure is checked here, not
the entries.
"""

import gzip
import io
import re
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

MAX_ENTRY_MEGABYTES = 1
MAX_ENTRY_BYTES = MAX_ENTRY_MEGABYTES * 1_000_000
CHUNK_BYTES = 1 << 18

_GZIP = b"\x1f\x8b"
# Other archive formats, which deserve a better message than "not JSON".
_FOREIGN = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)
# The first of these begins like UTF-16.
_UTF32 = (BOM_UTF32_LE, BOM_UTF32_BE)
_SPACE = re.compile(rb"[ \t\r\n]*+")
# Up to the next brace outside of strings. Possessive quantifiers guarantee linear time.
_TO_BRACE = re.compile(rb'(?:[^"{}]++|"(?:[^"\\]++|\\.)*+")*+[{}]', re.DOTALL)
_OPENING = ord("{")


class NotAnImportFileError(Exception):
    """The file cannot be imported; the message gives reason and place. `is_malformed`: it is not JSON in UTF-8."""

    def __init__(self, message: str, *, is_malformed: bool = True) -> None:
        super().__init__(message)
        self.is_malformed = is_malformed


class StorageUnavailableError(Exception):
    """The storage failed to read or write a file; the message gives its reason."""


class Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class RawEntry:
    """`number` counts from 0; `position` is shown to users: the line, or the number counted from 1."""

    number: int
    position: int
    content: bytes


def place(position: int, *, is_lines: bool) -> str:
    """Return the place in a file for messages."""
    return _("line %(number)s") % {"number": position} if is_lines else _("entry %(number)s") % {"number": position}


class _Storage(io.RawIOBase):
    """A stored file as a raw stream. Converts every error of the storage to StorageUnavailableError."""

    def __init__(self, file: Readable) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            content = self._file.read(len(buffer))
        except Exception as error:
            raise StorageUnavailableError(said_by(error)) from error
        buffer[: len(content)] = content
        return len(content)


def said_by(error: Exception) -> str:
    """Return a message for an error of the storage, without addresses and paths."""
    reason = getattr(error, "strerror", None) or type(error).__name__
    return _("The file storage does not work: %(reason)s.") % {"reason": reason}


class _FromUtf16:
    """Reads UTF-16 as UTF-8; the byte order mark says which of the two it is."""

    def __init__(self, stream: io.BufferedReader | gzip.GzipFile) -> None:
        self._text = io.TextIOWrapper(stream, encoding="utf-16", newline="")

    def read(self, size: int = -1, /) -> bytes:
        return self._text.read(size).encode()


@contextmanager
def _unpacking() -> Iterator[None]:
    """Raise NotAnImportFileError for what cannot be unpacked or decoded."""
    try:
        yield
    except EOFError:
        raise NotAnImportFileError(_("The file is cut off: the gzip data ends too early.")) from None
    except (gzip.BadGzipFile, zlib.error):
        raise NotAnImportFileError(_("The gzip data is damaged.")) from None
    except UnicodeDecodeError:
        raise NotAnImportFileError(_("The file begins as UTF-16 and is damaged. Write it in UTF-8.")) from None


class EntryFile:
    """Iterates over the entries of a file.

    The constructor reads the first chunk to determine `is_lines`. Both the constructor and the iteration raise
    NotAnImportFileError and StorageUnavailableError.
    """

    def __init__(self, file: Readable, *, max_bytes: int) -> None:
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._lines_unpacked = 0
        self._stream = self._unpacked(io.BufferedReader(_Storage(file), CHUNK_BYTES))
        self._buffer = self._read()
        self._buffer = self._buffer.removeprefix(BOM_UTF8)
        self._at = 0
        self._lines_read = 0
        first = self._next_sign()
        if first not in (b"[", b"{"):
            raise self._wrong_shape(first)
        self.is_lines = first == b"{"

    def __iter__(self) -> Iterator[RawEntry]:
        return self._lines() if self.is_lines else self._array()

    def _unpacked(self, stream: io.BufferedReader | gzip.GzipFile) -> Readable:
        with _unpacking():
            start = stream.peek(8)[:8]
        if start.startswith(_GZIP):
            if isinstance(stream, gzip.GzipFile):
                raise NotAnImportFileError(_("The file is gzipped twice. Unpack it once."))
            return self._unpacked(gzip.GzipFile(fileobj=stream, mode="rb"))
        for magic, name in _FOREIGN.items():
            if start.startswith(magic):
                raise NotAnImportFileError(_("This is a %(format)s archive. Only gzip is accepted.") % {"format": name})
        if start.startswith(_UTF32):
            raise NotAnImportFileError(_("This is UTF-32. Write the file in UTF-8."))
        return _FromUtf16(stream) if start.startswith(_UTF16) else stream

    def _read(self) -> bytes:
        with _unpacking():
            chunk = self._stream.read(CHUNK_BYTES)
        self._left -= len(chunk)
        if self._left < 0:
            raise NotAnImportFileError(
                _("The file holds more than %(limit)s. Split it.") % {"limit": filesizeformat(self._max_bytes)},
                is_malformed=False,
            )
        if (nul := chunk.find(b"\x00")) != -1:
            line = 1 + self._lines_unpacked + chunk.count(b"\n", 0, nul)
            raise NotAnImportFileError(
                _("%(place)s: a NUL character. Remove it or, if this is UTF-16, write the file in UTF-8.")
                % {"place": place(line, is_lines=True)}
            )
        self._lines_unpacked += chunk.count(b"\n")
        return chunk

    def _wrong_shape(self, sign: bytes) -> NotAnImportFileError:
        if not sign:
            return NotAnImportFileError(_("The file is empty."), is_malformed=False)
        if sign in b'"-0123456789tfn':
            return NotAnImportFileError(
                _("The file must be an array of objects, or have one object per line."), is_malformed=False
            )
        return NotAnImportFileError(_("The file is not JSON."))

    # ---- one entry per line

    def _lines(self) -> Iterator[RawEntry]:
        number, line = 0, 1 + self._lines_read
        while True:
            end = self._buffer.find(b"\n", self._at)
            if end == -1:
                if len(self._buffer) - self._at > MAX_ENTRY_BYTES:
                    raise _too_large(line, is_lines=True)
                chunk = self._read()
                if chunk:
                    self._buffer = self._buffer[self._at :] + chunk
                    self._at = 0
                    continue
                end = len(self._buffer)
            content = self._buffer[self._at : end]
            if len(content) > MAX_ENTRY_BYTES:
                raise _too_large(line, is_lines=True)
            # Files that were put together have the byte order marks of each.
            content = content.removeprefix(BOM_UTF8)
            start = _end_of_space(content, 0)
            if start < len(content):
                if content[start] != _OPENING:
                    raise _not_an_object(line, content[start:], is_lines=True)
                yield RawEntry(number, line, content)
                number += 1
            if end == len(self._buffer):
                return
            self._at = end + 1
            line += 1

    # ---- an array

    def _array(self) -> Iterator[RawEntry]:
        self._at += 1
        number = 0
        sign = self._next_sign()
        while sign != b"]" or number:
            if sign != b"{":
                raise self._cut_off() if not sign else _not_an_object(number + 1, self._ahead(), is_lines=False)
            yield RawEntry(number, number + 1, self._object(number))
            number += 1
            sign = self._next_sign()
            if sign == b"]":
                break
            if sign != b",":
                raise self._cut_off() if not sign else _no_comma(number)
            self._at += 1
            sign = self._next_sign()
        self._at += 1
        if self._next_sign():
            raise NotAnImportFileError(
                _(
                    "Something follows after the end of the array, which is after entry %(number)s. If several files "
                    "were put together, upload them one by one."
                )
                % {"number": number}
            )

    def _object(self, number: int) -> bytes:
        start = scanned = self._at
        depth = 0
        while True:
            found = _TO_BRACE.match(self._buffer, scanned)
            if found is None:
                if len(self._buffer) - start > MAX_ENTRY_BYTES:
                    raise _too_large(number + 1, is_lines=False)
                chunk = self._read()
                if not chunk:
                    raise self._cut_off()
                self._buffer = self._buffer[start:] + chunk
                start, scanned = 0, scanned - start
                continue
            scanned = found.end()
            depth += 1 if self._buffer[scanned - 1] == _OPENING else -1
            if not depth:
                break
        if scanned - start > MAX_ENTRY_BYTES:
            raise _too_large(number + 1, is_lines=False)
        self._at = scanned
        return self._buffer[start:scanned]

    def _next_sign(self) -> bytes:
        """Skip white space; return the next byte without consuming it, b"" at the end."""
        while True:
            after = _end_of_space(self._buffer, self._at)
            self._lines_read += self._buffer.count(b"\n", self._at, after)
            self._at = after
            if after < len(self._buffer):
                return self._buffer[after : after + 1]
            self._buffer, self._at = self._read(), 0
            if not self._buffer:
                return b""

    def _ahead(self) -> bytes:
        return self._buffer[self._at : self._at + len(BOM_UTF8)]

    def _cut_off(self) -> NotAnImportFileError:
        return NotAnImportFileError(_("The file is cut off: the array does not end."))


def _end_of_space(content: bytes, start: int) -> int:
    found = _SPACE.match(content, start)
    return found.end() if found else start


def _too_large(position: int, *, is_lines: bool) -> NotAnImportFileError:
    return NotAnImportFileError(
        _("%(place)s: larger than %(limit)s MB.")
        % {"place": place(position, is_lines=is_lines), "limit": MAX_ENTRY_MEGABYTES},
        is_malformed=False,
    )


def _not_an_object(position: int, found: bytes, *, is_lines: bool) -> NotAnImportFileError:
    return NotAnImportFileError(
        _("%(place)s: expected an object, but %(found)s.")
        % {"place": place(position, is_lines=is_lines), "found": _described(found)},
        is_malformed=False,
    )


def _described(found: bytes) -> str:
    """Return what begins like this, as the end of a sentence."""
    sign = found[:1]
    if found.startswith(BOM_UTF8):
        return _("there is a byte order mark: remove it")
    if sign == b"]":
        return _("the array ends after a comma: remove the comma")
    if sign == b",":
        return _("there is another comma: remove it")
    if sign == b"[":
        return _("there is an array")
    return _("there is a text") if sign == b'"' else _("there is something else")


def _no_comma(position: int) -> NotAnImportFileError:
    return NotAnImportFileError(
        _("%(place)s: expected a comma or the end of the array after it.") % {"place": place(position, is_lines=False)}
    )
