"""`manage.py import_contacts` and `import_legal_entities`."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from contacts.models import CONTACT_DETAILS, Contact
from legalentities.models import LegalEntity
from tests.importexport.importing import array, lines, packed

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path):
    def write(content, name="contacts.json"):
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


def run(command, *arguments):
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command(command, *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue(), err.getvalue()


def test_files_are_imported_by_the_system_and_the_end_is_told(file, entry):
    paths = file(array(entry("E-1"))), file(packed(lines(entry("E-2"))), "more.gz")
    code, out, _err = run("import_contacts", *paths)
    assert (code, out) == (
        0,
        "2 created, 0 updated, 0 unchanged, 0 failed, of 2 entries. Version 1 of the schema applied.\n",
    )
    entries = Entry.objects.filter(kind=CONTACT_DETAILS)
    assert set(entries.values_list("initiator_system", flat=True)) == {"import_contacts"}


def test_failed_entries_are_told_and_make_the_exit_status(file, entry, tmp_path):
    path = file(array(entry("E-1"), entry("=cmd", username=7)))
    code, out, err = run("import_contacts", path)
    assert (code, "1 created, 0 updated, 0 unchanged, 1 failed" in out) == (1, True)
    assert err == "contacts.json: =cmd\tusername\tEntry 2: Expected a text.\n"
    failures = tmp_path / "failures.csv"
    code, _out, err = run("import_contacts", path, "--failures", str(failures))
    assert (code, err) == (1, "")
    with failures.open(newline="") as output:
        rows = list(csv.reader(output))
    assert rows == [
        ["file", "position", "externalId", "path", "message"],
        ["contacts.json", "2", "'=cmd", "username", "Expected a text."],
    ]


def test_a_dry_run_says_so_and_keeps_nothing(file, entry):
    code, out, _err = run("import_contacts", file(array(entry())), "--dry-run")
    assert (code, "1 created" in out, "dry run" in out) == (0, True, True)
    assert not Contact.objects.exists()


@pytest.mark.parametrize(("content", "says"), [(b"[{}", "does not end"), (b"", "empty")])
def test_a_file_that_is_no_good_is_refused_whole(file, entry, content, says):
    with pytest.raises(CommandError, match=says):
        run("import_contacts", file(array(entry()), "good.json"), file(content, "bad.json"))
    assert not Contact.objects.exists()


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_contacts", str(tmp_path / "none.json"))


def test_legal_entities_are_imported_too(file, default_schemas):
    code, out, _err = run("import_legal_entities", file(array({"externalId": "L-1", "details": {"name": "Säntis AG"}})))
    assert (code, "1 created" in out) == (0, True)
    assert LegalEntity.objects.get().name == "Säntis AG"


def test_progress_is_told_in_plain_lines_where_there_is_no_terminal(file, entry, capsys):
    run("import_contacts", file(array(entry())))
    assert "0 of 1 entries" in capsys.readouterr().err
