"""POST /v1.0/contact-groups/search."""

import pytest
from django.db import connection
from django.db.models import F, Value

from contactgroups.models import ContactGroup, GroupMembership
from core.folding import FoldedLike

pytestmark = pytest.mark.django_db
PATH = "/v1.0/contact-groups/search"


def found(client, **criteria):
    answer = client.post(PATH, criteria)
    assert answer.status == 200, answer.json
    return [row["groupId"] for row in answer.json["results"]]


@pytest.fixture
def contact(make_contact):
    return make_contact()


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("spyri", {"Familie Spyri", "SPYRI & Söhne"}),
        ("SÖHNE", {"SPYRI & Söhne"}),
        ("spyri &", {"SPYRI & Söhne"}),
        ("%", {"100% Heidi"}),
        ("_", {"a_b"}),
        ("\\", {"back\\slash"}),
        ("'", {"d'Alpe"}),
        ("nobody", set()),
        ("", {"Familie Spyri", "SPYRI & Söhne", "100% Heidi", "a_b", "back\\slash", "d'Alpe", None}),
        (None, {"Familie Spyri", "SPYRI & Söhne", "100% Heidi", "a_b", "back\\slash", "d'Alpe", None}),
    ],
)
def test_a_name_holds_the_text_anywhere_and_whatever_the_case(app, contact, make_group, name, names):
    for text in ("Familie Spyri", "SPYRI & Söhne", "100% Heidi", "a_b", "back\\slash", "d'Alpe", None):
        make_group(contact, name=text)
    results = app.post(PATH, {"name": name}).json["results"]
    assert {row["groupName"] for row in results} == names


def test_criteria_combine_with_and(app, make_contact, make_group):
    heidi, peter = make_contact(), make_contact()
    both = make_group(heidi, peter, name="Both", external_id="G-1")
    heidis = make_group(heidi, name="Heidi", external_id="G-2")
    peters = make_group(peter, name="Peter")
    assert found(app, contactIds=[heidi.pk]) == [both.pk, heidis.pk]
    assert found(app, contactIds=[heidi.pk, peter.pk]) == [both.pk, heidis.pk, peters.pk]
    assert found(app, contactIds=[heidi.pk], externalIds=["G-1", "G-9"]) == [both.pk]
    assert found(app, contactIds=[heidi.pk], contactGroupIds=[heidis.pk, peters.pk]) == [heidis.pk]
    assert found(app, contactGroupIds=[both.pk, peters.pk], name="e") == [peters.pk]
    assert found(app, contactIds=[peter.pk], name="heidi") == []


def test_an_empty_list_is_no_criterion_and_neither_is_null(app, contact, make_group):
    group = make_group(contact)
    for name in ("contactIds", "contactGroupIds", "externalIds"):
        for empty in ([], None):
            assert found(app, **{name: empty}) == [group.pk]
            assert found(app, **{name: empty}, name="nobody") == []


def test_an_unknown_criterion_is_refused(app):
    answer = app.post(PATH, {"groupName": "x"})
    assert (answer.status, answer.places) == (400, {"groupName"})


def test_only_groups_that_the_caller_sees_are_found(
    make_contact, make_group, make_member, make_app, make_participant, app, api_of
):
    head = make_member()
    anna, zurich = make_member(manager=head), make_participant()
    annas, others = make_contact(members=[anna], participants=[zurich]), make_contact()
    hers, theirs, empty = make_group(annas), make_group(others), make_group()
    assert found(app) == [hers.pk, theirs.pk, empty.pk]
    assert found(api_of(make_member(sees_all_contacts=True))) == [hers.pk, theirs.pk, empty.pk]
    for caller in (head, anna, annas, make_app(participants=[zurich])):
        assert found(api_of(caller)) == [hers.pk]
        assert found(api_of(caller), contactGroupIds=[theirs.pk, empty.pk]) == []
    for caller in (make_member(), make_contact(), make_app(participants=[make_participant()])):
        assert found(api_of(caller)) == []


def test_whether_an_invisible_contact_is_in_a_group_is_not_told(make_contact, make_group, make_member, api_of):
    member = make_member()
    own, hidden = make_contact(members=[member]), make_contact()
    make_group(own, hidden)
    assert found(api_of(member), contactIds=[hidden.pk]) == []


def test_any_number_of_groups_comes_in_pages(app, contact, policy, count_queries):
    groups = ContactGroup.objects.bulk_create(ContactGroup(name="Family") for _ in range(205))
    GroupMembership.objects.bulk_create(
        GroupMembership(group=group, contact=contact, access_policy_id=policy()) for group in groups
    )
    ids = [group.pk for group in groups]
    for criteria in ({}, {"name": "FAMILY"}, {"contactIds": [contact.pk]}):
        answer = app.post(PATH, {**criteria, "pageSize": None})
        assert [row["groupId"] for row in answer.json.pop("results")] == ids[:20]
        assert answer.json == {"page": 1, "pageSize": 20, "pageCount": 11, "totalCount": 205}
    with count_queries() as queries:
        assert found(app, page=2, pageSize=200) == ids[200:]
    assert len(queries) <= 5
    [row] = app.post(PATH, {"page": 205, "pageSize": 1}).json["results"]
    assert [row["groupId"], row["contacts"][0]["contactId"]] == [ids[-1], contact.pk]
    assert app.post(PATH, {"pageSize": 201}).places == {"pageSize"}


def test_a_part_of_a_name_is_looked_up_in_an_index():
    ContactGroup.objects.bulk_create(ContactGroup(name=f"Group {number}") for number in range(1_000))
    with connection.cursor() as cursor:
        # A thousand rows are read faster than any index; what counts is that the index serves the condition.
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "group_by_part_folded_name" in ContactGroup.objects.filter(FoldedLike(F("name"), Value("roup 77"))).explain()
