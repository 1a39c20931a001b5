"""The export commands, which write to files or standard output and see everything."""

import io
import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from importexport.exports import commands
from importexport.progress import ShownProgress
from tests.devstack.stack import ROOT
from tests.fixtures import details
from tests.importexport.reading import read_csv

pytestmark = pytest.mark.django_db(transaction=True)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def query_file(tmp_path):
    path = tmp_path / "query.graphql"
    path.write_text('query { contacts(where: { personalInformation: { lastName: { eq: "Ja" } } }) { items { } } }')
    return path


def test_all_contacts_go_into_a_file(make_contact, tmp_path, capfd):
    made = [make_contact(), make_contact()]
    output = tmp_path / "contacts.csv"
    call_command("export_contacts", "--output", str(output))
    assert [row["id"] for row in read_csv(output.read_bytes())] == [str(contact.pk) for contact in made]
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["0 of 2 rows", "2 rows written."]
    assert list(tmp_path.iterdir()) == [output]


def test_a_query_chooses_and_standard_output_is_what_is_not_said(make_contact, query_file, capfd):
    chosen = make_contact(details(personalInformation={"lastName": "Ja"}))
    make_contact(details(personalInformation={"lastName": "Nein"}))
    call_command("export_contacts", "--query", str(query_file))
    assert [row["id"] for row in read_csv(capfd.readouterr().out.encode())] == [str(chosen.pk)]


def test_legal_entities_have_a_command_too(default_schemas, capfd):
    call_command("export_legal_entities")
    assert capfd.readouterr().out.startswith("id,uid,externalId,name,")


def test_a_query_with_a_mistake_fails_and_leaves_the_old_file(default_schemas, query_file, tmp_path):
    query_file.write_text("query { contacts(where: { nothing: 1 }) { items { } } }")
    output = tmp_path / "contacts.csv"
    output.write_text("yesterday's")
    with pytest.raises(CommandError, match="nothing"):
        call_command("export_contacts", "--query", str(query_file), "--output", str(output))
    assert output.read_text() == "yesterday's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contacts.csv", "query.graphql"]


def test_a_folder_that_is_not_there_fails(default_schemas, tmp_path):
    with pytest.raises(CommandError, match="cannot be read or written"):
        call_command("export_contacts", "--output", str(tmp_path / "none" / "contacts.csv"))


def test_a_full_disk_fails(default_schemas, monkeypatch, tmp_path):
    def no_room(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(commands, "export_rows", no_room)
    with pytest.raises(CommandError, match="No space left"):
        call_command("export_contacts", "--output", str(tmp_path / "contacts.csv"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.stack
def test_the_exit_status_tells(default_schemas, tmp_path):
    database = connection.settings_dict["NAME"]
    program = "import sys; from django.core.management import execute_from_command_line as run; "
    program += f"from django.conf import settings; settings.DATABASES['default']['NAME'] = {database!r}; run(sys.argv)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}

    def exit_status(*arguments):
        command = [sys.executable, "-c", program, "export_contacts", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False).returncode

    assert exit_status("--output", str(tmp_path / "contacts.csv")) == 0
    assert exit_status("--output", str(tmp_path / "none" / "contacts.csv")) == 1


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere():
    lines = io.StringIO()
    with ShownProgress("rows", stream=lines) as progress:
        progress.expect(10)
        progress.report(10)
    assert lines.getvalue() == "0 of 10 rows\n"
    terminal = Terminal()
    with ShownProgress("rows", stream=terminal) as progress:
        progress.expect(10)
        progress.report(10)
    assert "10/10" in terminal.getvalue()
    assert "\r" in terminal.getvalue()
