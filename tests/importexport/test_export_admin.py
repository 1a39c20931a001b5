"""Exports in the admin: started from a filtered list, watched, and downloaded by the requester."""

import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse

from contacts.models import Contact
from importexport.exports.running import run_export
from importexport.models import ExportJob, ExportStatus
from schemas.models import ListItem
from tests.fixtures import details
from tests.importexport.reading import read_csv

EXPORTER = ["view_exportjob", "add_exportjob", "view_contact"]
LIST = reverse("admin:importexport_exportjob_changelist")
START = reverse("admin:importexport_exportjob_start", args=["contacts"])
BUTTON = b"Export what is filtered"


@pytest.fixture
def exporter(make_member, default_schemas):
    return make_member(permissions=EXPORTER, sees_all_contacts=True)


def rows_of(client):
    """The rows of the file that the newest export of this session gives."""
    job = ExportJob.objects.latest("created_at")
    run_export(job.pk)
    job.refresh_from_db()
    assert job.status == ExportStatus.COMPLETED, job.error_message
    answer = client.get(reverse("admin:importexport_exportjob_download", args=[job.kind, job.pk]))
    assert answer.status_code == 200
    return read_csv(b"".join(answer.streaming_content))


@pytest.mark.django_db(transaction=True)
def test_what_the_list_shows_is_what_is_exported(exporter, make_contact, make_participant, admin_of, celery_messages):
    participant = make_participant("Zürich")
    chosen = make_contact(details(personalInformation={"displayName": "Shannon Ford"}), participants=[participant])
    make_contact(details(personalInformation={"displayName": "Shannon Airport"}))
    make_contact(details(personalInformation={"displayName": "Somebody"}), participants=[participant])
    browser = admin_of(exporter)
    query = f"q=shannon&participants__id__exact={participant.pk}&o=1&p=1"
    page = browser.get(f"/admin/contacts/contact/?{query}")
    assert BUTTON in page.content
    answer = browser.post(f"{START}?{query}")
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    assert [row["id"] for row in rows_of(browser)] == [str(chosen.pk)]
    assert ExportJob.objects.get().list_filter == ""


@pytest.mark.django_db(transaction=True)
def test_filters_of_the_lists_own_count_too(exporter, make_contact, contact_type, admin_of, celery_messages):
    client, prospect = make_contact(), make_contact()
    prospects = ListItem.objects.get(list__key="contact-type", key="prospect")
    Contact.objects.filter(pk=prospect.pk).update(type=prospects)
    browser = admin_of(exporter)
    for item, expected in ((contact_type, client), (prospects, prospect)):
        browser.post(f"{START}?pending=no&type={item.pk}")
        assert [row["id"] for row in rows_of(browser)] == [str(expected.pk)]


@pytest.mark.django_db(transaction=True)
def test_contacts_without_participants_are_exported(
    exporter, make_contact, make_participant, admin_of, celery_messages
):
    alone = make_contact()
    make_contact(participants=[make_participant("Zürich")])
    browser = admin_of(exporter)
    browser.post(f"{START}?participants__isnull=True")
    assert [row["id"] for row in rows_of(browser)] == [str(alone.pk)]


@pytest.mark.django_db(transaction=True)
def test_only_contacts_that_the_member_sees_are_exported(make_member, make_contact, admin_of, celery_messages):
    member = make_member(permissions=EXPORTER)
    mine = make_contact(members=[member])
    make_contact()
    browser = admin_of(member)
    browser.post(START)
    assert [row["id"] for row in rows_of(browser)] == [str(mine.pk)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "query", ["user__password__startswith=a", "participants__isnull=perhaps", "type=x", "pending=maybe"]
)
def test_a_filter_that_does_not_exist_is_told_at_once(query, exporter, admin_of):
    browser = admin_of(exporter)
    answer = browser.post(f"{START}?{query}", follow=True)
    assert b"The list has no such filter." in answer.content
    assert not ExportJob.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("permissions", [[], ["add_exportjob"], ["view_contact", "view_exportjob"]])
def test_without_the_permission_nothing_starts(permissions, make_member, admin_of, default_schemas):
    member = make_member(permissions=permissions, sees_all_contacts=True)
    assert admin_of(member).post(START).status_code == 403
    assert not ExportJob.objects.exists()


@pytest.mark.django_db
def test_the_button_is_there_for_those_who_may_use_it(make_member, make_contact, admin_of):
    member = make_member(permissions=["view_contact"], sees_all_contacts=True)
    make_contact()
    assert START.encode() not in admin_of(member).get("/admin/contacts/contact/").content


@pytest.mark.django_db
def test_a_link_starts_nothing(exporter, admin_of):
    assert admin_of(exporter).get(START).status_code == 405
    assert admin_of(exporter).post(START.replace("contacts", "nothing")).status_code == 404


@pytest.mark.django_db
def test_the_list_shows_ones_own_exports_and_how_far_they_are(exporter, make_member, admin_of):
    other = make_member(permissions=EXPORTER)
    for member in (exporter, other):
        admin_of(member).post(START)
    jobs = ExportJob.objects.filter(requested_by_member=exporter)
    jobs.update(status=ExportStatus.RUNNING, processed=250, total=1000)
    page = admin_of(exporter).get(LIST)
    assert page.context["cl"].result_count == 1
    assert b'<progress data-unfinished-job max="1000" value="250"' in page.content
    assert b"importexport/jobs.js" in page.content
    jobs.update(status=ExportStatus.FAILED, error_message="There is no <room> left.")
    page = admin_of(exporter).get(LIST)
    assert b"There is no &lt;room&gt; left." in page.content
    assert b"data-unfinished-job" not in page.content


@pytest.mark.django_db
def test_the_script_that_keeps_the_list_fresh_is_a_file_of_its_own():
    assert finders.find("importexport/jobs.js")


@pytest.mark.django_db(transaction=True)
def test_nobody_else_downloads_the_file(exporter, make_member, make_contact, admin_of, celery_messages):
    make_contact()
    browser = admin_of(exporter)
    browser.post(START)
    rows_of(browser)
    job = ExportJob.objects.get()
    address = reverse("admin:importexport_exportjob_download", args=[job.kind, job.pk])
    assert address.encode() in browser.get(LIST).content
    superuser = make_member(is_superuser=True, sees_all_contacts=True)
    assert admin_of(superuser).get(address).status_code == 404
    assert admin_of(make_member(permissions=["view_contact"])).get(address).status_code == 403
    ExportJob.objects.update(file_name="")
    assert browser.get(address).status_code == 404
    assert b"Expired" in browser.get(LIST).content


@pytest.mark.django_db
def test_legal_entities_are_exported_from_their_list_too(make_member, admin_of, default_schemas):
    member = make_member(permissions=["add_exportjob", "view_legalentity"], sees_all_contacts=True)
    start = reverse("admin:importexport_exportjob_start", args=["legalentities"])
    browser = admin_of(member)
    assert start.encode() in browser.get("/admin/legalentities/legalentity/").content
    assert browser.post(f"{start}?q=x").status_code == 302
    assert ExportJob.objects.get().kind == "legalentities"
