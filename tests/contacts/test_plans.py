"""Planning a change needs no database."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.actor import Actor, ActorKind, system_actor
from changerequests.policies import kind_policy, policy_document
from contacts.plans import ChangePlan, Origin, Snapshot, Target, merged, outdated_paths, plan, replaced, values_set
from core.documents import Change, changes_between
from core.errors import PreconditionFailed
from tests.schemas.conftest import field, schema_of, section

SCHEMA = schema_of(
    section(
        "person",
        field("lastName", isMandatory=True, isApprovalRequired=True),
        field("nickname", isUpdatableByContact=True),
        field("branch", isReadOnly=True),
        field("key", isDisabled=True),
    ),
    section(
        "contact",
        field("email", "email", isVerificationRequired=True, isUpdatableByContact=True),
        field("mobile", "mobile"),
    ),
    rules=[],
)
STORED = {"person": {"lastName": "Spyri", "nickname": "Heidi", "branch": "ZH", "key": "K"}}
APP = system_actor("tests")
MEMBER = Actor(kind=ActorKind.MEMBER, name="Anna", member_id=1)
CONTACT = Actor(kind=ActorKind.CONTACT, name="Heidi", contact_id=1)
FLAGGED_WAIT = kind_policy(policy_document(waits=True, is_flagged_only=True), version=0)
NOTHING_WAITS = kind_policy(policy_document(waits=False), version=0)


def snapshot(document: dict[str, Any] = STORED, **values: Any) -> Snapshot:
    defaults = {"version": 3, "verified_paths": SCHEMA.verified_paths, "policy": FLAGGED_WAIT}
    return Snapshot(document=document, schema=SCHEMA, **{**defaults, **values})


def planned(patch: dict[str, Any], actor: Actor = APP, origin: Origin = Origin.SUBMISSION, **values: Any) -> ChangePlan:
    return plan(snapshot(**values), merged(patch), actor, origin)


def paths(changes: Any) -> list[str]:
    return [change.path for change in changes]


def refusal(found: ChangePlan) -> str:
    assert found.refusal is not None
    return found.refusal.sub_code


@pytest.mark.parametrize(
    ("actor", "patch", "refused"),
    [
        (APP, {"key": "L"}, ["person.key"]),
        (APP, {"branch": "BE"}, []),
        (MEMBER, {"branch": "BE", "nickname": "H"}, ["person.branch"]),
        (MEMBER, {"nickname": "H"}, []),
        (CONTACT, {"lastName": "Heusser"}, ["person.lastName"]),
        (CONTACT, {"nickname": "H"}, []),
    ],
)
def test_who_may_change_which_field(actor, patch, refused):
    found = planned({"person": patch}, actor)
    assert list(found.not_updatable) == refused
    if refused:
        assert refusal(found) == "FieldNotUpdatable"


def test_a_contact_gives_mandatory_fields_when_it_creates_something():
    creation = plan(
        snapshot({}, version=0), replaced({"person": {"lastName": "Spyri", "branch": "ZH"}}), CONTACT, Origin.CREATION
    )
    assert list(creation.not_updatable) == ["person.branch"]


def test_an_approval_does_not_ask_again_who_may_change_a_field():
    assert not planned({"person": {"branch": "BE"}}, MEMBER, Origin.APPROVAL).not_updatable


def test_faults_are_named_by_their_paths():
    found = planned({"person": {"lastName": None, "nickname": 1}})
    assert set(found.faults) == {"person.lastName", "person.nickname"}
    assert refusal(found) == "ValidationFailed"


def test_a_creation_is_validated_even_if_it_holds_nothing():
    assert plan(snapshot({}, version=0), replaced({}), APP, Origin.CREATION).faults


def test_what_changes_nothing_is_not_validated():
    invalid = {"person": {"nickname": "Heidi"}}
    assert not planned({"person": {"nickname": "Heidi"}}, document=invalid).faults


def test_a_member_waits_for_approval_and_nothing_is_verified_meanwhile():
    found = planned({"person": {"lastName": "Heusser"}, "contact": {"email": "h@example.com"}}, MEMBER)
    assert found.requirement.paths == {"person.lastName"}
    assert not found.to_verify


@pytest.mark.parametrize(
    ("actor", "origin", "policy"),
    [
        (APP, Origin.SUBMISSION, None),
        (MEMBER, Origin.APPROVAL, FLAGGED_WAIT),
        (MEMBER, Origin.CREATION, FLAGGED_WAIT),
        (MEMBER, Origin.SUBMISSION, NOTHING_WAITS),
    ],
)
def test_others_do_not_wait_for_approval(actor, origin, policy):
    assert not planned({"person": {"lastName": "Heusser"}}, actor, origin, policy=policy).requirement


@pytest.mark.parametrize("origin", [Origin.SUBMISSION, Origin.APPROVAL])
def test_a_new_address_waits_for_its_key_and_the_rest_is_written(origin):
    found = planned({"person": {"nickname": "H"}, "contact": {"email": "h@example.com"}}, origin=origin)
    assert paths(found.to_verify) == ["contact.email"]
    assert paths(found.to_write) == ["person.nickname"]
    assert found.document == {"person": {**STORED["person"], "nickname": "H"}}


@pytest.mark.parametrize("origin", [Origin.CREATION, Origin.IMPORT, Origin.VERIFICATION])
def test_an_address_that_needs_no_key_is_written(origin):
    found = planned({"contact": {"email": "h@example.com"}}, origin=origin)
    assert paths(found.to_write) == ["contact.email"]


def test_an_address_is_removed_without_a_key():
    stored = {**STORED, "contact": {"email": "h@example.com"}}
    found = planned({"contact": {"email": None}}, document=stored)
    assert paths(found.to_write) == ["contact.email"]


def test_a_written_address_no_longer_waits():
    found = planned({"contact": {"mobile": "+41791234567"}}, pending={"Mobile": "contact.mobile"})
    assert found.settled_channels == ["Mobile"]


def test_the_username_follows_the_email_once_it_is_written():
    stored = {**STORED, "contact": {"email": "h@example.com"}}
    submitted = planned({"contact": {"email": "j@example.com"}}, document=stored, username_path="contact.email")
    verified = planned(
        {"contact": {"email": "j@example.com"}},
        origin=Origin.VERIFICATION,
        document=stored,
        username_path="contact.email",
    )
    assert (submitted.username, submitted.username_to_write) == ("j@example.com", None)
    assert (verified.username, verified.username_to_write) == ("j@example.com", "j@example.com")


def test_an_email_that_the_username_follows_is_not_removed():
    stored = {**STORED, "contact": {"email": "h@example.com"}}
    found = planned({"contact": {"email": None}}, document=stored, username_path="contact.email")
    assert refusal(found) == "UsernameRequired"


@pytest.mark.parametrize(
    ("versions", "is_refused"), [(None, False), ([3], False), ([2, 3], False), ([2], True), ([], True)]
)
def test_a_target_names_the_versions_that_it_was_made_for(versions, is_refused):
    target = merged({"person": {"nickname": "H"}}, versions)
    if not is_refused:
        assert plan(snapshot(), target, APP).changes
        return
    with pytest.raises(PreconditionFailed) as refused:
        plan(snapshot(), target, APP)
    assert refused.value.headers == {"ETag": '"3"'}


def test_a_target_known_to_be_valid_is_not_validated():
    target = Target(lambda _stored: {"person": {"nickname": 1}}, is_valid=True)
    assert not plan(snapshot(), target, APP).faults


@pytest.mark.parametrize(
    ("stored", "original", "is_outdated"),
    [("Spyri", "Spyri", False), ("Heusser", "Spyri", True), (None, "Spyri", True)],
)
def test_a_request_is_outdated_when_a_value_is_no_longer_the_original(stored, original, is_outdated):
    document = {"person": {"lastName": stored}} if stored else {}
    change = Change("person.lastName", original, "Meier")
    assert outdated_paths(document, [change]) == (["person.lastName"] if is_outdated else [])


texts = st.none() | st.text("ab", max_size=2)
documents = st.fixed_dictionaries(
    {
        "person": st.fixed_dictionaries({}, optional={"lastName": texts, "nickname": texts, "key": texts}),
        "contact": st.fixed_dictionaries({}, optional={"email": st.none() | st.just("h@example.com")}),
    }
)


@given(
    stored=documents, target=documents, actor=st.sampled_from([APP, MEMBER, CONTACT]), origin=st.sampled_from(Origin)
)
def test_a_plan_changes_neither_argument_and_writes_what_it_says(stored, target, actor, origin):
    before = copy.deepcopy((stored, target))
    found = plan(snapshot(stored), replaced(target), actor, origin)
    assert (stored, target) == before
    if not found.requirement:
        assert paths(changes_between(stored, found.document)) == paths(found.to_write)
    again = plan(snapshot(stored), values_set(found.changes), actor, origin)
    assert again.changes == found.changes
