"""POST /v1.1/legalentities and its deprecated predecessor."""

import pytest

from accounts.models import IdempotencyRecord
from contactgroups.models import ContactGroup, GroupMembership, LinkedEntity
from core.errors import UnprocessableEntity
from legalentities.models import LegalEntity
from tests.concurrency import at_once
from tests.legalentities.documents import company

pytestmark = pytest.mark.django_db
PATH = "/v1.1/legalentities"
UNKNOWN = 2**31 - 1


@pytest.fixture
def body_of(policy):
    """A body that creates a legal entity of these contacts."""

    def make(*contacts, policy_key="owner", details=None):
        listed = [{"contactId": contact.pk, "accessPolicyId": policy(policy_key)} for contact in contacts]
        return {"contacts": listed, "details": company() if details is None else details}

    return make


def members_of(answer):
    """Who is in the group of the legal entity that was created, by contact, and with which access policy."""
    link = LinkedEntity.objects.get(entity_type="LegalEntity", entity_id=answer.json["id"])
    memberships = GroupMembership.objects.filter(group=link.group).select_related("access_policy")
    return {membership.contact_id: membership.access_policy.key for membership in memberships}


def nothing_was_made():
    return not LegalEntity.objects.exists() and not ContactGroup.objects.exists() and not LinkedEntity.objects.exists()


def test_without_a_token_or_the_scope_nothing_is_made(make_contact, make_app, api_of, anonymous, body_of):
    body = body_of(make_contact())
    assert anonymous.post(PATH, body).status == 401
    assert api_of(make_app(), scopes=["legal-entities.read"]).post(PATH, body).status == 403
    assert nothing_was_made()


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_a_legal_entity_is_created_with_a_group_of_its_contacts(make_contact, app, body_of, version):
    anna, ben = make_contact(), make_contact()
    answer = app.post(f"/{version}/legalentities", body_of(anna, ben, policy_key="full-access"))
    assert answer.status == 201
    assert answer.json == {"id": answer.json["id"], "details": company()}
    made = LegalEntity.objects.get(pk=answer.json["id"])
    assert (made.name, made.version, made.external_id) == ("Alpöhi Holding AG", 1, None)
    assert members_of(answer) == {anna.pk: "full-access", ben.pk: "full-access"}


def test_the_older_sibling_says_what_replaces_it(make_contact, app, body_of):
    answer = app.post("/v1.0/legalentities", body_of(make_contact()))
    assert answer.headers["Link"] == '</v1.1/legalentities>; rel="successor-version"'
    assert "Deprecation" in answer.headers


def test_the_group_of_a_legal_entity_cannot_be_deleted(make_contact, app, body_of):
    created = app.post(PATH, body_of(make_contact()))
    group = app.get(f"/v1.0/legalentities/{created.json['id']}/details").json["contactGroupId"]
    refused = app.delete(f"/v1.0/contactgroups/{group}")
    assert (refused.status, refused.sub_code) == (422, "GroupHasEntities")


def test_contacts_of_the_group_have_access_to_the_legal_entity_and_others_have_none(make_contact, app, body_of):
    anna, stranger = make_contact(), make_contact()
    created = app.post(PATH, body_of(anna))
    access = "/v1.0/contact-groups/contacts/{}/LegalEntity/{}/access"
    assert app.get(access.format(anna.pk, created.json["id"])).json == {"hasAccess": True}
    assert app.get(access.format(stranger.pk, created.json["id"])).json == {"hasAccess": False}


class TestWhoIsInTheGroup:
    @pytest.mark.parametrize("body", [{"contacts": None}, {"contacts": []}, {}])
    def test_a_contact_that_creates_one_owns_it(self, make_contact, api_of, body):
        anna = make_contact()
        answer = api_of(anna).post(PATH, {**body, "details": {"name": "Alp AG"}})
        assert answer.status == 201
        assert members_of(answer) == {anna.pk: "owner"}
        assert api_of(anna).get(f"/v1.0/legalentities/{answer.json['id']}/details").status == 200

    def test_a_contact_that_names_itself_has_the_policy_that_it_names(self, make_contact, api_of, body_of):
        anna = make_contact()
        answer = api_of(anna).post(PATH, body_of(anna, policy_key="full-access", details={"name": "Alp AG"}))
        assert members_of(answer) == {anna.pk: "full-access"}

    def test_a_contact_cannot_name_others(self, make_contact, api_of, body_of):
        answer = api_of(make_contact()).post(PATH, body_of(make_contact(), details={"name": "Alp AG"}))
        assert (answer.status, answer.sub_code) == (422, "UnknownContacts")
        assert nothing_was_made()

    def test_a_member_or_an_app_that_does_not_see_all_contacts_names_at_least_one(
        self, make_member, make_app, make_participant, api_of
    ):
        for who in (make_member(), make_app(participants=[make_participant()])):
            answer = api_of(who).post(PATH, {"contacts": None, "details": company()})
            assert (answer.status, answer.sub_code) == (422, "ContactsRequired")
        assert nothing_was_made()

    def test_who_sees_everything_may_name_them_later(self, make_member, app, api_of):
        for api in (app, api_of(make_member(sees_all_contacts=True))):
            created = api.post(PATH, {"contacts": None, "details": company()})
            assert created.status == 201
            assert api.get(f"/v1.0/legalentities/{created.json['id']}/details").status == 200

    def test_a_member_creates_one_for_its_contacts_and_for_no_others(self, make_member, make_contact, api_of, body_of):
        anna = make_member()
        own, other = make_contact(members=[anna]), make_contact()
        assert api_of(anna).post(PATH, body_of(own)).status == 201
        refused = api_of(anna).post(PATH, body_of(own, other))
        assert (refused.status, refused.sub_code) == (422, "UnknownContacts")
        assert LegalEntity.objects.count() == 1

    def test_an_unknown_access_policy_is_refused(self, make_contact, contact_type, app):
        for policy_id in (UNKNOWN, contact_type.pk):
            listed = [{"contactId": make_contact().pk, "accessPolicyId": policy_id}]
            assert app.post(PATH, {"contacts": listed, "details": company()}).status == 422
        assert nothing_was_made()


class TestDetails:
    def test_they_follow_the_schema_and_every_fault_is_named_by_its_path(self, make_contact, app, body_of):
        details = {
            "registration": {"country": "CH", "state": "DE-BY", "lei": "short"},
            "contactInformation": {"addresses": [{"type": "domicile", "country": "Narnia"}]},
            "business": {"employees": True},
            "mascot": "goat",
        }
        answer = app.post(PATH, body_of(make_contact(), details=details))
        assert (answer.status, answer.sub_code) == (422, "ValidationFailed")
        assert answer.places >= {
            "name",
            "registration.state",
            "registration.lei",
            "contactInformation.addresses[0].country",
            "contactInformation.addresses[0].city",
            "business.employees",
            "mascot",
        }
        assert nothing_was_made()

    def test_nulls_and_empty_sections_are_the_same_as_absent(self, make_contact, app, body_of):
        details = {**company(), "ownership": {}, "business": {"website": None}}
        assert app.post(PATH, body_of(make_contact(), details=details)).json["details"] == company()

    @pytest.mark.parametrize("details", [None, [], "{}", 7, True])
    def test_what_is_no_object_is_malformed(self, make_contact, app, body_of, details):
        answer = app.post(PATH, {**body_of(make_contact()), "details": details})
        assert (answer.status, answer.places) == (400, {"details"})

    def test_nobody_gives_a_disabled_field_and_a_member_no_read_only_one(
        self, make_contact, make_member, app, api_of, body_of, flag_fields
    ):
        flag_fields("business.employees", isDisabled=True)
        flag_fields("business.industry", isReadOnly=True)
        anna = make_member()
        contact = make_contact(members=[anna])
        disabled = app.post(PATH, body_of(contact, details=company(business={"employees": 3})))
        assert (disabled.sub_code, disabled.places) == ("FieldNotUpdatable", {"business.employees"})
        details = company(business={"industry": "agriculture"})
        refused = api_of(anna).post(PATH, body_of(contact, details=details))
        assert (refused.sub_code, refused.places) == ("FieldNotUpdatable", {"business.industry"})
        assert nothing_was_made()

    def test_a_contact_gives_mandatory_fields_and_those_that_are_open_to_it(self, make_contact, api_of, flag_fields):
        anna = make_contact()
        flag_fields("contactInformation.phone", isUpdatableByContact=True)
        given = {"name": "Alp AG", "contactInformation": {"phone": "+41 44 123 45 67"}}
        assert api_of(anna).post(PATH, {"details": given}).status == 201
        refused = api_of(anna).post(PATH, {"details": {**given, "regulatory": {"riskProfile": "growth"}}})
        assert (refused.sub_code, refused.places) == ("FieldNotUpdatable", {"regulatory.riskProfile"})


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"colour": "red"}, "colour"),
        ({"externalId": "E-1"}, "externalId"),
        ({"contacts": 7}, "contacts"),
        ({"contacts": [{"contactId": 1}]}, "contacts[0].accessPolicyId"),
        ({"contacts": [{"contactId": "1", "accessPolicyId": 1}]}, "contacts[0].contactId"),
        ({"contacts": [{"contactId": 1, "accessPolicyId": 1, "role": "boss"}]}, "contacts[0].role"),
        ({"contacts": [{"contactId": 2**31, "accessPolicyId": 1}]}, "contacts[0].contactId"),
    ],
)
def test_malformed_bodies_are_refused_by_their_place(app, change, place):
    answer = app.post(PATH, {"contacts": None, "details": company(), **change})
    assert (answer.status, answer.places) == (400, {place})
    assert nothing_was_made()


def test_unknown_query_parameters_are_refused(app):
    assert app.post(f"{PATH}?dryRun=true", {"details": company()}).status == 400


class TestSentTwice:
    def test_with_an_idempotency_key_it_is_made_once(self, make_contact, app, body_of):
        body = body_of(make_contact())
        first = app.post(PATH, body, idempotency_key="order-7")
        again = app.post(PATH, body, idempotency_key="order-7")
        assert (first.status, again.status, again.json) == (201, 201, first.json)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert LegalEntity.objects.count() == ContactGroup.objects.count() == 1

    def test_the_kept_answer_is_about_the_legal_entity(self, make_contact, app, body_of):
        created = app.post(PATH, body_of(make_contact()), idempotency_key="order-7")
        assert IdempotencyRecord.objects.get().subject == f"legal-entity:{created.json['id']}"

    @pytest.mark.django_db(transaction=True)
    def test_at_once_it_is_made_once_too(self, make_contact, app, body_of):
        body = body_of(make_contact())
        answers = at_once(*[lambda: app.post(PATH, body, idempotency_key="order-7")] * 3)
        assert {answer.status for answer in answers} <= {201, 409}
        assert LegalEntity.objects.count() == ContactGroup.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_creations_at_once_for_the_same_contacts_both_succeed(make_contact, app, body_of):
    anna, ben = make_contact(), make_contact()
    answers = at_once(
        lambda: app.post(PATH, body_of(anna, ben)),
        lambda: app.post(PATH, body_of(ben, anna)),
    )
    assert [answer.status for answer in answers] == [201, 201]
    assert LegalEntity.objects.count() == ContactGroup.objects.count() == LinkedEntity.objects.count() == 2


def test_an_external_id_belongs_to_one_legal_entity(make_contact, make_legal_entity):
    make_legal_entity(make_contact(), external_id="LE-1")
    make_legal_entity(make_contact())
    make_legal_entity(make_contact())
    with pytest.raises(UnprocessableEntity) as refused:
        make_legal_entity(make_contact(), external_id="LE-1")
    assert refused.value.sub_code == "ExternalIdNotUnique"
