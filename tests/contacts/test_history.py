"""The change history of a contact."""

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(make_member):
    return make_member("anna")


@pytest.fixture
def contact(make_contact, anna, api_of, app):
    """Created by the system, then changed by anna, by itself and by an app."""
    contact = make_contact(members=[anna])
    path = f"/v1.0/contacts/{contact.pk}/details"
    api_of(anna).patch(path, {"details": {"relationship": {"notes": "called"}}})
    api_of(contact).patch(path, {"details": {"contactInformation": {"phone": "+41 44 123 45 67"}}})
    app.patch(path, {"details": {"personalInformation": {"nationalities": ["CH", "DE"]}}})
    return contact


def search(api, contact, body, version="v1.1"):
    return api.post(f"/{version}/contacts/{contact.pk}/details/change-history/search", body)


def versions(answer, contact):
    assert answer.status == 200, answer.json
    by_id = dict(contact.entries.values_list("id", "sequence"))
    return [by_id[row["contactChangeSetId"]] for row in answer.json["results"]]


def test_changes_come_by_submission_the_latest_first_with_who_made_them(contact, anna, app):
    answer = search(app, contact, {})
    assert versions(answer, contact) == [4, 3, 2, 1]
    latest, own, annas, first = answer.json["results"]
    assert latest["initiatorPerson"] is None
    assert latest["changes"] == [
        {"path": "personalInformation.nationalities", "originalValue": '["CH"]', "targetValue": '["CH","DE"]'}
    ]
    assert own["initiatorPerson"] == {"uId": str(contact.uid), "name": "Johanna Spyri"}
    assert annas["initiatorPerson"] == {"uId": str(anna.uid), "name": "Anna Tester"}
    assert annas["changes"] == [{"path": "relationship.notes", "originalValue": None, "targetValue": "called"}]
    assert {"path": "personalInformation.lastName", "originalValue": None, "targetValue": "Spyri"} in first["changes"]


def test_the_older_sibling_names_people_by_id(contact, anna, app):
    answer = search(app, contact, {"initiatorPersonIds": [anna.pk], "paths": ["relationship"]}, version="v1.0")
    assert [row["initiatorPerson"] for row in answer.json["results"]] == [{"id": anna.pk, "name": "Anna Tester"}]
    assert "successor-version" in answer.headers["Link"]


def test_criteria_combine_with_and(contact, anna, app):
    assert versions(search(app, contact, {"initiatorPersonUids": [str(anna.uid)]}), contact) == [2]
    assert versions(search(app, contact, {"paths": ["personalInformation"]}), contact) == [4, 1]
    both = {"paths": ["personalInformation"], "initiatorPersonUids": [str(anna.uid)]}
    assert versions(search(app, contact, both), contact) == []
    assert versions(search(app, contact, {"executionDateTo": "2001-01-01T00:00:00Z"}), contact) == []


def test_comments_are_for_staff_and_for_who_wrote_them(contact, anna, app, api_of):
    path = f"/v1.0/contacts/{contact.pk}/details"
    for caller, note in ((anna, "She called"), (contact, "I moved")):
        patch = {"contactInformation": {"phone": f"+41 44 123 45 {caller.pk % 90 + 10}"}}
        assert api_of(caller).patch(path, {"details": patch, "comment": note}).status == 200
    for version in ("v1.0", "v1.1"):
        assert [row["comment"] for row in search(app, contact, {"pageSize": 3}, version).json["results"]] == [
            "I moved",
            "She called",
            None,
        ]
        own = search(api_of(contact), contact, {"pageSize": 2}, version).json["results"]
        assert [row["comment"] for row in own] == ["I moved", None]


def test_people_are_sorted_whether_they_are_members_or_contacts(contact, anna, app):
    people = {2: anna.pk, 3: contact.pk}
    for order, step in (("Ascending", 1), ("Descending", -1)):
        found = versions(search(app, contact, {"sortBy": "initiatorPersonId", "sortOrder": order}), contact)
        by_id = sorted(people, key=lambda version: (people[version], version))
        assert found == [1, 4, *by_id][::step]


def test_a_path_inside_an_array_finds_the_changes_of_the_array(contact, app, count_queries):
    path = f"/v1.0/contacts/{contact.pk}/details"
    address = {"type": "domicile", "street": "Gasse 1", "city": "Zug", "postalCode": "6300", "country": "CH"}
    assert app.patch(path, {"details": {"contactInformation": {"addresses": [address]}}}).status == 200
    asked = app.post("/v1.0/schemas/contact/fields", {"layoutPathKey": "contactInformation.addresses"}).json["fields"]
    assert "contactInformation.addresses.city" in [field["key"] for field in asked]
    for field in asked:
        with count_queries() as queries:
            assert versions(search(app, contact, {"paths": [field["key"]]}), contact)[0] == 5
        assert len(queries) <= 5
    assert versions(search(app, contact, {"paths": ["contactInformation.nothing.city"]}), contact) == []


def test_the_search_works_by_query_parameters_too(contact, anna, app):
    path = f"/v1.1/contacts/{contact.pk}/details/change-history/search"
    query = "?paths=personalInformation&paths=relationship.notes&page=1&pageSize=2&sortOrder=Ascending&language=de"
    answer = app.get(path + query)
    assert (versions(answer, contact), answer.json["totalCount"]) == ([1, 2], 3)
    assert app.get(f"{path}?colour=red").places == {"colour"}
    assert app.get(f"{path}?page=one").places == {"page"}
    assert versions(app.get(f"{path}?initiatorPersonUids={anna.uid}"), contact) == [2]


@pytest.mark.parametrize("media_type", ["application/json", "text/json", "application/vnd.kontor+json; charset=utf-8"])
def test_the_search_reads_the_body_of_a_get(contact, app, media_type):
    path = f"/v1.1/contacts/{contact.pk}/details/change-history/search"
    criteria = {"paths": ["personalInformation"], "sortOrder": "Ascending"}
    answer = app.call("GET", f"{path}?language=de", criteria, content_type=media_type)
    assert versions(answer, contact) == [1, 4]


def test_a_body_of_a_get_is_never_ignored(contact, app):
    path = f"/v1.1/contacts/{contact.pk}/details/change-history/search"
    body = {"paths": ["relationship"]}
    for address, sent in (
        (f"{path}?page=1", body),
        (path, {"path": ["relationship"]}),
        (path, []),
        (path, {"page": "1"}),
    ):
        assert app.call("GET", address, sent).status == 400
    assert app.call("GET", path, raw=b"null").status == 400
    assert app.call("GET", path, body, content_type="text/plain").status == 415


@pytest.mark.parametrize("column", ["contactChangeSetId", "executionDate"])
def test_results_are_sorted_as_asked(contact, app, column):
    answer = search(app, contact, {"sortBy": column, "sortOrder": "Ascending"})
    assert versions(answer, contact) == [1, 2, 3, 4]


def test_the_history_of_a_contact_that_the_caller_cannot_see_is_not_found(contact, make_member, api_of):
    assert search(api_of(make_member()), contact, {}).status == 404


def test_sql_stays_within_budget(contact, app, count_queries):
    with count_queries() as queries:
        search(app, contact, {})
    assert len(queries) <= 5
