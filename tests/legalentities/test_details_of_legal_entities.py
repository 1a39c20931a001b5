"""Reading and replacing the details of legal entities, through HTTP."""

from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction

from contactgroups.models import LinkedEntity
from core.serializers import INT32_MAX
from legalentities.models import LegalEntity
from tests.concurrency import at_once
from tests.legalentities.documents import company

pytestmark = pytest.mark.django_db
RENAMED = company(name="Alpöhi AG")


def path_of(legal_entity):
    return f"/v1.0/legalentities/{legal_entity.pk}/details"


def link_of(legal_entity):
    return LinkedEntity.objects.get(entity_type="LegalEntity", entity_id=legal_entity.pk)


@contextmanager
def checked_transaction():
    """A transaction that ends as a commit does: with the constraints that were put off until then."""
    with transaction.atomic():
        yield
        connection.check_constraints()


def unchanged(legal_entity):
    before = legal_entity.details
    legal_entity.refresh_from_db()
    return legal_entity.details == before and legal_entity.version == legal_entity.entries.count() == 1


class TestWhoSeesIt:
    def test_without_a_token_or_the_scope_nothing_is_read_or_written(
        self, make_contact, make_legal_entity, make_app, api_of, anonymous
    ):
        made = make_legal_entity(make_contact())
        assert anonymous.get(path_of(made)).status == 401
        assert anonymous.put(path_of(made), {"details": RENAMED}).status == 401
        writer = api_of(make_app(), scopes=["legal-entities.write"])
        reader = api_of(make_app(), scopes=["legal-entities.read"])
        assert writer.get(path_of(made)).status == 403
        assert reader.put(path_of(made), {"details": RENAMED}).status == 403
        assert unchanged(made)

    def test_details_are_read_with_the_id_of_the_group(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact())
        answer = app.get(path_of(made))
        assert answer.status == 200
        assert answer.json == {"contactGroupId": link_of(made).group_id, "details": company()}

    def test_a_contact_sees_those_of_its_groups(self, make_contact, make_legal_entity, api_of):
        anna, ben, stranger = make_contact(), make_contact(), make_contact()
        made = make_legal_entity(anna, ben)
        assert api_of(anna).get(path_of(made)).status == 200
        assert api_of(ben).get(path_of(made)).status == 200
        assert api_of(stranger).get(path_of(made)).status == 404

    def test_a_member_sees_those_of_its_contacts_and_of_the_members_below(
        self, make_contact, make_member, make_legal_entity, api_of
    ):
        head = make_member()
        anna = make_member(manager=head)
        made = make_legal_entity(make_contact(members=[anna]), make_contact())
        for who in (head, anna, make_member(sees_all_contacts=True)):
            assert api_of(who).get(path_of(made)).status == 200
        assert api_of(make_member(manager=head)).get(path_of(made)).status == 404

    def test_an_app_sees_those_of_the_contacts_of_its_participants(
        self, make_contact, make_participant, make_legal_entity, make_app, api_of
    ):
        zurich, geneva = make_participant(), make_participant()
        made = make_legal_entity(make_contact(participants=[zurich]))
        assert api_of(make_app()).get(path_of(made)).status == 200
        assert api_of(make_app(participants=[zurich])).get(path_of(made)).status == 200
        assert api_of(make_app(participants=[geneva])).get(path_of(made)).status == 404

    def test_what_the_caller_cannot_see_is_not_changed_either(
        self, make_contact, make_member, make_participant, make_app, make_legal_entity, api_of
    ):
        made = make_legal_entity(make_contact())
        for who in (make_member(), make_app(participants=[make_participant()]), make_contact()):
            assert api_of(who).put(path_of(made), {"details": RENAMED}).status == 404
        assert unchanged(made)

    def test_unknown_and_invisible_ones_answer_alike(self, make_contact, make_legal_entity, api_of):
        hidden = make_legal_entity(make_contact())
        client = api_of(make_contact())
        answers = [client.get(path_of(hidden)), client.get(f"/v1.0/legalentities/{INT32_MAX}/details")]
        answers.append(client.get(f"/v1.0/legalentities/{10**30}/details"))
        assert {(answer.status, answer.json["message"]) for answer in answers} == {(404, answers[0].json["message"])}


class TestByAContact:
    """The deprecated GET, which names a contact as well."""

    def path(self, contact, legal_entity):
        return f"/v1.0/contacts/{contact.pk}/legalentities/{legal_entity.pk}/details"

    def test_it_answers_inside_the_groups_of_the_contact(self, make_contact, make_legal_entity, app, api_of):
        anna, ben = make_contact(), make_contact()
        made = make_legal_entity(anna, ben)
        for contact, caller in ((anna, app), (ben, app), (anna, api_of(anna))):
            answer = caller.get(self.path(contact, made))
            assert (answer.status, answer.json) == (200, caller.get(path_of(made)).json)
        assert f'</v1.0/legalentities/{made.pk}/details>; rel="successor-version"' in answer.headers["Link"]

    def test_the_legal_entity_of_another_contact_is_not_found_although_both_are_visible(
        self, make_contact, make_legal_entity, app
    ):
        anna, ben = make_contact(), make_contact()
        annas, bens = make_legal_entity(anna), make_legal_entity(ben)
        assert app.get(self.path(anna, bens)).status == 404
        assert app.get(self.path(ben, annas)).status == 404

    def test_a_contact_that_the_caller_cannot_see_is_not_found(
        self, make_contact, make_member, make_legal_entity, api_of
    ):
        member = make_member()
        own, other = make_contact(members=[member]), make_contact()
        made = make_legal_entity(own, other)
        assert api_of(member).get(self.path(own, made)).status == 200
        assert api_of(member).get(self.path(other, made)).status == 404
        assert api_of(own).get(self.path(other, made)).status == 404

    def test_ids_that_do_not_exist_are_not_found(self, make_contact, make_legal_entity, app):
        anna = make_contact()
        made = make_legal_entity(anna)
        for contact_id in (INT32_MAX, 10**30):
            assert app.get(f"/v1.0/contacts/{contact_id}/legalentities/{made.pk}/details").status == 404
        assert app.get(f"/v1.0/contacts/{anna.pk}/legalentities/{10**30}/details").status == 404


class TestReplacing:
    def test_put_replaces_the_whole_document(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact())
        document = {"name": "Alpöhi AG", "business": {"employees": 12}}
        answer = app.put(path_of(made), {"details": document})
        assert (answer.status, answer.json) == (204, b"")
        assert app.get(path_of(made)).json["details"] == document
        made.refresh_from_db()
        assert (made.name, made.version) == ("Alpöhi AG", 2)

    @pytest.mark.parametrize(
        "document", [company(), {**company(), "business": {}}, company(registration={"lei": None})]
    )
    def test_a_document_that_changes_nothing_writes_nothing(self, make_contact, make_legal_entity, app, document):
        made = make_legal_entity(make_contact())
        assert app.put(path_of(made), {"details": document}).status == 204
        assert unchanged(made)

    def test_true_is_not_one(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact(), document=company(business={"employees": 1}))
        answer = app.put(path_of(made), {"details": company(business={"employees": True})})
        assert (answer.status, answer.places) == (422, {"business.employees"})

    def test_every_fault_is_named_by_its_path_and_nothing_is_written(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact())
        answer = app.put(path_of(made), {"details": {"registration": {"date": "yesterday"}, "mascot": "goat"}})
        assert (answer.status, answer.sub_code) == (422, "ValidationFailed")
        assert answer.places == {"name", "registration.date", "mascot"}
        assert unchanged(made)

    @pytest.mark.parametrize("details", [None, [], "text", 7])
    def test_what_is_no_object_is_malformed(self, make_contact, make_legal_entity, app, details):
        made = make_legal_entity(make_contact())
        assert app.put(path_of(made), {"details": details}).status == 400
        assert app.put(path_of(made), {}).places == {"details"}
        assert unchanged(made)

    def test_properties_that_do_not_exist_are_refused(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact())
        answer = app.put(path_of(made), {"details": RENAMED, "comment": "as registered"})
        assert (answer.status, answer.places) == (400, {"comment"})
        assert unchanged(made)

    def test_nobody_changes_a_disabled_field_and_a_member_no_read_only_one(
        self, make_contact, make_member, make_legal_entity, app, api_of, flag_fields
    ):
        flag_fields("business.employees", isDisabled=True)
        flag_fields("business.industry", isReadOnly=True)
        member = make_member()
        made = make_legal_entity(make_contact(members=[member]))
        disabled = app.put(path_of(made), {"details": company(business={"employees": 3})})
        assert (disabled.sub_code, disabled.places) == ("FieldNotUpdatable", {"business.employees"})
        document = company(business={"industry": "real-estate"})
        refused = api_of(member).put(path_of(made), {"details": document})
        assert (refused.sub_code, refused.places) == ("FieldNotUpdatable", {"business.industry"})
        assert app.put(path_of(made), {"details": document}).status == 204

    def test_a_contact_changes_only_what_the_schema_opens_to_it(
        self, make_contact, make_legal_entity, api_of, flag_fields
    ):
        flag_fields("contactInformation.phone", isUpdatableByContact=True)
        anna = make_contact()
        made = make_legal_entity(anna)
        refused = api_of(anna).put(path_of(made), {"details": RENAMED})
        assert (refused.status, refused.sub_code, refused.places) == (422, "FieldNotUpdatable", {"name"})
        granted = company(contactInformation={"phone": "+41 44 123 45 67"})
        assert api_of(anna).put(path_of(made), {"details": granted}).status == 204

    def test_a_member_needs_no_approval_for_fields_that_do_not_require_it(
        self, make_contact, make_member, make_legal_entity, api_of
    ):
        member = make_member()
        made = make_legal_entity(make_contact(members=[member]))
        phone = company(contactInformation={"phone": "+41 44 123 45 67"})
        assert api_of(member).put(path_of(made), {"details": phone}).status == 204
        made.refresh_from_db()
        assert made.details == phone

    def test_stored_values_that_the_schema_no_longer_names_may_stay_or_go(
        self, make_contact, make_legal_entity, app, remove_field
    ):
        stored = company(business={"employees": 3, "website": "https://alp.example/"})
        made = make_legal_entity(make_contact(), document=stored)
        remove_field("business.employees")
        kept = {**stored, "name": "Alpöhi AG"}
        assert app.put(path_of(made), {"details": kept}).status == 204
        changed = {**kept, "business": {**stored["business"], "employees": 4}}
        assert app.put(path_of(made), {"details": changed}).places == {"business.employees"}
        assert app.put(path_of(made), {"details": RENAMED}).status == 204
        assert app.get(path_of(made)).json["details"] == RENAMED


class TestAccessPolicies:
    PHONE = company(contactInformation={"phone": "+41 44 123 45 67"})

    @pytest.fixture(autouse=True)
    def _phones_are_open(self, flag_fields):
        flag_fields("contactInformation.phone", isUpdatableByContact=True)

    def test_who_may_only_read_reads_and_does_not_write(self, make_contact, make_legal_entity, api_of):
        anna = make_contact()
        made = make_legal_entity(anna, policy_key="read-only")
        assert api_of(anna).get(path_of(made)).status == 200
        refused = api_of(anna).put(path_of(made), {"details": self.PHONE})
        assert (refused.status, refused.json["code"], refused.sub_code) == (403, "Forbidden", "ReadOnlyAccess")
        assert unchanged(made)

    @pytest.mark.parametrize("policy_key", ["owner", "full-access"])
    def test_who_may_do_more_writes(self, make_contact, make_legal_entity, api_of, policy_key):
        anna = make_contact()
        made = make_legal_entity(anna, policy_key=policy_key)
        assert api_of(anna).put(path_of(made), {"details": self.PHONE}).status == 204

    def test_policies_are_about_contacts_alone(self, make_contact, make_member, make_legal_entity, app, api_of):
        member = make_member()
        made = make_legal_entity(make_contact(members=[member]), policy_key="read-only")
        assert api_of(member).put(path_of(made), {"details": self.PHONE}).status == 204
        assert app.put(path_of(made), {"details": RENAMED}).status == 204

    def test_the_policy_in_another_group_does_not_count(self, make_contact, make_legal_entity, api_of):
        anna = make_contact()
        own, other = make_legal_entity(anna), make_legal_entity(anna, policy_key="read-only")
        assert api_of(anna).put(path_of(own), {"details": self.PHONE}).status == 204
        assert api_of(anna).put(path_of(other), {"details": self.PHONE}).status == 403


class TestLostUpdates:
    def test_a_change_against_an_old_version_is_refused_with_the_current_etag(
        self, make_contact, make_legal_entity, app
    ):
        made = make_legal_entity(make_contact())
        read = app.get(path_of(made)).headers["ETag"]
        assert app.put(path_of(made), {"details": RENAMED}, if_match=read).status == 204
        late = app.put(path_of(made), {"details": company(name="Late AG")}, if_match=read)
        assert (late.status, late.json["code"], late.headers["ETag"]) == (412, "PreconditionFailed", '"2"')
        assert app.put(path_of(made), {"details": company(name="Late AG")}, if_match=late.headers["ETag"]).status == 204

    def test_unchanged_details_are_not_sent_again(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact())
        tag = app.get(path_of(made)).headers["ETag"]
        assert app.get(path_of(made), if_none_match=tag).status == 304
        written = app.put(path_of(made), {"details": RENAMED})
        assert app.get(path_of(made), if_none_match=tag).status == 200
        assert app.get(path_of(made), if_none_match=written.headers["ETag"]).status == 304

    def test_another_group_is_another_answer(self, make_contact, make_legal_entity, app):
        made, other = make_legal_entity(make_contact()), make_legal_entity(make_contact())
        tag = app.get(path_of(made)).headers["ETag"]
        LinkedEntity.objects.filter(pk=link_of(made).pk).update(group=link_of(other).group)
        answer = app.get(path_of(made), if_none_match=tag)
        assert (answer.status, answer.json["contactGroupId"]) == (200, link_of(other).group_id)

    def test_an_if_match_that_is_no_tag_is_refused(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact())
        assert app.put(path_of(made), {"details": RENAMED}, if_match="seven").status == 400

    @pytest.mark.django_db(transaction=True)
    def test_of_two_changes_at_once_against_one_version_one_wins(self, make_contact, make_legal_entity, app):
        made = make_legal_entity(make_contact())
        answers = at_once(
            lambda: app.put(path_of(made), {"details": company(name="One AG")}, if_match='"1"'),
            lambda: app.put(path_of(made), {"details": company(name="Two AG")}, if_match='"1"'),
        )
        assert sorted(answer.status for answer in answers) == [204, 412]
        made.refresh_from_db()
        assert made.version == made.entries.count() == 2


class TestTheLink:
    """The group of a legal entity stands in its link alone, and the database keeps it there."""

    def test_no_legal_entity_is_without_its_link(self):
        with pytest.raises(IntegrityError, match="legal_entity_is_linked"), checked_transaction():
            LegalEntity.objects.create(details=company())

    def test_no_link_goes_or_changes_what_it_is_of_while_its_legal_entity_stays(self, make_contact, make_legal_entity):
        link = link_of(make_legal_entity(make_contact()))
        for loosen in (
            lambda rows: rows.delete(),
            lambda rows: rows.update(entity_id=INT32_MAX),
            lambda rows: rows.update(entity_type="Account"),
        ):
            with pytest.raises(IntegrityError, match="legal_entity_is_linked"), checked_transaction():
                loosen(LinkedEntity.objects.filter(pk=link.pk))


def test_sql_of_reading_and_changing_stays_within_budget(
    make_contact, make_member, make_legal_entity, api_of, flag_fields, count_queries
):
    flag_fields("contactInformation.phone", isUpdatableByContact=True)
    member = make_member()
    anna = make_contact(members=[member])
    made = make_legal_entity(anna, *[make_contact() for _ in range(5)])
    by_contact = f"/v1.0/contacts/{anna.pk}/legalentities/{made.pk}/details"
    for number, caller in enumerate((api_of(member), api_of(anna))):
        for path in (path_of(made), by_contact):
            with count_queries() as reading:
                assert caller.get(path).status == 200
            assert len(reading) <= 3
        document = company(contactInformation={"phone": f"+41 44 123 45 6{number}"})
        with count_queries() as changing:
            assert caller.put(path_of(made), {"details": document}).status == 204
        assert len(changing) <= 10
