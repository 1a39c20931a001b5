"""Entries of an import that are probably the same person as a contact, or as an earlier entry."""

import json

import pytest
from django.core.management import call_command

from accounts.actor import member_actor, system_actor
from contacts.models import Contact
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.models import DuplicateMode, ImportKind
from matching.pairs import distinguish
from matching.services import make_keys
from tests.importexport.importing import array, stored

pytestmark = pytest.mark.django_db
SYSTEM = system_actor("tests")
RIGHTS = ["add_importjob", "view_importjob"]
RETO = {"firstName": "Reto", "lastName": "Nägeli", "dateOfBirth": "1980-02-09"}


@pytest.fixture
def present(make_contact):
    def make(*members, **personal):
        contact = make_contact(document={"personalInformation": RETO | personal}, members=members)
        make_keys()
        return contact

    return make


@pytest.fixture
def olga(make_member):
    return make_member("olga", permissions=RIGHTS)


@pytest.fixture
def entry(contact_type):
    def make(external_id, **personal):
        return {
            "externalId": external_id,
            "contactTypeId": contact_type.pk,
            "username": f"import.{external_id}",
            "details": {"personalInformation": RETO | {"lastName": "Naegeli"} | personal},
        }

    return make


def imported(actor, *entries, mode=DuplicateMode.REPORT, **others):
    (name,) = stored(array(*entries), actor=actor)
    job = start_sync(actor=actor, kind=ImportKind.CONTACTS, names=[name], is_sent=False, duplicates=mode, **others)
    run_job(job.pk)
    job.refresh_from_db()
    return job


def told(job):
    return [(one.external_id, one.message, one.is_notice) for one in job.failures.order_by("pk")]


def test_a_contact_that_the_importer_does_not_see_is_reported_to_nobody(present, olga, make_member, entry):
    other = make_member()
    present(other), present(other, firstName="Ida")
    for mode, first in ((DuplicateMode.REPORT, "Reto"), (DuplicateMode.REFUSE, "Ida")):
        job = imported(member_actor(olga), entry(f"of {mode.value}", firstName=first), mode=mode)
        assert (job.created, told(job)) == (1, [])


def test_a_probable_duplicate_is_reported_or_refused_where_that_is_asked_for(present, olga, entry):
    contact = present(olga)
    actor = member_actor(olga)
    refused = imported(actor, entry("1"), entry("2", firstName="Ida", lastName="Moser"), mode=DuplicateMode.REFUSE)
    message = f"Probable duplicate of contact {contact.pk}."
    assert (refused.created, refused.failed) == (1, 1)
    assert told(refused) == [("1", message, False)]
    tried = imported(actor, entry("1"), is_dry_run=True)
    reported = imported(actor, entry("1"))
    for job in (tried, reported):
        assert (job.created, job.failed, job.status) == (1, 0, "Completed")
        assert told(job) == [("1", message, True)]
    ignored = imported(actor, entry("3"), mode=DuplicateMode.IGNORE)
    assert (ignored.created, told(ignored)) == (1, [])


def test_of_two_entries_the_later_one_is_the_duplicate(olga, entry, settings):
    actor = member_actor(olga)
    message = "Probable duplicate of the entry with the external id 1."
    job = imported(actor, entry("1"), entry("2"), mode=DuplicateMode.REFUSE)
    assert (job.created, told(job)) == (1, [("2", message, False)])
    # Also of another batch, by the contact that the earlier one has created.
    settings.IMPORT_BATCH_ENTRIES = 1
    job = imported(actor, entry("3", firstName="Ida"), entry("4", firstName="Ida"))
    ida = Contact.objects.get(username="import.3")
    assert told(job) == [("4", f"Probable duplicate of contact {ida.pk}.", True)]


def test_a_change_counts_only_for_those_who_are_more_alike_by_it(present, entry):
    actor = SYSTEM
    imported(actor, entry("1", firstName="Urs", lastName="Zgraggen", dateOfBirth="1960-01-01"))
    changed = Contact.objects.get(username="import.1")
    contact = present()
    imported(actor, entry("1", firstName="Urs", lastName="Zgraggen", maritalStatus="married"))
    refused = imported(actor, entry("1"), mode=DuplicateMode.REFUSE)
    assert (refused.updated, refused.failed) == (0, 1)
    assert told(refused) == [("1", f"Probable duplicate of contact {contact.pk}.", False)]
    reported = imported(actor, entry("1"))
    assert (reported.updated, len(told(reported))) == (1, 1)
    make_keys()
    assert told(imported(actor, entry("1", maritalStatus="single"))) == []
    # Whom somebody has told apart is not reported.
    distinguish(actor=SYSTEM, pairs={(contact.pk, changed.pk): 1.0}, reason="Cousins.")
    assert told(imported(actor, entry("1", middleName="Urs"))) == []


def test_the_status_and_the_page_of_an_import_list_what_was_reported(
    present, olga, entry, make_member, api_of, admin_of
):
    contact, other = present(olga), make_member("paul", permissions=RIGHTS)
    api = api_of(olga)
    stored(array(entry("1")), actor=member_actor(olga))
    assert api.post("/v1.0/contacts/import/sync?duplicates=all", {}).status == 400
    assert api.post("/v1.0/legal-entities/import/sync?duplicates=report", {}).status == 400
    started = api.post("/v1.0/contacts/import/sync?duplicates=report", {})
    run_job(started.json["statusId"])
    status = api.get(f"/v1.0/import/sync/{started.json['statusId']}/status").json
    message = f"Probable duplicate of contact {contact.pk}."
    reported = f"/v1.0/import/sync/{started.json['statusId']}/duplicates"
    assert api_of(other).get(reported).status == 404
    assert [one["message"].endswith(message) for one in api.get(reported).json["duplicates"]] == [True]
    assert (status["failures"], status["failedExternalIds"], status["progress"]["created"]) == ([], [], 1)
    page = admin_of(olga).get(f"/admin/importexport/importjob/{started.json['statusId']}/change/").content.decode()
    assert message in page


def test_the_command_reports_them(present, entry, tmp_path, capsys):
    contact = present()
    path = tmp_path / "contacts.json"
    path.write_text(json.dumps([entry("1")]))
    call_command("import_contacts", str(path), duplicates="report")
    assert f"Probable duplicate of contact {contact.pk}." in capsys.readouterr().err
