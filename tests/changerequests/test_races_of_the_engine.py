"""Decisions, amendments, policies and jobs on separate connections: one wins, and the other one is told why."""

import pytest

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import Decision, PolicyVersion, RequestClaim, Revision, Status, Verdict
from changerequests.policies import Requirement, Stage
from changerequests.services import applying
from changerequests.services.applying import apply_approved_request
from changerequests.services.claims import claim_request
from changerequests.services.deciding import decide
from changerequests.services.opening import open_request
from changerequests.services.policies import request_policies
from contacts.models import CONTACT_DETAILS
from contacts.services.changes import patch_details
from core.documents import Change
from core.errors import ApiError
from tests.changerequests.engine import BOTH, NAME, amend, approve, cancel, name_of, reject, seen, status_of, submit
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.changerequests.requesting import address
from tests.concurrency import at_once, while_waiting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
KELLER = {"personalInformation": {"lastName": "Keller"}}
ATTEMPTS = pytest.mark.parametrize("attempt", range(3))


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=["change_policies", "change_contact_details"])


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


@pytest.fixture
def asker(anna, api_of):
    return api_of(anna)


@pytest.fixture
def reviewers(make_member):
    return [make_member(reviews=True, sees_all_contacts=True) for _ in range(3)]


@pytest.fixture
def apis(reviewers, api_of):
    return [api_of(member) for member in reviewers]


def refusal(answer):
    return answer.status, answer.sub_code if answer.json else None


def tried(call):
    """Return the call's result, or the sub code of its refusal."""

    def run():
        try:
            return call()
        except ApiError as error:
            return error.sub_code

    return run


@ATTEMPTS
def test_an_amendment_and_an_approval_do_not_mix(contact, asker, apis, attempt):
    request = submit(asker, contact, BOTH)
    amendment, approval = at_once(
        lambda: amend(asker, request, KELLER),
        lambda: approve(apis[0], request),
    )
    if approval.status == 204:
        assert refusal(amendment) == (422, "ChangeRequestNotPending")
        assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Heusser")
    else:
        # The approval named no digest, which the second revision requires.
        assert (approval.status, amendment.status) == (412, 200)
        assert (status_of(request), name_of(contact)) == (Status.PENDING, "Spyri")
        assert approve(apis[0], request, digest=seen(request)).status == 204
        assert name_of(contact) == "Keller"


def test_an_approval_of_what_was_shown_waits_for_an_amendment_and_fails(contact, asker, apis):
    request = submit(asker, contact, BOTH)
    digest = seen(request)
    answer = while_waiting(
        lambda: approve(apis[0], request, digest=digest), before=lambda: amend(asker, request, KELLER)
    )
    assert (answer.status, status_of(request), name_of(contact)) == (412, Status.PENDING, "Spyri")
    assert Decision.objects.count() == 0


def test_an_amendment_waits_for_the_last_approval_and_fails(contact, asker, apis):
    request = submit(asker, contact, BOTH)
    answer = while_waiting(lambda: amend(asker, request, KELLER), before=lambda: approve(apis[0], request))
    assert refusal(answer) == (422, "ChangeRequestNotPending")
    assert (name_of(contact), Revision.objects.count()) == ("Heusser", 1)


@ATTEMPTS
def test_in_the_last_stage_one_of_two_decides(contact, asker, apis, attempt):
    set_policy(policy([stage("One"), stage("Two")], [rule("One", "Two")]))
    request = submit(asker, contact, BOTH)
    assert approve(apis[0], request).status == 204
    answers = at_once(lambda: approve(apis[1], request), lambda: reject(apis[2], request))
    assert sorted(answer.status for answer in answers) == [204, 422]
    assert {refusal(answer) for answer in answers if answer.status == 422} == {(422, "ChangeRequestNotPending")}
    is_approved = answers[0].status == 204
    assert status_of(request) == (Status.APPROVED if is_approved else Status.REJECTED)
    assert name_of(contact) == ("Heusser" if is_approved else "Spyri")
    assert (Decision.objects.count(), contact.version) == (2, 2 if is_approved else 1)


@ATTEMPTS
def test_two_approvals_at_once_are_two_and_one_person_counts_once(contact, asker, apis, attempt):
    set_policy(policy([stage(approvals=3)], [rule("Review")]))
    request = submit(asker, contact, BOTH)
    answers = at_once(*(lambda api=api: approve(api, request) for api in (apis[0], apis[0], apis[1])))
    assert sorted(answer.status for answer in answers) == [204, 204, 403]
    assert {answer.sub_code for answer in answers if answer.status == 403} == {"AlreadyDecided"}
    assert (status_of(request), Decision.objects.count()) == (Status.PENDING, 2)
    assert approve(apis[2], request).status == 204
    assert name_of(contact) == "Heusser"


@ATTEMPTS
def test_of_a_cancellation_and_a_striking_one_wins(contact, asker, apis, attempt):
    request = submit(asker, contact, BOTH)
    answers = at_once(lambda: cancel(asker, request), lambda: approve(apis[0], request, paths=[NAME]))
    assert sorted(answer.status for answer in answers) == [204, 422]
    is_cancelled = answers[0].status == 204
    assert status_of(request) == (Status.CANCELLED if is_cancelled else Status.APPROVED)
    assert name_of(contact) == ("Spyri" if is_cancelled else "Heusser")


def ask_for(member, number):
    document = {CONTACT_DETAILS: policy([stage(approvals=number)], [rule("Review")])}
    return request_policies(actor=member_actor(member), document=document)


def decided(member, request, verdict=Verdict.APPROVE):
    return tried(lambda: decide(actor=member_actor(member), change_request_id=request.pk, verdict=verdict))


@ATTEMPTS
def test_a_change_of_the_policies_is_approved_once(default_schemas, anna, reviewers, attempt):
    request = ask_for(anna, 2)
    results = at_once(decided(reviewers[0], request), decided(reviewers[1], request))
    assert [result for result in results if isinstance(result, str)] == ["ChangeRequestNotPending"]
    assert (PolicyVersion.objects.get().number, status_of(request)) == (1, Status.APPROVED)


def test_a_change_of_the_policies_that_another_overtook_is_outdated(default_schemas, anna, reviewers):
    request = ask_for(anna, 2)
    overtaking = policy([stage(approvals=3)], [rule("Review")])
    result = while_waiting(decided(reviewers[0], request), before=lambda: set_policy(overtaking))
    assert (result, status_of(request)) == ("ChangeRequestOutdated", Status.PENDING)
    assert PolicyVersion.objects.count() == 1


@ATTEMPTS
def test_a_request_is_decided_by_the_stages_that_it_has_while_the_policy_changes(
    contact, asker, anna, reviewers, apis, attempt
):
    waiting, request = submit(asker, contact, BOTH), ask_for(anna, 2)
    result, answer = at_once(decided(reviewers[0], request), lambda: approve(apis[1], waiting))
    assert (result.status, answer.status) == (Status.APPROVED, 204)
    assert name_of(contact) == "Heusser"
    assert Revision.objects.get(request=waiting).policy_version == 0


@ATTEMPTS
def test_what_is_kept_of_a_request_has_the_stages_of_one_policy_or_the_other(
    contact, asker, anna, reviewers, apis, attempt
):
    waiting, request = submit(asker, contact, BOTH), ask_for(anna, 2)
    result, answer = at_once(decided(reviewers[0], request), lambda: approve(apis[1], waiting, paths=[NAME]))
    assert (result.status, answer.status) == (Status.APPROVED, 204)
    struck = Revision.objects.get(request=waiting, number=2)
    needed = struck.stages.get().approvals
    assert needed == (2 if struck.policy_version == 1 else 1)
    assert status_of(waiting) == (Status.PENDING if needed == 2 else Status.APPROVED)


@pytest.fixture
def approved_for_many(make_contact, anna, reviewers):
    """An approved request about four contacts, and the contacts."""
    contacts = [make_contact() for _ in range(4)]
    request = open_request(
        kind=CONTACT_DETAILS,
        changes={contact.pk: [Change(NAME, "Spyri", "Heusser")] for contact in contacts},
        actor=member_actor(anna),
        requirement=Requirement((Stage("Review"),), frozenset({NAME})),
        comment=None,
    )
    decide(actor=member_actor(reviewers[0]), change_request_id=request.pk, verdict=Verdict.APPROVE)
    return request, contacts


@ATTEMPTS
def test_a_batch_and_a_change_of_the_same_path_do_not_mix(approved_for_many, app, attempt):
    request, contacts = approved_for_many
    changed = f"/v1.0/contacts/{contacts[2].pk}/details"
    _none, answer = at_once(
        lambda: apply_approved_request(request.pk),
        lambda: app.patch(changed, {"details": KELLER}),
    )
    assert answer.status == 200
    # In either order the application's name is the final one.
    assert [name_of(contact) for contact in contacts] == ["Heusser", "Heusser", "Keller", "Heusser"]
    outcome = request.subjects.get(subject_id=contacts[2].pk).outcome
    assert (outcome, contacts[2].version) in (("applied", 3), ("outdated", 2))


def test_a_batch_waits_for_a_change_and_leaves_its_contact_out(approved_for_many):
    request, contacts = approved_for_many

    def overtake():
        patch_details(actor=system_actor("tests"), contact_id=contacts[1].pk, patch=KELLER)

    while_waiting(lambda: apply_approved_request(request.pk), before=overtake)
    assert [name_of(contact) for contact in contacts] == ["Heusser", "Keller", "Heusser", "Heusser"]
    assert request.subjects.get(subject_id=contacts[1].pk).outcome == "outdated"


def test_two_deliveries_at_once_apply_each_subject_once(approved_for_many, monkeypatch):
    monkeypatch.setattr(applying, "BATCH", 1)
    request, contacts = approved_for_many
    at_once(*(lambda: apply_approved_request(request.pk) for _ in range(2)))
    assert [name_of(contact) for contact in contacts] == ["Heusser"] * 4
    assert Entry.objects.filter(change_request=request).count() == 4
    assert set(request.subjects.values_list("outcome", "is_open")) == {("applied", False)}


@ATTEMPTS
def test_of_two_who_open_a_request_at_once_one_has_it(contact, asker, reviewers, apis, attempt):
    request = submit(asker, contact, BOTH)
    answers = at_once(*(lambda api=api: api.post(f"{address(request)}/claim", {}) for api in apis))
    assert sorted(answer.status for answer in answers) == [200, 422, 422]
    assert {answer.sub_code for answer in answers if answer.status == 422} == {"ClaimedByAnother"}
    [winner] = [member for member, answer in zip(reviewers, answers, strict=True) if answer.status == 200]
    assert RequestClaim.objects.get().member == winner


def test_who_claims_while_another_claim_is_being_written_finds_it(contact, asker, reviewers, apis):
    request = submit(asker, contact, BOTH)
    late = while_waiting(
        lambda: apis[1].post(f"{address(request)}/claim", {}),
        before=lambda: claim_request(actor=member_actor(reviewers[0]), change_request_id=request.pk),
    )
    assert refusal(late) == (422, "ClaimedByAnother")


def test_who_takes_over_while_the_holder_renews_has_it(contact, asker, reviewers, apis):
    request = submit(asker, contact, BOTH)
    claim_request(actor=member_actor(reviewers[0]), change_request_id=request.pk)
    late = while_waiting(
        lambda: apis[1].post(f"{address(request)}/claim", {"takeOver": True}),
        before=lambda: claim_request(actor=member_actor(reviewers[0]), change_request_id=request.pk),
    )
    assert (late.status, RequestClaim.objects.get().member) == (200, reviewers[1])
