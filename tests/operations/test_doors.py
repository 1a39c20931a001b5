"""Every way to change something is declared, and says what one person can change alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from celery import current_app
from django.contrib import admin
from django.core.management import call_command
from django.urls import clear_url_caches

from accounts.models import ClientApplication
from changerequests.kinds import all_kinds
from changerequests.policies import kind_policy
from contacts.models import CONTACT_DETAILS, Contact
from legalentities.models import LEGAL_ENTITY_DETAILS
from operations.doors.report import doors_that_are_gone, left_to_one_person, rows
from tests.changerequests.policies import policy, rule, set_policy, stage

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
DOCUMENTATION = ROOT / "docs" / "doors.md"
REVIEW = [stage("Review")]


def undeclared():
    return [(row.way, row.name) for row in rows() if row.door is None]


def test_every_door_is_declared_and_every_declared_door_exists():
    assert (undeclared(), doors_that_are_gone()) == ([], [])


def test_a_door_names_kinds_that_exist_or_says_why_it_needs_none():
    keys = {kind.key for kind in all_kinds()}
    for row in rows():
        assert row.door is not None
        assert set(row.door.kinds) <= keys, row.name
        assert bool(row.door.kinds) is (row.door.exemption is None), row.name


def test_every_kind_has_a_door():
    assert {kind.key for kind in all_kinds()} == {key for row in rows() if row.door for key in row.door.kinds}


def test_a_new_operation_is_undeclared(settings):
    settings.ROOT_URLCONF = "tests.operations.scratch.urls"
    clear_url_caches()
    assert undeclared() == [("API", "PUT /v1.0/scratch/{scratchId}")]


def test_a_new_admin_action_is_undeclared(monkeypatch):
    @admin.action(description="Change everything")
    def change_everything(model_admin, request, queryset):
        """Would change the selected contacts."""

    contacts = admin.site._registry[Contact]
    monkeypatch.setattr(contacts, "actions", [*(contacts.actions or ()), change_everything])
    assert undeclared() == [("Admin", "contacts_contact: change_everything")]


def test_a_new_command_is_undeclared():
    """In a process of its own, since an app's commands are found when Django starts."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.operations.scratch.settings"}
    arguments = [sys.executable, "-m", "django", "doors", "--markdown"]
    found = subprocess.run(arguments, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "| `tests.operations.scratch: *` | undeclared |  |  |" in found.stdout


def test_a_new_task_is_undeclared():
    @current_app.task(name="scratch.change_everything")
    def change_everything():
        """Would change everything."""

    try:
        assert undeclared() == [("Tasks", change_everything.name)]
    finally:
        current_app.tasks.unregister(change_everything.name)


@pytest.mark.parametrize(
    ("document", "left"),
    [
        (policy([], []), "all"),
        (policy(REVIEW, [rule("Review")]), "nothing"),
        (policy(REVIEW, [rule("Review", flaggedOnly=True)]), "what is not flagged"),
        (policy(REVIEW, [rule("Review", paths=["a"])]), "what no rule names"),
        (policy(REVIEW, [rule("Review", initiatorGroups=[1])]), "what no rule names"),
        (policy(REVIEW, [rule(paths=["a"]), rule("Review")]), "what rule 1 lets pass"),
        (policy(REVIEW, [rule("Review"), rule(paths=["a"])]), "nothing"),
        (policy(REVIEW, [rule("Review", applications=[1])]), "what no rule names"),
    ],
)
def test_what_is_left_to_one_person_follows_from_the_rules(document, left):
    assert left_to_one_person(kind_policy(document, version=0)) == left


def printed(capsys, *arguments):
    call_command("doors", *arguments)
    return capsys.readouterr().out


def test_the_command_prints_what_the_present_policies_leave_to_one_person(capsys):
    line = "PATCH /v1.0/contacts/{contactId}/details"
    assert f"{CONTACT_DETAILS}: one person alone changes what is not flagged" in _line(printed(capsys), line)
    set_policy(policy(REVIEW, [rule("Review")]), kind=CONTACT_DETAILS)
    assert f"{CONTACT_DETAILS}: one person alone changes nothing" in _line(printed(capsys), line)


def _line(text, beginning):
    return next(line for line in text.splitlines() if line.strip().startswith(beginning))


def test_the_command_prints_json(capsys):
    found = json.loads(printed(capsys, "--json"))
    assert {
        "way": "API",
        "name": "PATCH /v1.0/contacts/{contactId}/details",
        "kinds": [CONTACT_DETAILS],
        "exemption": None,
        "note": "",
        "leftToOnePerson": {CONTACT_DETAILS: "what is not flagged"},
    } in found["doors"]


def test_the_command_says_what_an_application_changes_alone_and_who_holds_its_keys(capsys, make_app, make_member):
    application = make_app("Portal")
    people = {"owner": make_member("olga"), "secret_holder": make_member("oscar")}
    ClientApplication.objects.filter(pk=application.pk).update(allowed_scopes="contacts.read contacts.write", **people)
    ClientApplication.objects.filter(pk=make_app("Reader").pk).update(allowed_scopes="contacts.read")
    assert json.loads(printed(capsys, "--json"))["applications"] == [
        {"name": "Portal", "scopes": ["contacts.write"], "waitsFor": [], "owner": "olga", "keyHolders": ["oscar"]}
    ]
    assert "its keys have oscar" in _line(printed(capsys), "Portal: changes alone by contacts.write")
    set_policy(policy(REVIEW, [rule("Review", applications=[application.pk])]), kind=LEGAL_ENTITY_DETAILS)
    assert json.loads(printed(capsys, "--json"))["applications"][0]["waitsFor"] == [LEGAL_ENTITY_DETAILS]


def test_the_documentation_has_the_table_of_both_profiles(capsys):
    assert printed(capsys, "--markdown").strip() in DOCUMENTATION.read_text(encoding="utf-8")
