"""`manage.py import_contacts` and `import_legal_entities`."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command

from accounts.actor import member_actor
from administration.commands import operator_of
from administration.models import BreakGlass
from audit.models import Entry
from changerequests.models import ChangeRequest, Source, Status, Verdict
from changerequests.queries.revisions import current_digest
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import decide
from contacts.models import CONTACT_DETAILS, Contact
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.uploads import store_uploads
from importexport.models import ImportKind
from legalentities.models import LegalEntity
from tests.fixtures import details
from tests.importexport.importing import array, lines, packed, synced

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
    path = file(array(entry("E-1"), entry("\xa0＝cmd", username=7)))
    code, out, err = run("import_contacts", path)
    assert (code, "1 created, 0 updated, 0 unchanged, 1 failed" in out) == (1, True)
    assert err == "contacts.json: ＝cmd\tusername\tEntry 2: Expected a text.\n"
    failures = tmp_path / "failures.csv"
    code, _out, err = run("import_contacts", path, "--failures", str(failures))
    assert (code, err) == (1, "")
    with failures.open(newline="") as output:
        rows = list(csv.reader(output))
    assert rows == [
        ["file", "position", "externalId", "path", "message"],
        ["contacts.json", "2", "'＝cmd", "username", "Expected a text."],
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


# ---- once there are people


@pytest.fixture
def rita(settings, make_member):
    """Without the embedded profile, a command is run by an operator."""
    settings.EMBEDDED = False
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def changed(file, entry):
    """A file that renames E-1, adds a note to E-2, and has E-3, which is new."""
    synced(lines(entry("E-1"), entry("E-2")))
    renamed = entry("E-1", details=details(personalInformation={"lastName": "Heusser"}))
    noted = entry("E-2", details=details(relationship={"notes": "Met in Bern."}))
    return file(lines(renamed, noted, entry("E-3")))


def names():
    rows = Contact.objects.order_by("pk").values_list("details__personalInformation__lastName", flat=True)
    return list(rows)


def test_an_operator_alone_changes_no_protected_field_by_a_file(rita, changed):
    code, out, _err = run("import_contacts", changed)
    request = ChangeRequest.objects.get()
    assert (code, names()) == (0, ["Spyri"] * 3)
    assert out == (
        "1 created, 1 updated, 0 unchanged, 1 waiting for approval, 0 failed, of 3 entries. "
        "Version 1 of the schema applied.\n"
        f"Contact details: change request {request.pk} is pending review.\n"
    )
    assert (request.source, request.status) == (Source.IMPORT, Status.PENDING)
    assert request.initiator_system.startswith("import_contacts by ")
    code, _out, err = run("import_contacts", changed)
    assert (code, names()) == (1, ["Spyri"] * 3)
    assert f"Change request {request.pk} is pending review" in err


def test_what_an_operator_imports_takes_effect_once_it_is_approved(rita, changed):
    run("import_contacts", changed)
    request = ChangeRequest.objects.get()
    approval = {"verdict": Verdict.APPROVE, "digest": current_digest(request)}
    decide(actor=member_actor(rita), change_request_id=request.pk, **approval)
    apply_approved_request(request.pk)
    assert names() == ["Heusser", "Spyri", "Spyri"]
    assert Entry.objects.get(change_request=request).initiator_system == request.initiator_system


def test_a_worker_that_resumes_what_an_operator_began_lets_it_wait_too(rita, changed):
    actor = operator_of("import_contacts")
    with open(changed, "rb") as upload:
        (stored,) = store_uploads(actor=actor, kind=ImportKind.CONTACTS, uploads=[upload])
    job = start_sync(actor=actor, kind=ImportKind.CONTACTS, names=[stored.name])
    run_job(job.pk)
    assert names() == ["Spyri"] * 3
    assert ChangeRequest.objects.get().status == Status.PENDING


def test_a_file_of_legal_entities_waits_too(rita, file, default_schemas):
    def write(name):
        return file(array({"externalId": "L-1", "details": {"name": name}}), "entities.json")

    run("import_legal_entities", write("Säntis AG"))
    _code, out, _err = run("import_legal_entities", write("Säntis SA"))
    assert "1 waiting for approval" in out
    assert (LegalEntity.objects.get().name, ChangeRequest.objects.count()) == ("Säntis AG", 1)


def test_breaking_the_glass_imports_everything_at_once(rita, changed):
    with pytest.raises(CommandError, match="Use --reason"):
        run("import_contacts", changed, "--break-glass")
    with pytest.raises(CommandError, match="keeps nothing"):
        run("import_contacts", changed, "--break-glass", "--dry-run", "--reason", "A court order")
    assert (names(), BreakGlass.objects.count()) == (["Spyri"] * 2, 0)
    run("import_contacts", changed, "--break-glass", "--reason", "A court order")
    assert names() == ["Heusser", "Spyri", "Spyri"]
    used, request = BreakGlass.objects.get(), ChangeRequest.objects.get()
    assert (request.kind, request.subject_id) == ("break-glass", used.pk)
    written = Entry.objects.filter(kind=CONTACT_DETAILS).latest("pk")
    assert written.initiator_system == f"import_contacts, break glass #{used.pk}"


def test_a_file_that_cannot_be_read_breaks_no_glass(rita, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        run("import_contacts", str(tmp_path / "none.json"), "--break-glass", "--reason", "A court order")
    assert not BreakGlass.objects.exists()


def test_a_dry_run_says_what_would_wait(rita, changed):
    _code, out, _err = run("import_contacts", changed, "--dry-run")
    assert "1 waiting for approval" in out
    assert not ChangeRequest.objects.exists()


def test_in_the_embedded_profile_an_import_waits_for_nobody(rita, changed, settings):
    settings.EMBEDDED = True
    run("import_contacts", changed)
    assert names() == ["Heusser", "Spyri", "Spyri"]
