"""Nobody changes a schema alone: a member's version waits for somebody else, by every door."""

import json
from typing import Any

import pytest

from accounts.actor import member_actor, system_actor
from accounts.models import Member
from audit.models import Entry
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from changerequests.services.withdrawing import amend_change_request
from core.documents import value_at
from core.errors import UnprocessableEntity
from schemas.models import SCHEMA_KIND, SchemaDraft, SchemaVersion
from schemas.queries import current_schema
from schemas.services import create_draft, load_default_schemas, publish_draft, publish_schema
from tests.api import Api
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.changerequests.reviewing import page_of, text_of
from tests.concurrency import at_once, while_waiting
from tests.fixtures import details
from tests.schemas.asking import Make, asked, edited, found, put, review
from tests.schemas.conftest import field, section

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas"), pytest.mark.slow]

LAST_NAME = "contact.elements.personalInformation.elements.lastName"
EMPLOYER = "contact.elements.occupation.elements.employer"
NEW_NAME = {"personalInformation": {"lastName": "Heusser"}}
SYSTEM = system_actor("tests")


@pytest.fixture
def eve(make_member: Make) -> Member:
    """May change schemas and contacts, review, and sees everybody."""
    permissions = ["change_schema", "view_contact", "change_contact_details"]
    return make_member("eve", reviews=True, permissions=permissions, sees_all_contacts=True)


@pytest.fixture
def rita(make_member: Make) -> Member:
    return make_member("rita", reviews=True, sees_all_contacts=True)


@pytest.fixture
def editor(eve: Member, api_of: Make) -> Api:
    return api_of(eve)


@pytest.fixture
def reviewer(rita: Member, api_of: Make) -> Api:
    return api_of(rita)


def number() -> int:
    return current_schema("contact").version_number


def published_meanwhile(key: str, **properties: Any) -> None:
    publish_schema(
        actor=SYSTEM,
        key="contact",
        definition_text=json.dumps(edited(key, **properties)),
        concurrency_token=current_schema("contact").concurrency_token,
    )


# ---- nobody alone


def test_dropping_the_approval_flag_changing_a_name_and_putting_the_flag_back_takes_somebody_else_at_every_step(
    editor: Api, reviewer: Api, make_contact: Make
) -> None:
    contact = make_contact()
    original, before = edited("lastName"), number()
    dropped = asked(put(editor, edited("lastName", isApprovalRequired=None)))
    assert review(editor, dropped).sub_code == "OwnChangeRequest"

    renamed = editor.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": NEW_NAME})
    assert renamed.json["isApprovalRequired"] is True
    contact.refresh_from_db()
    assert contact.details["personalInformation"]["lastName"] == "Spyri"
    # There is no flag to put back.
    assert put(editor, original).status == 200
    assert number() == before
    assert current_schema("contact").fields["personalInformation.lastName"].is_approval_required

    # With the flag dropped by two people, it waits as well to be put back.
    assert review(reviewer, dropped).status == 204
    assert not current_schema("contact").fields["personalInformation.lastName"].is_approval_required
    back = asked(put(editor, original))
    assert not current_schema("contact").fields["personalInformation.lastName"].is_approval_required
    assert review(editor, back).sub_code == "OwnChangeRequest"


def test_a_draft_and_a_restored_version_publish_nothing_alone_in_the_admin(
    eve: Member, admin_of: Make, make_contact: Make
) -> None:
    browser, schema = admin_of(eve), current_schema("contact")
    page = f"/admin/schemas/schema/{schema.schema_id}/change/"
    text = json.dumps(edited("lastName", isApprovalRequired=None))
    draft = browser.post(page, {"definition": text, "base": schema.version_id}).url
    browser.post(draft, {"accepts_violations": "on"})
    assert number() == schema.version_number
    ChangeRequest.objects.update(status=Status.CANCELLED)
    ChangeRequest.objects.get().subjects.update(is_open=False)

    published_meanwhile("lastName", isApprovalRequired=None)
    published_meanwhile("lastName", isApprovalRequired=True)
    weak = SchemaVersion.objects.get(schema=schema.schema_id, number=2)
    restored = browser.post(f"/admin/schemas/schemaversion/{weak.pk}/change/").url
    browser.post(restored, {"accepts_violations": "on"})
    assert number() == 3
    assert ChangeRequest.objects.open().get().initiator_member == eve


def test_the_right_alone_is_not_needed_to_be_refused(make_member: Make, api_of: Make) -> None:
    assert put(api_of(make_member(reviews=True)), edited("employer", maxLength=7)).status == 403
    assert not ChangeRequest.objects.exists()


# ---- what waits, and what does not


def test_a_change_waits_whole_and_is_published_in_the_initiators_name(editor: Api, reviewer: Api, eve: Member) -> None:
    definition = edited("employer", isMandatory=True, maxLength=7)
    definition["elements"].append(section("hobbies", field("sport")))
    request = asked(put(editor, definition))
    before = current_schema("contact")
    assert request.paths == sorted(
        {
            *("contact", "contact.elements", "contact.order", "contact.elements.hobbies"),
            *("contact.elements.occupation", "contact.elements.occupation.elements", EMPLOYER),
            *(f"{EMPLOYER}.isMandatory", f"{EMPLOYER}.maxLength"),
        }
    )
    assert review(reviewer, request).status == 204
    after = current_schema("contact")
    assert after.definition_json == definition
    assert after.concurrency_token != before.concurrency_token
    version = SchemaVersion.objects.get(pk=after.version_id)
    assert (version.published_by, version.published_by_name) == (eve.user, eve.name)
    entry = Entry.objects.of(SCHEMA_KIND, after.schema_id).latest("sequence")
    assert (entry.change_request_id, entry.initiator_member_id) == (request.pk, eve.pk)
    assert f"{EMPLOYER}.isMandatory" in entry.paths


def test_a_rejected_version_is_not_published(editor: Api, reviewer: Api) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    assert review(reviewer, request, isApproved=False).status == 204
    assert number() == 1


def test_an_application_publishes_at_once_unless_a_policy_names_it(app: Api, make_app: Make, api_of: Make) -> None:
    assert put(app, edited("employer", maxLength=7)).status == 200
    named = make_app()
    set_policy(policy([stage()], [rule("Review", applications=[named.pk])]), kind=SCHEMA_KIND)
    assert put(api_of(named), edited("employer", maxLength=8)).status == 202
    assert put(app, edited("employer", maxLength=9)).status == 200
    entries = Entry.objects.of(SCHEMA_KIND, current_schema("contact").schema_id).order_by("sequence")
    assert [entry.paths[-1] for entry in entries[1:]] == [f"{EMPLOYER}.maxLength"] * 2


def test_shipped_schemas_are_loaded_as_the_system_and_on_record() -> None:
    assert load_default_schemas().added == []
    entry = Entry.objects.of(SCHEMA_KIND, current_schema("contact").schema_id).get()
    assert (entry.initiator_system, entry.paths) == ("Kontor", ["contact"])


def test_one_version_waits_at_a_time(editor: Api, api_of: Make, make_member: Make) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    refused = put(api_of(make_member(permissions=["change_schema"])), edited("position", maxLength=7))
    assert (refused.status, refused.sub_code) == (422, "PendingChangeRequestExists")
    assert refused.json["properties"]["changeRequestId"] == [str(request.pk)]


def test_a_policy_can_ask_more_people_about_one_schema_or_one_section(
    editor: Api, reviewer: Api, make_member: Make, api_of: Make
) -> None:
    two = policy(
        [stage(), stage("Second")],
        [rule("Review", "Second", paths=["contact.elements.personalInformation"]), rule("Review")],
    )
    set_policy(two, kind=SCHEMA_KIND)
    request = asked(put(editor, edited("lastName", maxLength=7)))
    assert review(reviewer, request).status == 204
    assert number() == 1
    assert review(api_of(make_member(reviews=True)), request).status == 204
    assert number() == 2


# ---- the definition is valid when it is asked for, and when it is approved


def test_an_invalid_definition_is_refused_at_once(editor: Api) -> None:
    answer = put(editor, edited("nationalities", listKey="nothing"))
    assert (answer.status, answer.sub_code) == (422, "SchemaInvalid")
    assert not ChangeRequest.objects.exists()


def test_a_definition_that_became_invalid_meanwhile_is_not_published_and_stays_open(editor: Api, reviewer: Api) -> None:
    definition = edited("employer", maxLength=7)
    definition["rules"] = [*definition.get("rules", []), {"properties": {"occupation": {"required": ["position"]}}}]
    request = asked(put(editor, definition))
    without = edited("employer")
    occupation = found(without["elements"], "occupation")
    assert occupation is not None
    occupation["elements"] = [part for part in occupation["elements"] if part["key"] != "position"]
    publish_schema(
        actor=SYSTEM,
        key="contact",
        definition_text=json.dumps(without),
        concurrency_token=current_schema("contact").concurrency_token,
    )
    answer = review(reviewer, request)
    assert (answer.status, answer.sub_code) == (422, "SchemaInvalid")
    request.refresh_from_db()
    assert request.is_pending
    assert number() == 2


def test_a_part_that_is_no_definition_cannot_be_approved(editor: Api, reviewer: Api) -> None:
    definition = edited("employer", maxLength=7)
    definition["elements"].append(section("hobbies", field("sport")))
    request = asked(put(editor, definition))
    digest = reviewer.get(f"/v1.0/change-requests/{request.pk}").json["digest"]
    answer = review(reviewer, request, digest=digest, paths=["contact.elements.hobbies", f"{EMPLOYER}.maxLength"])
    assert (answer.status, answer.sub_code, answer.places) == (422, "SchemaInvalid", {"contact.elements.hobbies"})
    assert review(reviewer, request, digest=digest, paths=[f"{EMPLOYER}.maxLength"]).status == 204
    assert current_schema("contact").fields["occupation.employer"].max_length == 7
    assert "hobbies.sport" not in current_schema("contact").fields


# ---- what was published meanwhile


def test_a_version_of_somebody_else_is_kept_beside_the_approved_changes(editor: Api, reviewer: Api) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    published_meanwhile("position", maxLength=9)
    assert review(reviewer, request).status == 204
    fields = current_schema("contact").fields
    assert (fields["occupation.employer"].max_length, fields["occupation.position"].max_length) == (7, 9)


def test_a_field_that_somebody_else_changed_meanwhile_is_outdated_and_the_request_stays_open(
    editor: Api, reviewer: Api
) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    published_meanwhile("employer", maxLength=9)
    answer = review(reviewer, request)
    assert (answer.status, answer.sub_code) == (422, "ChangeRequestOutdated")
    assert answer.places == {f"{EMPLOYER}.maxLength"}
    request.refresh_from_db()
    assert request.is_pending
    assert current_schema("contact").fields["occupation.employer"].max_length == 9


def test_a_flag_of_a_field_that_was_removed_meanwhile_is_outdated(editor: Api, reviewer: Api) -> None:
    request = asked(put(editor, edited("employer", isMandatory=True)))
    definition = edited("occupation")
    occupation = found(definition["elements"], "occupation")
    assert occupation is not None
    occupation["elements"] = [part for part in occupation["elements"] if part["key"] != "employer"]
    publish_schema(
        actor=SYSTEM,
        key="contact",
        definition_text=json.dumps(definition),
        concurrency_token=current_schema("contact").concurrency_token,
    )
    answer = review(reviewer, request)
    assert (answer.sub_code, answer.places) == ("ChangeRequestOutdated", {f"{EMPLOYER}.isMandatory"})


def test_a_stale_token_asks_for_nothing(editor: Api) -> None:
    token = editor.get("/v1.0/schemas/contact").json["concurrencyToken"]
    published_meanwhile("employer", maxLength=9)
    body = {"schema": json.dumps(edited("employer", maxLength=7)), "concurrencyToken": token}
    assert editor.put("/v1.0/schemas/contact", body).sub_code == "ConcurrencyTokenMismatch"
    assert not ChangeRequest.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_approval_that_waits_for_another_version_sees_it(editor: Api, reviewer: Api) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    answer = while_waiting(
        lambda: review(reviewer, request), before=lambda: published_meanwhile("employer", maxLength=9)
    )
    assert (answer.status, answer.sub_code) == (422, "ChangeRequestOutdated")
    assert current_schema("contact").fields["occupation.employer"].max_length == 9


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_at_once_one_waits(editor: Api, api_of: Make, make_member: Make) -> None:
    other = api_of(make_member(permissions=["change_schema"]))
    one, two = edited("employer", maxLength=7), edited("position", maxLength=7)
    answers = at_once(lambda: put(editor, one), lambda: put(other, two))
    assert sorted(answer.status for answer in answers) == [202, 422]
    assert ChangeRequest.objects.count() == 1


# ---- amending


def test_an_amended_definition_is_what_gets_published(editor: Api, reviewer: Api, eve: Member) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    text = json.dumps(edited("employer", maxLength=8))
    amend_change_request(actor=member_actor(eve), change_request_id=request.pk, document={"schema": text})
    with pytest.raises(UnprocessableEntity):
        amend_change_request(actor=member_actor(eve), change_request_id=request.pk, document={"schema": "{}"})
    digest = reviewer.get(f"/v1.0/change-requests/{request.pk}").json["digest"]
    assert review(reviewer, request, digest=digest).status == 204
    assert current_schema("contact").fields["occupation.employer"].max_length == 8


# ---- what the reviewer sees


def test_the_request_says_which_field_and_which_flag(editor: Api, reviewer: Api) -> None:
    definition = edited("lastName", isApprovalRequired=None, label={"en": "Surname", "de": "Nachname"})
    request = asked(put(editor, definition))
    answer = reviewer.get(f"/v1.0/change-requests/{request.pk}").json
    assert answer["subject"]["name"] == "Schema contact"
    labels = {change["path"]: change["label"] for change in answer["details"]}
    assert labels[f"{LAST_NAME}.isApprovalRequired"] == "Personal information › Last name › Approval required"
    assert labels[f"{LAST_NAME}.label.en"] == "Personal information › Last name › Label (en)"


def test_the_page_shows_fields_flags_and_what_it_would_do(
    eve: Member, rita: Member, admin_of: Make, make_contact: Make
) -> None:
    seen = make_contact(members=[rita])
    definition = edited("employer", isMandatory=True)
    definition["elements"].append(section("hobbies", field("sport", isSearchable=True)))
    draft = create_draft(
        actor=member_actor(eve),
        key="contact",
        definition_text=json.dumps(definition),
        base_version_id=current_schema("contact").version_id,
    )
    request = publish_draft(actor=member_actor(eve), draft_id=draft.pk, accepts_violations=True).change_request
    assert request is not None
    page = admin_of(rita).get(page_of(request))
    text = text_of(page)
    for part in (
        "Schema contact",
        "Occupation › Employer Mandatory",
        "Added: Yes",
        "Order of the elements",
        "Hobbies",
        "Sport Type Text",
        "Searchable Yes",
        "Impact on stored documents",
        "Employer occupation.employer This field is mandatory. 1 1",
    ):
        assert part in text, part
    assert str(seen) in text


def test_what_is_asked_for_over_the_api_is_checked_for_the_reviewer(
    editor: Api, rita: Member, admin_of: Make, make_contact: Make, django_capture_on_commit_callbacks: Any
) -> None:
    make_contact(details(occupation={"employer": "Alm AG"}))
    with django_capture_on_commit_callbacks(execute=True):
        request = asked(put(editor, edited("employer", maxLength=3)))
    draft = SchemaDraft.objects.get(change_request=request)
    assert (draft.total, draft.published_version) == (1, None)
    assert "Impact on stored documents" in text_of(admin_of(rita).get(page_of(request)))
    decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE)
    draft.refresh_from_db()
    assert draft.published_version_id == current_schema("contact").version_id


def test_the_page_of_an_outdated_request_shows_both_values(editor: Api, rita: Member, admin_of: Make) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    published_meanwhile("employer", maxLength=9)
    text = text_of(admin_of(rita).get(page_of(request)))
    assert "Outdated" in text
    assert "It can no longer be approved" in text


# ---- who sees it


def test_members_see_the_request_and_contacts_do_not(
    editor: Api, make_member: Make, make_contact: Make, api_of: Make
) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    address = f"/v1.0/change-requests/{request.pk}"
    assert api_of(make_member()).get(address).status == 200
    assert api_of(make_contact()).get(address).status == 403


def test_the_queue_finds_requests_by_the_key_of_the_schema(editor: Api, rita: Member, admin_of: Make) -> None:
    request = asked(put(editor, edited("employer", maxLength=7)))
    queue = admin_of(rita).get("/admin/changerequests/changerequest/?q=contact")
    assert [row.pk for row in queue.context["cl"].result_list] == [request.pk]
    assert "Occupation › Employer › Characters at most" in text_of(queue)


def test_a_publication_is_not_lost_in_the_document() -> None:
    entry = Entry.objects.of(SCHEMA_KIND, current_schema("contact").schema_id).get()
    (change,) = entry.changes
    assert value_at(change["target"], "elements.personalInformation.elements.lastName.isApprovalRequired") is True
