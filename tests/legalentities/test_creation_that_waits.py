"""Creating legal entities: at once by default, under four eyes where the policy says so."""

import re

import pytest

from accounts.actor import member_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Verdict
from changerequests.services.deciding import Parts, decide
from changerequests.services.withdrawing import amend_change_request, cancel_change_request
from contactgroups.models import CONTACT_GROUP, ContactGroup, GroupMembership
from contactgroups.services import Membership
from contacts.services.anonymization import anonymize_contacts
from core.errors import UnprocessableEntity
from legalentities.kinds.creation import LegalEntityCreationKind
from legalentities.models import (
    LEGAL_ENTITY_CREATION,
    LEGAL_ENTITY_DETAILS,
    LegalEntity,
    WaitingLegalEntity,
    WaitingMembership,
)
from legalentities.services import create_legal_entity
from legalentities.services.creation import CONTACTS, EXTERNAL_ID
from schemas.models import ListItem
from schemas.queries import is_item_in_use
from tests.browserless import sent_by
from tests.changerequests.engine import approve_all, seen
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.concurrency import at_once, while_waiting
from tests.contacts.test_creation_that_waits import SYSTEM, text_of
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ADD = "/admin/legalentities/legalentity/add/"


def make_strict():
    set_policy(LegalEntityCreationKind.profiles["strict"], kind=LEGAL_ENTITY_CREATION)


@pytest.fixture
def strict(db):
    make_strict()


@pytest.fixture
def anna(make_member):
    return make_member(
        "anna", permissions=["add_legalentity", "view_legalentity", "view_contact", "view_changerequest"]
    )


@pytest.fixture
def rita(make_member):
    permissions = ["view_legalentity", "view_contact"]
    return make_member("rita", reviews=True, permissions=permissions, sees_all_contacts=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(username="heidi", members=[anna])


@pytest.fixture
def owner(default_schemas):
    return ListItem.objects.get(list__key="access-policy", key="owner").pk


@pytest.fixture
def body(contact, owner):
    return {"details": {"name": "Alp AG"}, "contacts": [{"contactId": contact.pk, "accessPolicyId": owner}]}


@pytest.fixture
def ask(contact, owner):
    """Ask for a legal entity; return the request."""

    def run(member, *, external_id=None, name="Alp AG"):
        return create_legal_entity(
            actor=member_actor(member),
            details={"name": name},
            memberships=[Membership(contact.pk, owner)],
            external_id=external_id,
        )

    return run


@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_by_default_a_member_creates_one_at_once_whatever_is_flagged(api_of, anna, body, version):
    assert api_of(anna).post(f"/{version}/legalentities", body).status == 201
    assert not ChangeRequest.objects.exists()


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("version", ["v1.0", "v1.1"])
def test_one_person_alone_creates_none_and_the_second_does(api_of, anna, rita, body, contact, owner, version):
    api = api_of(anna)
    answer = api.post(f"/{version}/legalentities", body)
    request = ChangeRequest.objects.get()
    assert (answer.status, answer.json) == (202, {"isApprovalRequired": True, "changeRequestId": request.pk})
    assert not LegalEntity.objects.exists()
    assert not ContactGroup.objects.exists()
    assert api.get(f"/v1.0/legalentities/{request.subject_id}/details").status == 404
    assert {change["path"]: change["target"] for change in changes_of(request)} == {
        "contacts": [{"contactId": contact.pk, "accessPolicyId": owner}],
        "details.name": "Alp AG",
    }
    waiting = WaitingLegalEntity.objects.get()
    own = {"isApproved": True, "digest": seen(request)}
    assert api.post(f"/v1.0/change-requests/{request.pk}/review", own).status == 403
    assert api_of(rita).post(f"/v1.0/change-requests/{request.pk}/review", own).status == 204
    made = LegalEntity.objects.with_group().get()
    assert (made.pk, made.uid, made.details) == (waiting.pk, waiting.uid, {"name": "Alp AG"})
    membership = GroupMembership.objects.get()
    assert (membership.group_id, membership.contact, membership.access_policy_id) == (made.group_id, contact, owner)
    assert Entry.objects.of(LEGAL_ENTITY_DETAILS, made.pk).get().initiator_member == anna
    creation = Entry.objects.of(LEGAL_ENTITY_CREATION, made.pk).get()
    assert (creation.initiator_member, creation.change_request) == (anna, request)
    assert not WaitingMembership.objects.exists()
    assert api.get(f"/v1.0/legalentities/{made.pk}/details").status == 200


@pytest.mark.usefixtures("strict")
def test_applications_and_contacts_create_at_once(app, api_of, body, make_contact):
    assert app.post("/v1.1/legalentities", body).status == 201
    assert api_of(make_contact()).post("/v1.1/legalentities", {"details": {"name": "Own AG"}}).status == 201


def test_an_application_waits_where_a_policy_names_it(make_app, api_of, body, rita):
    application = make_app()
    set_policy(policy([stage()], [rule("Review", applications=[application.pk])]), kind=LEGAL_ENTITY_CREATION)
    assert api_of(application).post("/v1.1/legalentities", body).status == 202
    approve_all(rita)
    assert LegalEntity.objects.exists()


def test_rules_may_depend_on_participants(anna, ask, contact, make_participant):
    zurich = make_participant()
    contact.participants.add(zurich)
    for participant, waits in ((zurich, True), (make_participant(), False)):
        only = rule("Review", participants=[participant.pk])
        set_policy(policy([stage()], [only]), kind=LEGAL_ENTITY_CREATION)
        assert isinstance(ask(anna), ChangeRequest) is waits


@pytest.mark.usefixtures("strict")
def test_it_is_validated_like_a_direct_creation_and_again_at_the_approval(
    api_of, anna, rita, body, contact, make_contact, owner
):
    api = api_of(anna)
    hidden = make_contact()
    for wrong, sub_code in (
        ({"details": {}}, "ValidationFailed"),
        ({"contacts": []}, "ContactsRequired"),
        ({"contacts": [{"contactId": hidden.pk, "accessPolicyId": owner}]}, "UnknownContacts"),
    ):
        assert api.post("/v1.1/legalentities", {**body, **wrong}).sub_code == sub_code
    assert not WaitingLegalEntity.objects.exists()
    assert api.post("/v1.1/legalentities", body).status == 202
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    with pytest.raises(UnprocessableEntity) as refused:
        approve_all(rita)
    assert refused.value.sub_code == "ContactAnonymized"


@pytest.mark.usefixtures("strict")
def test_whoever_sees_one_of_the_contacts_sees_the_request(anna, rita, ask, api_of, make_member, make_app):
    request = ask(anna)
    stranger, app = make_member(permissions=[]), make_app()

    def sees(who):
        return api_of(who).get(f"/v1.0/change-requests/{request.pk}").status == 200

    assert [sees(who) for who in (anna, rita, stranger, app)] == [True, True, False, True]
    [row] = api_of(rita).post("/v1.0/change-requests/search", {}).json["results"]
    assert (row["kind"], row["subject"]["name"]) == (LEGAL_ENTITY_CREATION, "Alp AG")
    assert list(LegalEntityCreationKind().search("alp")) == [{"pk": request.subject_id}]
    approve_all(rita)
    assert [sees(who) for who in (anna, stranger)] == [True, False]
    assert list(LegalEntityCreationKind().search("alp")) == [{"pk": request.subject_id}]


@pytest.mark.usefixtures("strict")
def test_its_external_id_is_reserved_until_it_is_decided(anna, rita, ask, make_legal_entity):
    request = ask(anna, external_id="CBS-1")
    for taker in (lambda: ask(anna, external_id="CBS-1"), lambda: make_legal_entity(external_id="CBS-1")):
        with pytest.raises(UnprocessableEntity) as refused:
            taker()
        assert refused.value.sub_code == "ExternalIdNotUnique"
        assert str(refused.value) == "A new legal entity pending approval has this external id."
    cancel_change_request(actor=member_actor(anna), change_request_id=request.pk)
    make_legal_entity(external_id="CBS-1")
    with pytest.raises(UnprocessableEntity) as refused:
        ask(anna, external_id="CBS-1")
    assert str(refused.value) == "A legal entity has this external id already."
    rejected = ask(anna, external_id="CBS-2")
    decide(
        actor=member_actor(rita),
        change_request_id=rejected.pk,
        verdict=Verdict.REJECT,
        comment="No",
        digest=seen(rejected),
    )
    assert isinstance(ask(anna, external_id="CBS-2"), ChangeRequest)


@pytest.mark.usefixtures("strict")
def test_it_is_amended(anna, rita, ask):
    request = ask(anna)
    document = {"details": {"name": "Berg AG"}}
    amend_change_request(actor=member_actor(anna), change_request_id=request.pk, document=document)
    assert WaitingLegalEntity.objects.get().name == "Berg AG"
    approve_all(rita)
    assert LegalEntity.objects.get().name == "Berg AG"


@pytest.mark.usefixtures("strict")
def test_the_admin_asks_for_it_and_shows_it_for_review(admin_of, anna, rita, contact, owner):
    browser = admin_of(anna)
    page = browser.get(ADD)
    assert "Somebody else has to approve the new legal entity" in text_of(page)
    data = sent_by(page.content.decode())
    data.update({"external_id": "CBS-1", "policy": str(owner), "details.name": "Alp AG"})
    data.setlist("contacts", [str(contact.pk)])
    content_type = "application/x-www-form-urlencoded"
    done = text_of(browser.post(ADD, data.urlencode(), content_type=content_type, follow=True))
    request = ChangeRequest.objects.get()
    assert f"change request #{request.pk} is pending approval" in done
    assert browser.post(ADD, data.urlencode(), content_type=content_type).status_code == 422
    review = f"/admin/changerequests/changerequest/{request.pk}/change/"
    shown = text_of(admin_of(rita).get(review))
    for text in (
        "Alp AG",
        "CBS-1",
        f"Johanna Spyri (#{contact.pk})",
        "Owner",
        "It does not exist before the approval.",
    ):
        assert text in shown
    sent = {"decision": "approve", "digest": seen(request), "comment": ""}
    assert "was approved" in text_of(admin_of(rita).post(review, sent, follow=True))
    made = LegalEntity.objects.get()
    after = admin_of(rita).get(review).content.decode()
    assert re.search(rf'href="/admin/legalentities/legalentity/{made.pk}/change/"', after)


@pytest.mark.usefixtures("strict")
def test_the_page_names_those_contacts_that_the_reviewer_sees(
    admin_of, anna, make_member, make_contact, contact, owner
):
    robin = make_member("robin", reviews=True, permissions=["view_legalentity", "view_contact"])
    both = [contact, make_contact(username="peter", members=[anna, robin])]
    create_legal_entity(
        actor=member_actor(anna),
        details={"name": "Alp AG"},
        memberships=[Membership(one.pk, owner) for one in both],
    )
    request = ChangeRequest.objects.get()
    shown = text_of(admin_of(robin).get(f"/admin/changerequests/changerequest/{request.pk}/change/"))
    assert f"Johanna Spyri (#{both[1].pk})" in shown
    assert f"#{contact.pk} " in shown
    assert f"(#{contact.pk})" not in shown


@pytest.mark.usefixtures("strict")
def test_a_reviewer_leaves_out_details_but_not_the_contacts(rita, anna, contact, owner):
    """Without them, it would have an empty group."""
    request = create_legal_entity(
        actor=member_actor(anna),
        details={"name": "Alp AG"},
        memberships=[Membership(contact.pk, owner)],
        external_id="CBS-1",
    )
    paths = {change["path"] for change in changes_of(request)}
    with pytest.raises(UnprocessableEntity) as refused:
        approve_parts(rita, request, paths - {CONTACTS})
    assert refused.value.sub_code == "ContactsRequired"
    assert not LegalEntity.objects.exists()
    approve_parts(rita, request, paths - {EXTERNAL_ID})
    made = LegalEntity.objects.get()
    linked = contact.group_memberships.values_list("group__linked_entities__entity_id", flat=True)
    assert (made.external_id, list(linked)) == (None, [made.pk])


def approve_parts(member, request, paths):
    decide(
        actor=member_actor(member),
        change_request_id=request.pk,
        verdict=Verdict.APPROVE,
        parts=Parts(paths=paths),
        digest=seen(request),
    )


@pytest.mark.usefixtures("strict")
def test_the_group_comes_with_it_in_the_name_of_who_asked(anna, rita, ask):
    ask(anna)
    assert not Entry.objects.filter(kind=CONTACT_GROUP).exists()
    approve_all(rita)
    group = Entry.objects.get(kind=CONTACT_GROUP)
    assert (group.subject_id, group.initiator_member) == (ContactGroup.objects.get().pk, anna)
    assert not ChangeRequest.objects.exclude(kind=LEGAL_ENTITY_CREATION).exists()


def test_a_direct_creation_reads_the_policy_without_a_statement_of_its_own(app, api_of, make_member, count_queries):
    for api in (app, api_of(make_member(sees_all_contacts=True))):
        # The first one reads the schema.
        api.post("/v1.1/legalentities", {"details": {"name": "A"}, "contacts": []})
        with count_queries() as queries:
            assert api.post("/v1.1/legalentities", {"details": {"name": "B"}, "contacts": []}).status == 201
        # The id is drawn before, for the group; and the group has an entry of its own.
        assert len(queries) <= 19
        assert len([query for query in queries if "policyversion" in query["sql"]]) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(2))
def test_who_asks_and_who_creates_wait_for_each_other_in_one_order(anna, ask, make_legal_entity, contact, attempt):
    make_strict()
    made, asked = at_once(lambda: make_legal_entity(contact), lambda: ask(anna, external_id=f"CBS-{attempt}"))
    assert (made.group_id, asked.kind) == (ContactGroup.objects.get().pk, LEGAL_ENTITY_CREATION)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(2))
def test_of_two_that_ask_for_one_external_id_one_wins(anna, ask, make_legal_entity, attempt):
    make_strict()

    def asked():
        return outcome_of(lambda: ask(anna, external_id="CBS-1"))

    assert sorted(at_once(asked, asked)) == ["", "A new legal entity pending approval has this external id."]
    waited = while_waiting(
        lambda: outcome_of(lambda: ask(anna, external_id="CBS-2")),
        before=lambda: make_legal_entity(external_id="CBS-2"),
    )
    assert waited == "A legal entity has this external id already."
    waited = while_waiting(
        lambda: outcome_of(lambda: make_legal_entity(external_id="CBS-3")),
        before=lambda: ask(anna, external_id="CBS-3"),
    )
    assert waited == "A new legal entity pending approval has this external id."


def outcome_of(call):
    try:
        call()
    except UnprocessableEntity as error:
        return str(error)
    return ""


@pytest.mark.usefixtures("strict")
def test_the_access_policy_that_a_new_one_would_give_is_in_use(anna, ask):
    assert not is_item_in_use("access-policy", "owner")
    request = ask(anna)
    assert is_item_in_use("access-policy", "owner")
    cancel_change_request(actor=member_actor(anna), change_request_id=request.pk)
    assert not is_item_in_use("access-policy", "owner")
