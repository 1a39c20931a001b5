"""A change reads with the token and writes in one statement each; commits in between are not lost."""

import pytest

from accounts.actor import system_actor
from changerequests.models import ChangeRequest, Status
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from contacts.services.identity import change_username
from tests.concurrency import while_waiting

pytestmark = pytest.mark.django_db(transaction=True)

THEIRS = system_actor("core-banking")
NOTES = {"details": {"relationship": {"notes": "Mine"}}}


@pytest.fixture
def contact(make_contact):
    return make_contact()


@pytest.fixture
def path(contact):
    return f"/v1.0/contacts/{contact.pk}/details"


@pytest.fixture
def app(app, path):
    """A caller that this process knows: its change is read along with its token."""
    assert app.get(path).status == 200
    return app


def change(contact, patch):
    return patch_details(actor=THEIRS, contact_id=contact.pk, patch=patch)


def test_a_change_takes_two_statements_once_the_caller_is_known(app, path, count_queries):
    assert app.patch(path, {"details": {"relationship": {"notes": "First"}}}).status == 200
    with count_queries() as queries:
        assert app.patch(path, NOTES).status == 200
    assert len(queries) == 2


def test_a_change_that_changes_nothing_takes_one_statement(app, path, count_queries):
    assert app.patch(path, NOTES).status == 200
    with count_queries() as queries:
        assert app.patch(path, NOTES).headers["ETag"] == '"2"'
    assert len(queries) == 1


def test_what_somebody_else_changes_meanwhile_stays(app, contact, path):
    answer = while_waiting(
        lambda: app.patch(path, NOTES), before=lambda: change(contact, {"occupation": {"employer": "Theirs"}})
    )
    assert (answer.status, answer.headers["ETag"]) == (200, '"3"')
    contact.refresh_from_db()
    assert contact.details["occupation"]["employer"] == "Theirs"
    assert contact.details["relationship"]["notes"] == "Mine"
    assert list(contact.entries.order_by("sequence").values_list("sequence", "paths")[1:]) == [
        (2, ["occupation", "occupation.employer"]),
        (3, ["relationship", "relationship.notes"]),
    ]


def test_the_history_names_the_value_that_was_there_when_it_was_changed(app, contact, path):
    while_waiting(lambda: app.patch(path, NOTES), before=lambda: change(contact, {"relationship": {"notes": "Theirs"}}))
    latest = contact.entries.get(sequence=3)
    assert latest.changes == [{"path": "relationship.notes", "original": "Theirs", "target": "Mine"}]


def test_what_somebody_else_has_changed_to_the_same_is_not_changed_again(app, contact, path):
    answer = while_waiting(
        lambda: app.patch(path, NOTES), before=lambda: change(contact, {"relationship": {"notes": "Mine"}})
    )
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert contact.entries.count() == 2


def test_a_version_that_is_overtaken_meanwhile_is_refused(app, contact, path):
    answer = while_waiting(
        lambda: app.patch(path, NOTES, if_match='"1"'),
        before=lambda: change(contact, {"relationship": {"notes": "Theirs"}}),
    )
    assert (answer.status, answer.headers["ETag"]) == (412, '"2"')
    contact.refresh_from_db()
    assert contact.details["relationship"]["notes"] == "Theirs"


def test_a_whole_document_takes_away_what_was_added_meanwhile_and_the_history_says_so(app, contact, path):
    document = app.get(path).json["details"] | {"relationship": {"notes": "Mine"}}
    answer = while_waiting(
        lambda: app.put(path, {"details": document}),
        before=lambda: change(contact, {"occupation": {"employer": "Theirs"}}),
    )
    assert answer.status == 200
    latest = contact.entries.get(sequence=3)
    assert {"path": "occupation.employer", "original": "Theirs", "target": None} in latest.changes


def test_a_contact_that_is_anonymized_meanwhile_is_not_changed(app, contact, path):
    answer = while_waiting(
        lambda: app.patch(path, NOTES), before=lambda: anonymize_contacts(actor=THEIRS, contact_ids=[contact.pk])
    )
    assert (answer.status, answer.sub_code) == (422, "ContactAnonymized")
    contact.refresh_from_db()
    assert "notes" not in contact.details.get("relationship", {})


def test_a_username_that_is_given_meanwhile_stays(app, contact, path):
    answer = while_waiting(
        lambda: app.patch(path, NOTES),
        before=lambda: change_username(actor=THEIRS, contact_id=contact.pk, username="newly.named"),
    )
    assert answer.status == 200
    contact.refresh_from_db()
    assert (contact.username, contact.details["relationship"]["notes"]) == ("newly.named", "Mine")


def test_a_request_that_is_made_meanwhile_is_outdated_by_the_change(make_member, api_of, app, contact, path):
    anna = make_member("anna", sees_all_contacts=True)
    rita = api_of(make_member("rita", reviews=True, sees_all_contacts=True))
    name = {"personalInformation": {"lastName": "Heusser"}}
    answer = while_waiting(
        lambda: app.patch(path, {"details": {"personalInformation": {"lastName": "Spyri-Heusser"}}}),
        before=lambda: api_of(anna).patch(path, {"details": name}),
    )
    assert answer.status == 200
    request = ChangeRequest.objects.get()
    review = rita.post(f"/v1.0/contacts/{contact.pk}/change-requests/{request.pk}/review", {"isApproved": True})
    assert (review.status, review.sub_code) == (422, "ChangeRequestOutdated")
    request.refresh_from_db()
    assert request.status == Status.PENDING
    assert Contact.objects.get(pk=contact.pk).details["personalInformation"]["lastName"] == "Spyri-Heusser"
