"""Uploads are stored completely or not at all, and are not held in memory."""

import bz2
import gzip
import io
import json
import tracemalloc
import zipfile

import pytest
from django.core.files.storage import default_storage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importexport.imports import reading
from importexport.imports.reading import EntryFile, NotAnImportFileError
from importexport.models import ImportFile, ImportKey
from tests.importexport.importing import array, lines, packed, upload

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
E1, E2 = {"externalId": "E-1"}, {"externalId": "E-2"}
BOM = b"\xef\xbb\xbf"


def zipped():
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("contacts.json", array(E1))
    return output.getvalue()


def test_files_are_stored_as_they_were_sent_under_names_that_are_answered(app, storage_directory):
    answer = upload(app, ("a.json", array(E1, E2)), ("b.json.gz", packed(lines(E1))))
    assert answer.status == 201
    first, second = answer.json["files"]
    assert default_storage.open(first).read() == array(E1, E2)
    assert default_storage.open(second).read() == packed(lines(E1))
    rows = list(ImportFile.objects.values_list("original_name", "entries", "is_lines", "size"))
    assert rows == [("a.json", 2, False, len(array(E1, E2))), ("b.json.gz", 1, True, len(packed(lines(E1))))]
    assert ImportKey.objects.count() == 3


@pytest.mark.parametrize(
    ("content", "entries", "is_lines"),
    [
        (b"[]", 0, False),
        (b" \n[ ] \n", 0, False),
        (b'[{"a": "}{][\\"\\\\"}, {"b": [{}, {"c": {}}]}]', 2, False),
        (b"\xef\xbb\xbf[{}]", 1, False),
        (b"{}", 1, True),
        (b'\r\n{"a": 1}\r\n\r\n  {"b": 2}  \r\n', 2, True),
        ('[{"ü": "\\u00e9 €"}]'.encode(), 1, False),
        (b'[{"a": "\\ud800"}, {"b": 1e999}]', 2, False),
    ],
)
def test_what_is_welcome(app, content, entries, is_lines):
    for sent in (content, packed(content), packed(content[:1]) + packed(content[1:])):
        assert upload(app, ("any.name", sent)).status == 201
    assert set(ImportFile.objects.values_list("entries", "is_lines")) == {(entries, is_lines)}


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 422, "empty"),
        (b" \n ", 422, "empty"),
        (b'"text"', 422, "array of objects"),
        (b"7", 422, "array of objects"),
        (b"nonsense", 422, "array of objects"),
        (b"<xml/>", 400, "not JSON"),
        (b"[1, 2]", 422, "entry 1: expected an object"),
        (b"[{}, [{}]]", 422, "entry 2: expected an object"),
        (b'{"a": 1}\n[{}]\n', 422, "line 2: expected an object"),
        (b"[{}", 400, "does not end"),
        (b"[{},", 400, "does not end"),
        (b'[{"a": "', 400, "does not end"),
        (b"[{} {}]", 400, "entry 1: expected a comma"),
        (b"[{},]", 422, "entry 2: expected an object"),
        (b"[{}] {}", 400, "after the end"),
        (b'[{"a": 1,}]', 400, "entry 1: not JSON, at byte"),
        (b"[{a: 1}]", 400, "entry 1: not JSON"),
        (b'[{"a": NaN}]', 400, "entry 1: not JSON"),
        (b'{\n"a": 1}\n', 400, "line 1: not JSON"),
        (b'{"a": 1} {"b": 2}', 400, "line 1: not JSON"),
        (b'{}\n{"a": "\xff"}\n', 400, "line 2: byte 8 is not UTF-8"),
        (b'[{"a": "\xc3\x28"}]', 400, "entry 1: byte 8 is not UTF-8"),
        (b"\xff\xfe" + "[{}]".encode("utf-16-le")[:-1], 400, "begins as UTF-16 and is damaged"),
        ("[{}]".encode("utf-16-le"), 400, "line 1: a NUL character. Remove it or, if this is UTF-16"),
        ("[{}]".encode("utf-32"), 400, "UTF-32"),
        (b'[{"a": "\x00"}]', 400, "NUL"),
        (b'{}\n{"a": "\x00"}', 400, "line 2: a NUL character"),
        (packed(packed(b"[{}]")), 400, "gzipped twice"),
        (packed(zipped()), 400, "zip"),
        (BOM + b"[{}]" + BOM + b"[{}]", 400, "follows after the end of the array, which is after entry 1"),
        (b"[{}," + BOM + b"{}]", 422, "entry 2: expected an object, but there is a byte order mark"),
        (b"[{},]", 422, "the array ends after a comma: remove the comma"),
        (b"[{},,{}]", 422, "entry 2: expected an object, but there is another comma"),
        (b'[{"a": 1,}]', 400, "a comma comes before the closing }"),
        (b'[{"a": [1,]}]', 400, "a comma comes before the closing ]"),
        (b'{"a": 1},\n{"a": 2}\n', 400, "a comma follows the end"),
        (b"[{'a': 1}]", 400, "double quotes"),
        ("[{“a”: 1}]".encode(), 400, "double quotes"),
        (b'[{"a": 1 // one\n}]', 400, "no comments"),
        (b'[{"a": True}]', 400, "“True” was not expected"),
        (b'[{"a": "one\ntwo"}]', 400, "line break"),
        (b'[{"a": NaN}]', 400, "NaN is no number"),
        (b'{\n  "externalId": "E-1"\n}\n', 400, "the object does not end in this line"),
        (b'{\n  "contacts": [\n    {}\n  ]\n}\n', 400, "upload its array"),
        (b'{"contacts": [{"externalId": "E-1"}]}', 422, "the entries in its property “contacts”"),
        (packed(b"[{}, {}]" * 99)[:-9], 400, "cut off"),
        (packed(b"[{}]")[:-8] + b"checksum", 400, "damaged"),
        (zipped(), 400, "zip"),
        (bz2.compress(b"[{}]"), 400, "bzip2"),
        (b'[{"a": "' + b"x" * 1_000_001 + b'"}]', 422, "entry 1: larger than 1 MB"),
        (b'{"a": "' + b"x" * 1_000_001 + b'"}', 422, "line 1: larger than 1 MB"),
        (b'{}\n{"a": "' + b"x" * 2_000_001, 422, "line 2: larger than 1 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_welcome_is_told_with_its_place_and_nothing_is_stored(
    app, storage_directory, content, status, says
):
    answer = upload(app, ("good.json", array(E1)), ("bad.json", content))
    assert (answer.status, answer.places) == (status, {"bad.json"})
    assert answer.sub_code == ("ImportFileInvalid" if status == 422 else "NA")
    assert says.lower() in answer.json["message"].lower()
    assert not ImportFile.objects.exists()
    assert not storage_directory.exists() or not [path for path in storage_directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "content",
    [
        BOM + lines(E1) + BOM + lines(E2),
        lines(E1, E2).decode().encode("utf-16"),
        b"\xfe\xff" + array(E1, E2).decode().encode("utf-16-be"),
        packed(array(E1, E2).decode().encode("utf-16")),
    ],
    ids=["put together", "UTF-16", "UTF-16 of the other order", "packed UTF-16"],
)
def test_what_can_be_read_without_guessing_is_read(app, content):
    assert upload(app, ("a.json", content)).status == 201
    assert ImportFile.objects.get().entries == 2


def test_the_name_of_a_file_is_made_harmless(app):
    for name in ("../../etc/passwd", "Müller & Co.json", "a" * 300 + ".json", "\n.json"):
        [stored] = upload(app, (name, array(E1))).json["files"]
        assert stored.startswith("imports/")
        assert ".." not in stored
        assert len(stored) < 160


def test_a_form_without_files_or_with_other_fields_is_refused(app):
    assert upload(app).places == {"files"}
    field = b'--X\r\nContent-Disposition: form-data; name="force"\r\n\r\nyes\r\n--X--\r\n'
    answer = app.post("/v1.0/contacts/import", raw=field, content_type="multipart/form-data; boundary=X")
    assert (answer.status, answer.places) == (400, {"force"})
    assert app.post("/v1.0/contacts/import", [E1]).status == 415


def test_a_file_that_holds_too_much_is_refused(app, settings):
    settings.IMPORT_MAX_FILE_BYTES = 300_000
    bomb = gzip.compress(b"{}\n" * 10_000_000)
    answer = upload(app, ("bomb.json.gz", bomb))
    assert (answer.status, answer.sub_code) == (422, "ImportFileInvalid")


def test_a_storage_that_fails_is_told_and_nothing_stays(app, storage_directory):
    storage_directory.write_text("a file where the folder should be")
    answer = upload(app, ("a.json", array(E1)))
    assert (answer.status, answer.json["code"]) == (503, "General")
    assert "storage" in answer.json["message"]
    assert not ImportFile.objects.exists()


class Endless:
    """A file of one value that never ends, given away piece by piece."""

    def __init__(self, start, piece):
        self._start, self._piece = start, piece
        self.given = 0

    def read(self, size=-1, /):
        content, self._start = self._start or self._piece * (size // len(self._piece)), b""
        self.given += len(content)
        return content


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b'{"a": "', b"x"),
        (b'[{"a": "', b"x"),
        (b'[{"a": "', b"\\\\"),
        (b'[{"a": [', b'{"b":1},'),
        (b"[", b'{"a":'),
        (b"{", b'"'),
        (b"[", b'{"'),
    ],
)
def test_a_line_of_a_gigabyte_is_refused_after_a_megabyte(start, piece):
    file = Endless(start, piece)
    tracemalloc.start()
    with pytest.raises(NotAnImportFileError, match="larger than"):
        list(EntryFile(file, max_bytes=1 << 30))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert file.given < 3_000_000
    assert peak < 12_000_000


def test_white_space_without_end_costs_no_memory():
    file = Endless(b"[", b" \n")
    with pytest.raises(NotAnImportFileError, match="holds more than"):
        list(EntryFile(file, max_bytes=50_000_000))


# How long it takes to generate values says something about the machine's load only.
any_speed = settings(suppress_health_check=[HealthCheck.too_slow])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(), below, max_size=4),
    max_leaves=20,
)


@any_speed
@given(
    entries=st.lists(st.dictionaries(st.text(), values, max_size=5), max_size=8),
    indent=st.sampled_from([None, 0, 3]),
    is_ascii=st.booleans(),
    chunk=st.integers(1, 40),
)
def test_an_array_is_taken_apart_as_json_reads_it_wherever_the_chunks_end(entries, indent, is_ascii, chunk):
    content = json.dumps(entries, indent=indent, ensure_ascii=is_ascii).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CHUNK_BYTES", chunk)
        found = [json.loads(raw.content) for raw in EntryFile(io.BytesIO(content), max_bytes=1 << 30)]
    assert found == entries


@any_speed
@given(
    entries=st.lists(st.dictionaries(st.text(), values, max_size=5), min_size=1, max_size=8),
    ends=st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    chunk=st.integers(1, 40),
)
def test_lines_are_taken_apart_as_json_reads_them_wherever_the_chunks_end(entries, ends, chunk):
    content = ends.join(json.dumps(entry).encode() for entry in entries)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CHUNK_BYTES", chunk)
        found = [json.loads(raw.content) for raw in EntryFile(io.BytesIO(content), max_bytes=1 << 30)]
    assert found == entries
