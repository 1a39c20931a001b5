"""Imports in the admin."""

import csv
import io
import re
from http import HTTPStatus

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.models import Contact
from importexport.imports.running import run_job
from importexport.models import ImportJob, ImportStatus
from tests.importexport.importing import array, synced

pytestmark = pytest.mark.django_db
LIST = "/admin/importexport/importjob/"
PERMISSIONS = ["add_importjob", "view_importjob"]


@pytest.fixture
def operator(make_member):
    return make_member("olga", permissions=PERMISSIONS, sees_all_contacts=True)


@pytest.fixture
def browser(operator, admin_of):
    return admin_of(operator)


def start(browser, *contents, kind="contacts", **fields):
    files = [SimpleUploadedFile(f"file-{number}.json", content) for number, content in enumerate(contents, 1)]
    return browser.post(f"{LIST}add/", {"kind": kind, "uploads": files, **fields})


def test_files_are_uploaded_and_an_import_is_started_watched_and_done(browser, entry):
    answer = start(browser, array(entry("E-1"), entry("E-2", username=7)), array(entry("E-3")))
    job = ImportJob.objects.get()
    assert (answer.status_code, answer.url) == (HTTPStatus.FOUND, f"{LIST}{job.pk}/change/")
    page = browser.get(answer.url).content.decode()
    assert 'data-unfinished-job max="3" value="0"' in page
    assert "importexport/jobs.js" in page
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>[^<]*import-job", page)
    assert "data-unfinished-job" in browser.get(LIST).content.decode()
    run_job(job.pk)
    page = browser.get(answer.url).content.decode()
    assert "data-unfinished-job" not in page
    assert "Expected a text." in page
    assert "2 of 3" not in page
    assert Contact.objects.count() == 2


def test_failures_come_as_csv(browser, entry, operator, actor_of):
    job = synced(array(entry("E-1"), entry("E-2", username=7)), actor=actor_of(operator))
    answer = browser.get(f"{LIST}{job.pk}/failures.csv")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert rows == [
        ["file", "position", "externalId", "path", "message"],
        ["file-1.json", "2", "E-2", "username", "Expected a text."],
    ]


def test_a_file_that_is_no_good_is_told_on_the_form_and_nothing_starts(browser):
    answer = start(browser, b"[{}")
    assert answer.status_code == HTTPStatus.OK
    assert "does not end" in answer.content.decode()
    assert start(browser).status_code == HTTPStatus.OK
    assert not ImportJob.objects.exists()


def test_a_dry_run_can_be_asked_for(browser, entry):
    start(browser, array(entry()), is_dry_run="on")
    job = ImportJob.objects.get()
    assert job.is_dry_run
    run_job(job.pk)
    assert not Contact.objects.exists()
    assert "dry run" in browser.get(f"{LIST}{job.pk}/change/").content.decode()


def test_others_imports_are_not_there(browser, entry, make_member, actor_of, admin_of):
    other = make_member("ben", permissions=PERMISSIONS)
    job = synced(array(entry("E-1", username=7)), actor=actor_of(other))
    assert str(job.pk) not in browser.get(LIST).content.decode()
    for path in ("change/", "failures.csv"):
        assert browser.get(f"{LIST}{job.pk}/{path}").status_code == HTTPStatus.NOT_FOUND
        assert admin_of(other).get(f"{LIST}{job.pk}/{path}").status_code == HTTPStatus.OK


def test_without_the_permission_nobody_imports(admin_of, make_member, entry):
    browser = admin_of(make_member("ben", permissions=["view_contact"]))
    assert browser.get(f"{LIST}add/").status_code == HTTPStatus.FORBIDDEN
    assert start(browser, array(entry())).status_code == HTTPStatus.FORBIDDEN
    assert browser.get(LIST).status_code == HTTPStatus.FORBIDDEN


def test_a_failed_import_says_why(browser, entry, operator, actor_of):
    job = synced(array(entry()), actor=actor_of(operator))
    ImportJob.objects.filter(pk=job.pk).update(status=ImportStatus.FAILED, error_message="The disk is full.")
    assert "The disk is full." in browser.get(f"{LIST}{job.pk}/change/").content.decode()
