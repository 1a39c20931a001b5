"""Reading a contact without its details."""

import pytest

from tests.fixtures import details

pytestmark = pytest.mark.django_db


def path_of(contact):
    return f"/v1.0/contacts/{contact.pk}"


def test_without_a_token_nothing_is_read(make_contact, anonymous):
    answer = anonymous.get(path_of(make_contact()))
    assert (answer.status, answer.json["code"]) == (401, "Unauthorized")


def test_who_does_not_see_the_contact_cannot_tell_it_from_none(
    make_contact, make_member, make_participant, make_app, api_of
):
    contact, other = make_contact(), make_contact()
    for who in (make_member(), make_app(participants=[make_participant()]), other):
        api = api_of(who)
        hidden, missing = api.get(path_of(contact)), api.get(f"/v1.0/contacts/{2**31 - 1}")
        assert hidden.status == missing.status == 404
        assert {**hidden.json, "correlationId": ""} == {**missing.json, "correlationId": ""}


def test_who_sees_it_reads_what_it_is(make_contact, make_member, app, api_of):
    member = make_member()
    contact = make_contact(username="johanna", members=[member])
    expected = {
        "id": contact.pk,
        "uId": str(contact.uid),
        "name": "Johanna Spyri",
        "typeId": contact.type_id,
        "username": "johanna",
        "version": 1,
        "changeDate": contact.entries.get().recorded_at.isoformat().replace("+00:00", "Z"),
        "mergedIntoId": None,
    }
    for api in (app, api_of(member), api_of(contact)):
        answer = api.get(path_of(contact))
        assert (answer.status, answer.json) == (200, expected)
        assert answer.headers["Cache-Control"] == "private, no-cache"


def test_the_etag_changes_with_whatever_the_answer_has(make_contact, app):
    contact = make_contact(username="johanna")
    etag = app.get(path_of(contact)).headers["ETag"]
    known = app.get(path_of(contact), if_none_match=etag)
    assert (known.status, known.json, known.headers["ETag"]) == (304, b"", etag)
    assert app.patch(f"{path_of(contact)}/details", {"details": {"relationship": {"notes": "Seen"}}}).status == 200
    changed = app.get(path_of(contact), if_none_match=etag)
    assert (changed.status, changed.json["version"]) == (200, 2)
    latest = contact.entries.get(sequence=2).recorded_at
    assert changed.json["changeDate"] == latest.isoformat().replace("+00:00", "Z")
    assert app.put(f"{path_of(contact)}/username", {"username": "heidi"}).status == 204
    renamed = app.get(path_of(contact), if_none_match=changed.headers["ETag"])
    assert (renamed.status, renamed.json["username"], renamed.json["version"]) == (200, "heidi", 2)


def test_a_change_can_name_the_etag(make_contact, app):
    contact = make_contact()
    etag = app.get(path_of(contact)).headers["ETag"]
    change = {"details": details(personalInformation={"firstName": "Heidi"})}
    assert app.patch(f"{path_of(contact)}/details", change, if_match=etag).status == 200
    assert app.patch(f"{path_of(contact)}/details", change, if_match=etag).status == 412


def test_reading_it_runs_one_statement(make_contact, make_member, app, api_of, count_queries):
    member = make_member()
    contact = make_contact(members=[member])
    for api in (app, api_of(member)):
        api.get(path_of(contact))
        with count_queries() as queries:
            assert api.get(path_of(contact)).status == 200
        assert len(queries) <= 1
