"""Splits an import file into entries, a chunk at a time. At most one entry and one chunk are in memory.

A file is a JSON array of objects or has one object per line (JSON Lines), in UTF-8, optionally gzipped. The format is
detected from the content, not the name. Only the outer structure is checked here, not the entries.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext as _

MAX_ENTRY_BYTES = 1_000_000
CHUNK_BYTES = 1 << 18

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
# Other archive formats and UTF-16, which deserve a better message than "not JSON".
_FOREIGN = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
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


class EntryFile:
    """Iterates over the entries of a file.

    The constructor reads the first chunk to determine `is_lines`. Both the constructor and the iteration raise
    NotAnImportFileError and StorageUnavailableError.
    """

    def __init__(self, file: Readable, *, max_bytes: int) -> None:
        self._left = max_bytes
        self._max_bytes = max_bytes
        self._is_packed = False
        self._stream = self._unpacked(io.BufferedReader(_Storage(file), CHUNK_BYTES))
        self._buffer = self._read()
        if self._buffer.startswith(_BYTE_ORDER_MARK):
            self._buffer = self._buffer[len(_BYTE_ORDER_MARK) :]
        self._at = 0
        self._lines_read = 0
        first = self._next_sign()
        if first not in (b"[", b"{"):
            raise self._wrong_shape(first)
        self.is_lines = first == b"{"

    def __iter__(self) -> Iterator[RawEntry]:
        return self._lines() if self.is_lines else self._array()

    def _unpacked(self, stream: io.BufferedReader) -> Readable:
        start = stream.peek(8)[:8]
        for magic, name in _FOREIGN.items():
            if start.startswith(magic):
                raise NotAnImportFileError(_("This is a %(format)s archive. Gzip is welcome.") % {"format": name})
        if start.startswith(_UTF16):
            raise NotAnImportFileError(_("This is UTF-16. Write the file in UTF-8."))
        if not start.startswith(_GZIP):
            return stream
        self._is_packed = True
        return gzip.GzipFile(fileobj=stream, mode="rb")

    def _read(self) -> bytes:
        try:
            chunk = self._stream.read(CHUNK_BYTES)
        except EOFError:
            raise NotAnImportFileError(_("The file is cut off: the gzip data ends too early.")) from None
        except (gzip.BadGzipFile, zlib.error):
            raise NotAnImportFileError(_("The gzip data is damaged.")) from None
        self._left -= len(chunk)
        if self._left < 0:
            raise NotAnImportFileError(
                _("The file holds more than %(limit)s bytes. Split it.") % {"limit": self._max_bytes},
                is_malformed=False,
            )
        if b"\x00" in chunk:
            raise NotAnImportFileError(_("The file holds a NUL character."))
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
            start = _end_of_space(content, 0)
            if start < len(content):
                if content[start] != _OPENING:
                    raise _not_an_object(line, is_lines=True)
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
                raise self._cut_off() if not sign else _not_an_object(number + 1, is_lines=False)
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
            raise NotAnImportFileError(_("Something follows after the end of the array."))

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

    def _cut_off(self) -> NotAnImportFileError:
        return NotAnImportFileError(_("The file is cut off: the array does not end."))


def _end_of_space(content: bytes, start: int) -> int:
    found = _SPACE.match(content, start)
    return found.end() if found else start


def _too_large(position: int, *, is_lines: bool) -> NotAnImportFileError:
    return NotAnImportFileError(
        _("%(place)s: larger than %(limit)s bytes.")
        % {"place": place(position, is_lines=is_lines), "limit": MAX_ENTRY_BYTES},
        is_malformed=False,
    )


def _not_an_object(position: int, *, is_lines: bool) -> NotAnImportFileError:
    return NotAnImportFileError(
        _("%(place)s: expected an object.") % {"place": place(position, is_lines=is_lines)}, is_malformed=False
    )


def _no_comma(position: int) -> NotAnImportFileError:
    return NotAnImportFileError(
        _("%(place)s: expected a comma or the end of the array after it.") % {"place": place(position, is_lines=False)}
    )
