"""Creating contacts: at once by default, under four eyes where the policy says so."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actor import member_actor, system_actor
from audit.models import Entry, Erasure
from changerequests.models import ChangeRequest, RequestSubject, Status, Verdict
from changerequests.services.deciding import Parts, decide
from changerequests.services.erasure import erase_requests
from changerequests.services.withdrawing import amend_change_request, cancel_change_request
from contacts.kinds.creation import ContactCreationKind
from contacts.models import (
    CONTACT_CREATION,
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    Contact,
    ExternalConnection,
    ReservedExternalId,
    WaitingAssignment,
    WaitingContact,
    WaitingParticipant,
    name_of,
)
from contacts.services.anonymization import anonymize_contacts
from contacts.services.connections import add_external_connection
from contacts.services.creation import create_contact
from contacts.services.identity import change_username
from contacts.services.refused import KEPT_FOR, erase_refused_creations
from core.errors import UnprocessableEntity
from schemas.models import ListItem
from schemas.queries import is_item_in_use
from schemas.services import remove_list_item, save_list_item
from tests.browserless import sent_by
from tests.changerequests.engine import approve_all, seen
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.concurrency import at_once, while_waiting
from tests.databases import SYSTEMS
from tests.fixtures import details, without_triggers
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SYSTEM = system_actor("tests")
PATH = "/v1.0/contacts"
ADD = "/admin/contacts/contact/add/"


def make_strict():
    set_policy(ContactCreationKind.profiles["strict"], kind=CONTACT_CREATION)


@pytest.fixture
def strict(db):
    make_strict()


@pytest.fixture
def zurich(make_participant):
    return make_participant("Zurich")


@pytest.fixture
def anna(make_member, zurich):
    return make_member("anna", permissions=["add_contact", "view_contact", "view_changerequest"], participants=[zurich])


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def body(contact_type):
    return {"contactTypeId": contact_type.pk, "username": "johanna", "details": details()}


@pytest.fixture
def ask(contact_type):
    """Ask for a contact; return the request."""

    def run(member, *, username="johanna", document=None, external_ids=()):
        return create_contact(
            actor=member_actor(member),
            type_id=contact_type.pk,
            username=username,
            details=details() if document is None else document,
            connections=[
                {"system": system, "externalId": one} for system, one in zip(SYSTEMS, external_ids, strict=False)
            ],
        )

    return run


def reject(member, request):
    return decide(
        actor=member_actor(member),
        change_request_id=request.pk,
        verdict=Verdict.REJECT,
        comment="No",
        digest=seen(request),
    )


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# ---- what waits


def test_by_default_a_member_creates_contacts_at_once(api_of, anna, body):
    assert api_of(anna).post(PATH, body).status == 201
    assert not ChangeRequest.objects.exists()
    assert not WaitingContact.objects.exists()


@pytest.mark.usefixtures("strict")
def test_one_person_alone_creates_no_contact(api_of, anna, rita, body, zurich):
    api = api_of(anna)
    answer = api.post(PATH, body)
    request = ChangeRequest.objects.get()
    assert (answer.status, answer.json) == (202, {"isApprovalRequired": True, "changeRequestId": request.pk})
    assert not Contact.objects.exists()
    assert api.get(f"{PATH}/{request.subject_id}/details").status == 404
    waiting = WaitingContact.objects.get()
    assert (waiting.pk, waiting.name, waiting.username) == (request.subject_id, "Johanna Spyri", "johanna")
    asked = {change["path"]: change["target"] for change in changes_of(request)}
    assert asked["type"] == body["contactTypeId"]
    assert (asked["username"], asked["participants"], asked["members"]) == ("johanna", [zurich.pk], [anna.pk])
    assert asked["details.personalInformation.lastName"] == "Spyri"
    own = api_of(anna).post(f"/v1.0/change-requests/{request.pk}/review", {"isApproved": True, "digest": seen(request)})
    assert own.status == 403
    assert not Contact.objects.exists()


@pytest.mark.usefixtures("strict")
def test_the_second_person_creates_it_with_the_drawn_ids(api_of, anna, rita, ask, zurich):
    email = {"email": "johanna@example.com"}
    request = ask(anna, document=details(contactInformation=email), external_ids=["CRM-1"])
    waiting = WaitingContact.objects.get()
    digest = seen(request)
    answer = api_of(rita).post(f"/v1.0/change-requests/{request.pk}/review", {"isApproved": True, "digest": digest})
    assert answer.status == 204
    contact = Contact.objects.get()
    assert (contact.pk, contact.uid, contact.username, contact.version) == (waiting.pk, waiting.uid, "johanna", 1)
    assert contact.details == details(contactInformation=email)
    assert not contact.channels.exists()
    assert list(contact.members.all()) == [anna]
    assert list(contact.participants.all()) == [zurich]
    assert list(contact.external_connections.values_list("system", "external_id")) == [("CRM", "CRM-1")]
    first = Entry.objects.of(CONTACT_DETAILS, contact.pk).get()
    assert (first.sequence, first.initiator_member, first.change_request) == (1, anna, None)
    creation = Entry.objects.of(CONTACT_CREATION, contact.pk).get()
    assert (creation.initiator_member, creation.change_request) == (anna, request)
    assert not Entry.objects.of(CONTACT_IDENTITY, contact.pk).exists()


@pytest.mark.usefixtures("strict")
def test_applications_create_at_once_unless_a_policy_names_them(make_app, api_of, body, rita):
    application = make_app()
    assert api_of(application).post(PATH, body).status == 201
    set_policy(policy([stage()], [rule("Review", applications=[application.pk])]), kind=CONTACT_CREATION)
    answer = api_of(application).post(PATH, {**body, "username": "heidi"})
    assert answer.status == 202
    approve_all(rita)
    assert Contact.objects.filter(username="heidi").exists()


def test_rules_may_depend_on_type_participants_and_flagged_fields(anna, ask, contact_type, zurich, make_participant):
    conditions = [
        ({"contactTypes": [contact_type.key]}, True),
        ({"contactTypes": ["prospect"]}, False),
        ({"participants": [zurich.pk]}, True),
        ({"participants": [make_participant().pk]}, False),
        ({"flaggedOnly": True}, True),
        ({"paths": ["details.personalInformation"]}, True),
        ({"paths": ["externalConnections"]}, False),
    ]
    for number, (condition, waits) in enumerate(conditions):
        set_policy(policy([stage()], [rule("Review", **condition)]), kind=CONTACT_CREATION)
        assert isinstance(ask(anna, username=f"johanna-{number}"), ChangeRequest) is waits


@pytest.mark.usefixtures("strict")
def test_it_is_validated_like_a_direct_creation(api_of, anna, body, make_contact):
    make_contact(username="TAKEN")
    for wrong, sub_code in (
        ({"details": {}}, "ValidationFailed"),
        ({"username": None}, "UsernameRequired"),
        ({"username": "taken"}, "UsernameNotUnique"),
        ({"contactTypeId": 2**31 - 1}, "ValidationFailed"),
        ({"details": details(relationship={"formerClientNumber": "A-1"})}, "FieldNotUpdatable"),
    ):
        assert api_of(anna).post(PATH, {**body, **wrong}).sub_code == sub_code
    assert not WaitingContact.objects.exists()


@pytest.mark.usefixtures("strict")
def test_it_is_validated_again_at_the_approval(anna, rita, ask, contact_type):
    request = ask(anna)
    digest = seen(request)
    with pytest.raises(UnprocessableEntity) as refused:
        decide(
            actor=member_actor(rita),
            change_request_id=request.pk,
            verdict=Verdict.APPROVE,
            digest=digest,
            parts=Parts(paths=["type", "username"]),
        )
    assert refused.value.sub_code == "ValidationFailed"
    request.refresh_from_db()
    assert (request.status, request.revision_number) == (Status.PENDING, 1)


@pytest.mark.usefixtures("strict")
def test_a_reviewer_may_strike_what_is_optional(anna, rita, ask):
    request = ask(anna, external_ids=["CRM-1"])
    kept = [change["path"] for change in changes_of(request) if change["path"] != "externalConnections"]
    decide(
        actor=member_actor(rita),
        change_request_id=request.pk,
        verdict=Verdict.APPROVE,
        digest=seen(request),
        parts=Parts(paths=kept),
    )
    assert not Contact.objects.get().external_connections.exists()
    assert not ReservedExternalId.objects.exists()


@pytest.mark.usefixtures("strict")
def test_an_idempotent_request_asks_once(api_of, anna, body):
    first, second = (api_of(anna).post(PATH, body, idempotency_key="one") for _ in range(2))
    assert first.json == second.json
    assert ChangeRequest.objects.count() == 1


# ---- reservations


@pytest.mark.usefixtures("strict")
def test_nobody_else_takes_what_is_reserved(api_of, app, anna, make_contact, ask, body):
    ask(anna, username="johanna", external_ids=["CRM-1"])
    heidi = make_contact(username="heidi", members=[anna])
    for answer in (
        api_of(anna).post(PATH, {**body, "username": "JOHANNA"}),
        app.post(PATH, {**body, "username": "JOHANNA"}),
        app.put(f"{PATH}/{heidi.pk}/username", {"username": "Johanna"}),
    ):
        assert (answer.status, answer.sub_code) == (422, "UsernameNotUnique")
        assert answer.json["message"] == "A new contact pending approval has this username."
    answer = app.post(f"{PATH}/{heidi.pk}/external-connections", {"externalId": "CRM-1", "system": "CRM"})
    assert (answer.status, answer.sub_code) == (422, "ExternalIdNotUnique")
    assert answer.json["message"] == "A new contact pending approval has this external id."
    with pytest.raises(UnprocessableEntity) as refused:
        ask(anna, username="other", external_ids=["CRM-1"])
    assert refused.value.sub_code == "ExternalIdNotUnique"


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(
    "write",
    [
        "INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)"
        " SELECT gen_random_uuid(), type_id, 'JOHANNA', '{}', 1, now() FROM contacts_contact LIMIT 1",
        "UPDATE contacts_contact SET username = 'JOHANNA'",
        "INSERT INTO contacts_externalconnection (contact_id, system, external_id)"
        " SELECT id, 'CRM', 'CRM-1' FROM contacts_contact",
        "UPDATE contacts_externalconnection SET external_id = 'CRM-1'",
        "UPDATE contacts_waitingcontact SET username = 'HEIDI'",
        "INSERT INTO contacts_reservedexternalid (contact_id, external_id)"
        " SELECT id, 'CRM-0' FROM contacts_waitingcontact",
    ],
)
def test_the_database_keeps_reservations_and_rows_apart(anna, ask, make_contact, write, refused_by_database):
    heidi = make_contact(username="heidi")
    add_external_connection(actor=SYSTEM, contact_id=heidi.pk, system="CBS", external_id="CRM-0")
    ask(anna, external_ids=["CRM-1"])
    refused_by_database(write)


@pytest.fixture
def refused_by_database():
    def run(statement):
        with pytest.raises(IntegrityError, match="Refused"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    return run


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("way", ["rejected", "cancelled", "erased"])
def test_a_request_that_comes_to_nothing_frees_what_it_reserved(anna, rita, ask, way):
    request = ask(anna, external_ids=["CRM-1"])
    if way == "rejected":
        reject(rita, request)
    elif way == "cancelled":
        cancel_change_request(actor=member_actor(anna), change_request_id=request.pk)
    else:
        WaitingContact.objects.update(closed_at="2020-01-01T00:00Z")
        Erasure.objects.create(kind=CONTACT_CREATION, subject_id=request.subject_id)
        erase_requests(CONTACT_CREATION, [request.subject_id])
    waiting = WaitingContact.objects.get()
    assert waiting.username is None
    assert waiting.closed_at is not None
    assert not ReservedExternalId.objects.exists()
    assert isinstance(ask(anna, external_ids=["CRM-1"]), ChangeRequest)


@pytest.mark.usefixtures("strict")
def test_a_returned_request_keeps_them_and_an_amended_one_has_its_own(anna, rita, ask, make_contact):
    request = ask(anna)
    decide(
        actor=member_actor(rita),
        change_request_id=request.pk,
        verdict=Verdict.RETURN,
        comment="Which?",
        digest=seen(request),
    )
    make_contact(username="taken")
    actor = member_actor(anna)
    with pytest.raises(UnprocessableEntity) as refused:
        amend_change_request(actor=actor, change_request_id=request.pk, document={"username": "Taken"})
    assert refused.value.sub_code == "UsernameNotUnique"
    assert WaitingContact.objects.get().username == "johanna"
    other = details(personalInformation={"displayName": "Louise"})
    amend_change_request(
        actor=actor,
        change_request_id=request.pk,
        document={
            "username": "louise",
            "details": other,
            "externalConnections": [{"system": "CRM", "externalId": "CRM-2"}],
        },
    )
    waiting = WaitingContact.objects.get()
    assert (waiting.username, waiting.name) == ("louise", "Louise")
    make_contact(username="johanna")
    approve_all(rita)
    contact = Contact.objects.get(pk=request.subject_id)
    assert (contact.username, contact.details) == ("louise", other)
    assert contact.external_connections.get().external_id == "CRM-2"


@pytest.mark.usefixtures("strict")
def test_with_the_username_from_the_email_it_is_the_email_that_is_reserved(api_of, anna, rita, body, settings):
    settings.USERNAME_FROM_EMAIL = True
    body = {**body, "username": None, "details": details(contactInformation={"email": "johanna@example.com"})}
    assert api_of(anna).post(PATH, body).status == 202
    assert api_of(anna).post(PATH, body).sub_code == "UsernameNotUnique"
    approve_all(rita)
    assert Contact.objects.get().username == "johanna@example.com"


# ---- who sees the request


@pytest.mark.usefixtures("strict")
def test_whoever_would_see_the_contact_sees_its_request(
    anna, rita, ask, make_member, make_app, make_participant, zurich, api_of
):
    manager = make_member("max", permissions=["view_contact"])
    anna.manager = manager
    anna.save()
    stranger = make_member(permissions=["view_contact"])
    request = ask(anna)

    def sees(who):
        return api_of(who).get(f"/v1.0/change-requests/{request.pk}").status == 200

    own_app, other_app = make_app(participants=[zurich]), make_app(participants=[make_participant("Geneva")])
    assert [sees(who) for who in (anna, manager, rita, stranger, own_app, other_app)] == [
        True,
        True,
        True,
        False,
        True,
        False,
    ]
    approve_all(rita)
    contact = Contact.objects.get()
    contact.members.clear()
    contact.members.add(stranger)
    assert [sees(who) for who in (anna, stranger)] == [False, True]
    assert not WaitingAssignment.objects.exists()
    assert not WaitingParticipant.objects.exists()


@pytest.mark.usefixtures("strict")
def test_a_search_finds_it_by_name_and_id(admin_of, api_of, anna, rita, ask):
    request = ask(anna, external_ids=["CRM-1"])
    [row] = api_of(rita).post("/v1.0/change-requests/search", {"kinds": [CONTACT_CREATION]}).json["results"]
    subject = row["subject"]
    waiting = WaitingContact.objects.get()
    assert (subject["id"], subject["uId"], subject["name"]) == (waiting.pk, str(waiting.uid), "Johanna Spyri")
    kind = ContactCreationKind()
    for term in ("spyri", "johanna", str(waiting.pk), str(waiting.uid), "CRM-1"):
        assert list(kind.search(term)) == [{"pk": waiting.pk}]
    approve_all(rita)
    assert list(kind.search("spyri")) == [{"pk": waiting.pk}]
    [row] = api_of(rita).post("/v1.0/change-requests/search", {"kinds": [CONTACT_CREATION]}).json["results"]
    assert (row["id"], row["subject"]["name"]) == (request.pk, "Johanna Spyri")


@pytest.mark.parametrize(
    "personal",
    [
        {"displayName": "Heidi"},
        {"displayName": "", "firstName": "Johanna", "lastName": "Spyri"},
        {"lastName": "Spyri "},
        {"firstName": " Johanna"},
        {"firstName": "", "lastName": ""},
        {},
    ],
)
def test_a_contact_that_waits_is_called_as_it_will_be(make_contact, personal):
    contact = make_contact(username="heidi")
    with without_triggers():
        Contact.objects.update(details={"personalInformation": personal})
    contact.refresh_from_db()
    assert name_of(details=contact.details, username="heidi") == contact.name


# ---- the admin


def sent_from(browser, **values):
    """Fill in the page for a new contact and send it."""
    data = sent_by(browser.get(ADD).content.decode())
    named = {"details.personalInformation.firstName": "Heidi", "details.personalInformation.lastName": "Alp"}
    data.update({"username": "heidi", "system": "CRM", "external_id": "CRM-1", **named, **values})
    content_type = "application/x-www-form-urlencoded"
    return browser.post(ADD, data.urlencode(), content_type=content_type, follow=True)


@pytest.mark.usefixtures("strict")
def test_the_admin_asks_for_it_and_shows_it_for_review(admin_of, anna, rita):
    browser = admin_of(anna)
    assert "Somebody else has to approve the new contact" in text_of(browser.get(ADD))
    done = text_of(sent_from(browser))
    request = ChangeRequest.objects.get()
    assert f"change request #{request.pk} is pending approval" in done
    assert not Contact.objects.exists()
    again = sent_from(browser, external_id="")
    assert again.status_code == 422
    assert "A new contact pending approval has this username." in text_of(again)
    page = f"/admin/changerequests/changerequest/{request.pk}/change/"
    shown = text_of(admin_of(rita).get(page))
    for text in (
        "Heidi Alp",
        "It does not exist before the approval.",
        "CRM-1",
        "Zurich",
        "Anna Tester",
        "Last name",
    ):
        assert text in shown
    assert "Current value" not in shown
    sent = {"decision": "approve", "digest": seen(request), "comment": ""}
    assert "was approved" in text_of(admin_of(rita).post(page, sent, follow=True))
    contact = Contact.objects.get()
    after = admin_of(rita).get(page).content.decode()
    assert f'href="/admin/contacts/contact/{contact.pk}/change/"' in after
    assert f"#{request.pk}" in text_of(admin_of(rita).get(f"/admin/contacts/contact/{contact.pk}/requests/"))


def test_the_admin_creates_at_once_by_default(admin_of, anna):
    browser = admin_of(anna)
    assert "A new contact takes effect at once." in text_of(browser.get(ADD))
    assert "Heidi Alp was created." in text_of(sent_from(browser))
    contact = Contact.objects.get()
    assert contact.external_connections.get().external_id == "CRM-1"
    assert Entry.objects.of(CONTACT_IDENTITY, contact.pk).get().paths == ["externalConnections"]


# ---- erasure


@pytest.mark.usefixtures("strict")
def test_anonymizing_the_contact_erases_its_creation(anna, rita, ask):
    request = ask(anna, external_ids=["CRM-1"])
    approve_all(rita)
    anonymize_contacts(actor=SYSTEM, contact_ids=[request.subject_id])
    assert {change["target"] for change in changes_of(request)} == {None}
    creation = Entry.objects.of(CONTACT_CREATION, request.subject_id).get()
    assert {change["target"] for change in creation.changes} == {None}
    assert WaitingContact.objects.get().name == ""


@pytest.mark.usefixtures("strict")
def test_what_was_refused_is_erased_after_a_month(anna, rita, ask):
    refused, still_open = ask(anna), ask(anna, username="heidi")
    reject(rita, refused)
    approved = ask(anna, username="louise")
    decide(actor=member_actor(rita), change_request_id=approved.pk, verdict=Verdict.APPROVE, digest=seen(approved))
    assert erase_refused_creations() == 0
    age(WaitingContact.objects.get(pk=refused.subject_id))
    age(WaitingContact.objects.get(pk=approved.subject_id))
    assert erase_refused_creations() == 1
    assert erase_refused_creations() == 0
    refused.refresh_from_db()
    assert (refused.review_comment, refused.status) == (None, Status.REJECTED)
    assert {change["target"] for change in changes_of(refused)} == {None}
    assert WaitingContact.objects.get(pk=refused.subject_id).name == ""
    for request in (still_open, approved):
        assert all(change["target"] is not None for change in changes_of(request))


def age(waiting):
    waiting.closed_at -= KEPT_FOR + timedelta(minutes=1)
    waiting.save(update_fields=["closed_at"])


@pytest.mark.usefixtures("strict")
def test_the_database_erases_no_creation_that_is_open_or_was_approved(anna, rita, ask, refused_by_database):
    insert = "INSERT INTO audit_erasure (kind, subject_id) SELECT 'contact-creation', id FROM contacts_waitingcontact"
    ask(anna)
    refused_by_database(insert)
    approve_all(rita)
    refused_by_database(insert)


# ---- budget


def test_a_direct_creation_reads_the_policy_without_a_statement_of_its_own(app, api_of, anna, body, count_queries):
    for api, name, budget in ((app, "app", 10), (api_of(anna), "anna", 13)):
        # The first one reads the schema.
        api.post(PATH, {**body, "username": f"{name}-1"})
        with count_queries() as queries:
            assert api.post(PATH, {**body, "username": f"{name}-2"}).status == 201
        assert len(queries) <= budget


# ---- races


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_of_two_that_ask_for_one_username_one_wins(api_of, anna, make_member, body, attempt):
    make_strict()
    ben = make_member("ben", permissions=["add_contact"])
    apis = [api_of(anna), api_of(ben)]
    answers = at_once(*(lambda api=api: api.post(PATH, body) for api in apis))
    assert sorted(answer.status for answer in answers) == [202, 422]
    loser = next(answer for answer in answers if answer.status == 422)
    assert (loser.sub_code, loser.json["message"]) == (
        "UsernameNotUnique",
        "A new contact pending approval has this username.",
    )
    assert WaitingContact.objects.count() == ChangeRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_who_asks_waits_for_who_creates_and_the_other_way_round(api_of, app, anna, body, ask, make_contact):
    make_strict()
    api = api_of(anna)
    answer = while_waiting(lambda: api.post(PATH, body), before=lambda: make_contact(username="JOHANNA"))
    assert (answer.status, answer.json["message"]) == (422, "This username is taken already.")
    other = {**body, "username": "heidi"}
    answer = while_waiting(lambda: app.post(PATH, other), before=lambda: ask(anna, username="HEIDI"))
    assert (answer.status, answer.sub_code) == (422, "UsernameNotUnique")
    assert answer.json["message"] == "A new contact pending approval has this username."
    contact = Contact.objects.get()

    def rename():
        try:
            change_username(actor=SYSTEM, contact_id=contact.pk, username="louise")
        except UnprocessableEntity as error:
            return str(error)
        return ""

    assert "pending approval" in while_waiting(rename, before=lambda: ask(anna, username="LOUISE"))

    def connect():
        try:
            add_external_connection(actor=SYSTEM, contact_id=contact.pk, system="CRM", external_id="CRM-1")
        except UnprocessableEntity as error:
            return str(error)
        return ""

    taken = while_waiting(connect, before=lambda: ask(anna, username="fritz", external_ids=["CRM-1"]))
    assert "pending approval" in taken
    assert not ExternalConnection.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_an_approval_and_a_cancellation_one_wins(api_of, anna, rita, ask):
    make_strict()
    request = ask(anna)
    digest = seen(request)
    reviewer, initiator = api_of(rita), api_of(anna)
    path = f"/v1.0/change-requests/{request.pk}"
    approval, cancellation = at_once(
        lambda: reviewer.post(f"{path}/review", {"isApproved": True, "digest": digest}),
        lambda: initiator.post(f"{path}/cancel"),
    )
    assert sorted([approval.status, cancellation.status]) == [204, 422]
    assert Contact.objects.exists() is (approval.status == 204)
    assert not RequestSubject.objects.filter(is_open=True).exists()


# ---- what it asks for


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(
    ("list_key", "path"), [("contact-type", None), ("marital-status", ("personalInformation", "maritalStatus"))]
)
def test_nobody_renames_alone_an_item_that_a_new_contact_would_have(anna, make_member, list_key, path):
    """Or the reviewer would have read another name than the one that takes effect."""
    lara = make_member("lara", permissions=["add_listitem", "change_listitem", "delete_listitem"])
    item = {"list_key": list_key, "key": "fresh"}
    assert save_list_item(actor=member_actor(lara), names={"en": "Harmless"}, **item).change_request is None
    assert not is_item_in_use(**item)
    added = ListItem.objects.get(list__key=list_key, key="fresh")
    document = details() if path is None else details(**{path[0]: {path[1]: "fresh"}})
    type_id = added.pk if path is None else ListItem.objects.filter(list__key="contact-type").exclude(pk=added.pk)[0].pk
    request = create_contact(actor=member_actor(anna), type_id=type_id, username="johanna", details=document)
    assert is_item_in_use(**item)
    assert save_list_item(actor=member_actor(lara), names={"en": "Other"}, **item).change_request is not None
    with pytest.raises(UnprocessableEntity, match="in use"):
        remove_list_item(actor=member_actor(lara), **item)
    cancel_change_request(actor=member_actor(anna), change_request_id=request.pk)
    assert not is_item_in_use(**item)
