"""The details as they were: what a replay of the history gives, for whoever may read the history."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import system_actor
from audit.models import Entry
from contacts.models import CONTACT_DETAILS, Contact
from contacts.queries.as_of import details_as_of
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.documents import is_same, with_values
from tests.changerequests.reviewing import text_of
from tests.fixtures import without_triggers

pytestmark = pytest.mark.django_db

SYSTEM = system_actor("tests")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def dated(contact, *moments):
    """Have the versions of the contact recorded at these moments, as in as many transactions."""
    with without_triggers(), connection.cursor() as cursor:
        for version, moment in enumerate(moments, start=1):
            cursor.execute(
                "UPDATE audit_entry SET recorded_at = %s WHERE kind = %s AND subject_id = %s AND sequence = %s",
                [moment, CONTACT_DETAILS, contact.pk, version],
            )


def replayed(contact, moment):
    """Return the document that the entries up to a moment make, from nothing."""
    document = {}
    for entry in Entry.objects.of(CONTACT_DETAILS, contact.pk).order_by("sequence"):
        if entry.recorded_at > moment:
            break
        document = with_values(document, {change["path"]: change["target"] for change in entry.changes})
    return document


@pytest.fixture
def contact(make_contact):
    """Three versions, a day apart."""
    made = make_contact()
    for patch in (
        {"personalInformation": {"lastName": "Heusser", "nationalities": ["CH", "DE"]}},
        {"personalInformation": {"nationalities": None}, "relationship": {"notes": "calls on Mondays"}},
    ):
        patch_details(actor=SYSTEM, contact_id=made.pk, patch=patch)
    dated(made, *(START + timedelta(days=day) for day in range(3)))
    return Contact.objects.get(pk=made.pk)


def path(contact, moment=None):
    asked = "" if moment is None else f"?asOf={moment.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    return f"/v1.0/contacts/{contact.pk}/details{asked}"


def test_who_does_not_see_the_contact_does_not_see_what_it_was(contact, make_member, api_of, anonymous):
    assert anonymous.get(path(contact, START)).status == 401
    assert api_of(make_member()).get(path(contact, START)).status == 404
    assert api_of(make_member(), scopes=["groups.read"]).get(path(contact, START)).status == 403
    assert api_of(contact).get(path(contact, START)).status == 200


def test_each_version_is_what_a_replay_gives(contact, app):
    for hours, version in ((0, 1), (12, 1), (24, 2), (47, 2), (48, 3), (1000, 3)):
        moment = START + timedelta(hours=hours)
        answer = app.get(path(contact, moment))
        assert answer.status == 200, answer.json
        assert answer.json["details"] == replayed(contact, moment)
        assert answer.headers["ETag"] == f'"{version}"'
        assert app.get(path(contact, moment), if_none_match=f'"{version}"').status == 304
    assert app.get(path(contact, START)).json["details"]["personalInformation"]["lastName"] == "Spyri"
    assert app.get(path(contact, START + timedelta(days=9))).json == app.get(path(contact)).json


def test_another_offset_is_the_same_moment(contact, app):
    first = app.get(f"/v1.0/contacts/{contact.pk}/details?asOf=2026-03-02T12:59:59%2B01:00")
    assert first.headers["ETag"] == '"1"'
    assert app.get(f"/v1.0/contacts/{contact.pk}/details?asOf=2026-03-02T13:00:00%2B01:00").headers["ETag"] == '"2"'


@pytest.mark.parametrize(
    ("moment", "sub_code"),
    [(START - timedelta(seconds=1), "AsOfBeforeCreation"), (START + timedelta(days=400_000), "AsOfInFuture")],
)
def test_a_moment_at_which_there_was_nothing_is_refused(contact, app, moment, sub_code):
    answer = app.get(path(contact, moment))
    assert (answer.status, answer.sub_code) == (422, sub_code)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "2026-03-01", "2026-03-01T00:00:00", "", "1"])
def test_what_is_no_moment_is_refused(contact, app, text):
    answer = app.get(f"/v1.0/contacts/{contact.pk}/details?asOf={text}")
    assert (answer.status, answer.places) == (400, {"asOf"})


def test_only_reading_knows_another_time(contact, app):
    for method in ("PATCH", "PUT"):
        answer = app.call(method, path(contact, START), {"details": {}})
        assert (answer.status, answer.places) == (400, {"asOf"})
    contact.refresh_from_db()
    assert contact.version == 3


def test_what_was_erased_does_not_come_back(contact, app):
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    refused = app.get(path(contact, START + timedelta(days=1)))
    assert (refused.status, refused.sub_code) == (422, "ContactAnonymized")
    assert "Heusser" not in str(refused.json)
    since = Entry.objects.of(CONTACT_DETAILS, contact.pk).latest("sequence").recorded_at
    asked = since.isoformat().replace("+00:00", "Z")
    assert app.get(f"{path(contact)}?asOf={asked}").json == app.get(path(contact)).json


def test_versions_of_overlapping_transactions_are_never_taken_out_of_order(contact, app):
    """The later version's transaction began first: neither counts before both do."""
    dated(contact, START, START + timedelta(days=2), START + timedelta(days=1))
    for day, version in ((1, 1), (2, 3)):
        assert app.get(path(contact, START + timedelta(days=day))).headers["ETag"] == f'"{version}"'


def test_it_runs_two_statements_more(contact, app, count_queries):
    app.get(path(contact))
    with count_queries() as present:
        app.get(path(contact))
    with count_queries() as past:
        app.get(path(contact, START))
    assert len(past) <= len(present) + 3


NOTES = st.one_of(st.none(), st.text("abc", min_size=1, max_size=3))
NATIONALITIES = st.one_of(st.none(), st.lists(st.sampled_from(["CH", "DE", "FR"]), max_size=3, unique=True))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(NOTES, NATIONALITIES), min_size=1, max_size=5))
def test_any_history_undone_is_the_history_replayed(make_contact, submissions):
    contact = make_contact()
    for notes, nationalities in submissions:
        patch = {"relationship": {"notes": notes}, "personalInformation": {"nationalities": nationalities}}
        patch_details(actor=SYSTEM, contact_id=contact.pk, patch=patch)
    contact.refresh_from_db()
    dated(contact, *(START + timedelta(days=day) for day in range(contact.version)))
    for day in range(contact.version):
        moment = START + timedelta(days=day)
        found = details_as_of(contact_id=contact.pk, version=contact.version, details=contact.details, moment=moment)
        assert found.version == day + 1
        assert is_same(found.details, replayed(contact, moment))


class TestAdmin:
    @pytest.fixture
    def browser(self, make_member, admin_of):
        return admin_of(make_member("vera", permissions=["view_contact"], sees_all_contacts=True))

    def shown(self, browser, contact, **asked):
        return text_of(browser.get(f"/admin/contacts/contact/{contact.pk}/as-of/", asked))

    def test_only_who_sees_the_contact_and_its_history(self, contact, make_member, admin_of):
        address = f"/admin/contacts/contact/{contact.pk}/as-of/"
        assert admin_of(make_member(permissions=["view_contact"])).get(address).status_code == 404
        assert admin_of(make_member(permissions=[], sees_all_contacts=True)).get(address).status_code == 403

    def test_the_history_leads_to_it(self, contact, browser):
        page = browser.get(f"/admin/contacts/contact/{contact.pk}/changes/").content.decode()
        assert f"/admin/contacts/contact/{contact.pk}/as-of/" in page

    def test_it_shows_the_details_of_a_moment(self, contact, browser, looks):
        looks()
        page = self.shown(browser, contact, at="2026-03-01T12:30")
        assert "Spyri" in page
        assert "calls on Mondays" not in page
        assert contact.pk in {row[0] for row in looks()}
        assert "calls on Mondays" in self.shown(browser, contact, at="2026-03-04T00:00")

    def test_it_compares_two_moments(self, contact, browser):
        page = self.shown(browser, contact, at="2026-03-01T13:30", beside="2026-03-02T13:30")
        assert "From version 1 to version 2" in page
        assert "Removed: Spyri + Added: Heusser" in page
        assert "calls on Mondays" not in page
        same = self.shown(browser, contact, at="2026-03-01T13:30", beside="2026-03-01T13:31")
        assert "There is no difference." in same

    def test_it_says_why_there_is_nothing_to_show(self, contact, browser):
        assert "The contact did not exist yet" in self.shown(browser, contact, at="2020-01-01T00:00")
        assert "still to come" in self.shown(browser, contact, at="2026-03-01T13:30", beside="9999-01-01T00:00")
        assert "Enter a valid date/time" in self.shown(browser, contact, at="soon")
