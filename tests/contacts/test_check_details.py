"""After a stricter schema version, stored details stay readable, and a command reports violations."""

import json

import pytest
from django.core.management import call_command

from accounts.actor import system_actor
from schemas.queries import current_schema
from schemas.services.schemas import publish_schema
from tests.fixtures import details

pytestmark = pytest.mark.django_db


def publish(change):
    schema = current_schema("contact")
    definition = json.loads(schema.definition_text)
    change({element["key"]: element for element in definition["elements"]})
    publish_schema(
        actor=system_actor("tests"),
        key="contact",
        definition_text=json.dumps(definition),
        concurrency_token=schema.concurrency_token,
    )


def without_position(sections):
    elements = sections["occupation"]["elements"]
    elements[:] = [element for element in elements if element["key"] != "position"]


def with_mandatory_employer(sections):
    next(element for element in sections["occupation"]["elements"] if element["key"] == "employer")["isMandatory"] = (
        True
    )


def run(capsys):
    try:
        call_command("check_details")
        code = 0
    except SystemExit as exit_:
        code = exit_.code
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_documents_that_follow_the_schema_are_fine(make_contact, capsys):
    make_contact()
    code, out, err = run(capsys)
    assert (code, out) == (0, "")
    assert "1 checked" in err


def test_every_contact_that_violates_it_is_listed_with_the_reason(make_contact, capsys):
    contact = make_contact()
    make_contact(details(occupation={"employer": "Alm AG"}))
    publish(with_mandatory_employer)
    code, out, err = run(capsys)
    assert code == 1
    assert out.startswith(f"{contact.pk}\toccupation.employer\t")
    assert len(out.splitlines()) == 1
    assert "2 checked" in err
    assert "1 violate" in err


class TestWhatTheSchemaNoLongerNames:
    @pytest.fixture
    def contact(self, make_contact):
        contact = make_contact(details(occupation={"position": "Author", "employer": "Alm AG"}))
        publish(without_position)
        return contact

    def test_it_stays_readable_and_is_no_violation(self, contact, app, capsys):
        read = app.get(f"/v1.0/contacts/{contact.pk}/details").json["details"]
        assert read["occupation"]["position"] == "Author"
        assert run(capsys)[0] == 0

    def test_it_does_not_fail_a_submission_that_leaves_it_alone(self, contact, app):
        path = f"/v1.0/contacts/{contact.pk}/details"
        assert app.patch(path, {"details": {"occupation": {"employer": "Hof AG"}}}).status == 200
        read = app.get(path).json["details"]
        assert read["occupation"] == {"position": "Author", "employer": "Hof AG"}
        assert app.put(path, {"details": {**read, "relationship": {"notes": "x"}}}).status == 200

    def test_changing_it_is_a_fault_and_removing_it_is_not(self, contact, app):
        path = f"/v1.0/contacts/{contact.pk}/details"
        changed = app.patch(path, {"details": {"occupation": {"position": "Poet"}}})
        assert (changed.status, changed.places) == (422, {"occupation.position"})
        assert app.patch(path, {"details": {"occupation": {"position": None}}}).status == 200
        assert "position" not in app.get(path).json["details"]["occupation"]

    def test_a_contact_may_not_even_remove_it(self, contact, api_of):
        answer = api_of(contact).patch(
            f"/v1.0/contacts/{contact.pk}/details", {"details": {"occupation": {"position": None}}}
        )
        assert answer.sub_code == "FieldNotUpdatable"


def test_an_approval_is_validated_against_todays_schema(make_contact, make_member, api_of):
    anna, rita = make_member(), make_member(reviews=True, sees_all_contacts=True)
    contact = make_contact(members=[anna])
    path = f"/v1.0/contacts/{contact.pk}"
    api_of(anna).patch(f"{path}/details", {"details": {"personalInformation": {"lastName": "Heusser"}}})
    pending = api_of(rita).get(f"/v1.1/contacts/{contact.pk}/pending-change-request/check").json["changeRequest"]
    publish(with_mandatory_employer)
    answer = api_of(rita).post(f"{path}/change-requests/{pending['id']}/review", {"isApproved": True})
    assert (answer.status, answer.sub_code, answer.places) == (422, "ValidationFailed", {"occupation.employer"})
    still = api_of(rita).get(f"/v1.1/contacts/{contact.pk}/pending-change-request/check").json
    assert still["hasPendingChangeRequest"] is True
