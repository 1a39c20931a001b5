"""Returning, amending, striking, stages and substitutes, through HTTP."""

import pytest

from changerequests.models import Decision, Revision, Status
from contacts.models import ContactAssignment
from tests.changerequests.engine import (
    BOTH,
    NAME,
    NOTES,
    amend,
    approve,
    cancel,
    name_of,
    reject,
    seen,
    send_back,
    status_of,
    submit,
)
from tests.changerequests.policies import absent, make_group, policy, rule, set_policy, stage

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
KELLER = {"personalInformation": {"lastName": "Keller"}}


def refusal(answer):
    return answer.status, answer.sub_code


@pytest.fixture
def anna(make_member):
    return make_member("anna", reviews=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


@pytest.fixture
def asker(anna, api_of):
    return api_of(anna)


@pytest.fixture
def reviewer(make_member, api_of):
    """Return a new reviewer who sees all contacts, and its API client."""

    def make(name=""):
        member = make_member(name, reviews=True, sees_all_contacts=True)
        return member, api_of(member)

    return make


@pytest.fixture
def two_approvals(default_schemas):
    set_policy(policy([stage(approvals=2)], [rule("Review", flaggedOnly=True)]))


# ---- back to the initiator


def test_what_is_returned_is_amended_and_approved(contact, asker, reviewer):
    rita, api = reviewer("rita")
    request = submit(asker, contact, BOTH)
    assert send_back(api, request).status == 204
    assert status_of(request) == Status.RETURNED
    assert (request.review_member, request.review_comment) == (rita, "Which name?")
    assert amend(asker, request, KELLER).json == {"revision": 2}
    assert status_of(request) == Status.PENDING
    assert (request.review_member, request.review_comment, request.paths) == (
        None,
        None,
        ["personalInformation", NAME],
    )
    assert approve(api, request).status == 412
    assert approve(api, request, digest=seen(request)).status == 204
    assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Keller")
    assert "relationship" not in contact.details


def test_what_is_returned_is_not_approved_and_still_occupies_the_contact(contact, asker, reviewer):
    _rita, api = reviewer()
    request = submit(asker, contact, BOTH)
    send_back(api, request)
    _ben, others = reviewer()
    assert refusal(approve(others, request)) == (422, "ChangeRequestNotPending")
    assert refusal(send_back(others, request)) == (422, "ChangeRequestNotPending")
    answer = others.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": KELLER})
    assert refusal(answer) == (422, "PendingChangeRequestExists")
    assert name_of(contact) == "Spyri"


def test_what_is_returned_may_be_rejected_by_another_reviewer_or_cancelled(contact, asker, reviewer):
    for close, status in ((reject, Status.REJECTED), (cancel, Status.CANCELLED)):
        request = submit(asker, contact, BOTH)
        send_back(reviewer()[1], request)
        assert close(reviewer()[1] if close is reject else asker, request).status == 204
        assert status_of(request) == status


def test_only_the_initiator_amends_and_only_what_is_open(contact, asker, reviewer):
    _rita, api = reviewer()
    request = submit(asker, contact, BOTH)
    assert refusal(amend(api, request, KELLER)) == (403, "NotInitiator")
    assert refusal(amend(asker, request, {})) == (422, "NothingRequested")
    assert refusal(amend(asker, request, {"personalInformation": {"lastName": 7}})) == (422, "ValidationFailed")
    assert Revision.objects.count() == 1
    approve(api, request)
    assert refusal(amend(asker, request, KELLER)) == (422, "ChangeRequestNotPending")


def test_amending_voids_what_was_approved_before(two_approvals, contact, asker, reviewer):
    _rita, first = reviewer()
    _ben, second = reviewer()
    request = submit(asker, contact, BOTH)
    approve(first, request)
    amend(asker, request, KELLER)
    assert approve(second, request, digest=seen(request)).status == 204
    assert (status_of(request), name_of(contact)) == (Status.PENDING, "Spyri")
    assert approve(first, request, digest=seen(request)).status == 204
    assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Keller")


def test_an_amendment_to_what_need_not_wait_waits_in_the_stages_that_it_had(contact, asker, reviewer):
    request = submit(asker, contact, BOTH)
    assert amend(asker, request, {"relationship": {"notes": "Married."}}).status == 200
    assert status_of(request) == Status.PENDING
    assert [row.name for row in Revision.objects.get(number=2).stages.all()] == ["Review"]
    contact.refresh_from_db()
    assert "relationship" not in contact.details


def test_an_outdated_request_is_refused_and_amended_over_the_values_of_today(contact, asker, app, reviewer):
    _rita, api = reviewer()
    request = submit(asker, contact, BOTH)
    app.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": KELLER})
    answer = approve(api, request)
    assert (refusal(answer), answer.places) == ((422, "ChangeRequestOutdated"), {NAME})
    assert (status_of(request), Decision.objects.count()) == (Status.PENDING, 0)
    amend(asker, request, BOTH)
    assert approve(api, request, digest=seen(request)).status == 204
    assert name_of(contact) == "Heusser"


def test_the_digest_of_an_earlier_revision_decides_nothing(contact, asker, reviewer):
    _rita, api = reviewer()
    request = submit(asker, contact, BOTH)
    former = seen(request)
    amend(asker, request, KELLER)
    for digest in (None, former, "0" * 64):
        assert approve(api, request, digest=digest).status == 412
    assert (status_of(request), name_of(contact)) == (Status.PENDING, "Spyri")


def test_a_policy_may_ask_for_the_digest_of_the_first_revision_too(contact, asker, reviewer):
    set_policy(policy([stage()], [rule("Review")], is_digest_required=True))
    _rita, api = reviewer()
    request = submit(asker, contact, BOTH)
    assert approve(api, request).status == 412
    assert approve(api, request, digest=seen(request)).status == 204


# ---- approving in part


def test_who_approves_a_part_strikes_the_rest(contact, asker, reviewer):
    rita, api = reviewer()
    request = submit(asker, contact, BOTH)
    assert approve(api, request, paths=[NAME]).status == 204
    assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Heusser")
    assert "relationship" not in contact.details
    struck = Revision.objects.get(request=request, number=2)
    assert (struck.reason, struck.author) == ("struck", rita)
    assert Decision.objects.get().paths == [NAME]


def test_striking_voids_the_approvals_before_it(two_approvals, contact, asker, reviewer):
    _rita, first = reviewer()
    _ben, second = reviewer()
    request = submit(asker, contact, BOTH)
    approve(first, request)
    assert approve(second, request, paths=[NAME]).status == 204
    assert (status_of(request), name_of(contact)) == (Status.PENDING, "Spyri")
    assert refusal(approve(second, request, digest=seen(request))) == (403, "AlreadyDecided")
    assert approve(first, request).status == 412
    assert approve(first, request, digest=seen(request)).status == 204
    assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Heusser")


def test_keeping_everything_is_no_striking(two_approvals, contact, asker, reviewer):
    _rita, first = reviewer()
    _ben, second = reviewer()
    request = submit(asker, contact, BOTH)
    approve(first, request)
    assert approve(second, request, paths=[NOTES, NAME]).status == 204
    assert (status_of(request), Revision.objects.count()) == (Status.APPROVED, 1)


@pytest.mark.parametrize("paths", [[], ["relationship"], [NAME, "personalInformation.firstName"]])
def test_a_part_is_of_the_request_and_not_empty(contact, asker, reviewer, paths):
    request = submit(asker, contact, BOTH)
    assert approve(reviewer()[1], request, paths=paths).status == 422
    assert (status_of(request), Revision.objects.count(), Decision.objects.count()) == (Status.PENDING, 1, 0)


def test_what_is_kept_waits_in_its_own_stages(contact, asker, reviewer):
    (rita, first), (ben, second) = reviewer(), reviewer()
    front, compliance = make_group("Front", rita), make_group("Compliance", ben)
    set_policy(
        policy(
            [stage("Front", group=front), stage("Compliance", group=compliance)],
            [rule("Front", "Compliance", paths=[NAME]), rule("Front")],
        )
    )
    request = submit(asker, contact, BOTH)
    assert approve(first, request, paths=[NOTES]).status == 204
    assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Spyri")
    other = submit(asker, contact, {"personalInformation": {"lastName": "Keller", "firstName": "Hanna"}})
    approve(first, other)
    assert approve(second, other, paths=["personalInformation.firstName"]).status == 204
    other.refresh_from_db()
    # The reviewer of the last stage struck; the rest is back in the first stage, and nobody has decided it.
    assert (other.status, other.revision_number, other.stage) == (Status.PENDING, 2, 0)
    assert not Decision.objects.filter(revision__request=other, revision__number=2).exists()


# ---- stages


def test_each_stage_is_for_its_group_and_one_person_counts_once(contact, asker, reviewer):
    (rita, first), (ben, second) = reviewer(), reviewer()
    front, compliance = make_group("Front", rita), make_group("Compliance", rita, ben)
    set_policy(
        policy([stage("Front", group=front), stage("Compliance", group=compliance)], [rule("Front", "Compliance")])
    )
    request = submit(asker, contact, BOTH)
    assert (request.stage, request.reviewers) == (0, front)
    assert refusal(approve(second, request)) == (403, "NotAReviewer")
    assert approve(first, request).status == 204
    assert status_of(request) == Status.PENDING
    assert (request.stage, request.reviewers) == (1, compliance)
    assert refusal(approve(first, request)) == (403, "AlreadyDecided")
    assert refusal(reject(first, request)) == (403, "AlreadyDecided")
    assert approve(second, request).status == 204
    assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Heusser")
    assert list(Decision.objects.values_list("stage__name", "member")) == [("Front", rita.pk), ("Compliance", ben.pk)]


def test_not_even_a_superuser_decides_for_a_group_that_it_is_not_in(contact, asker, make_member, api_of):
    set_policy(policy([stage(group=make_group("Front"))], [rule("Review")]))
    request = submit(asker, contact, BOTH)
    root = make_member("root", is_superuser=True, sees_all_contacts=True)
    assert refusal(approve(api_of(root), request)) == (403, "NotAReviewer")
    assert refusal(reject(api_of(root), request)) == (403, "NotAReviewer")


def test_a_rejection_in_any_stage_ends_it(contact, asker, reviewer):
    set_policy(policy([stage("One"), stage("Two")], [rule("One", "Two")]))
    request = submit(asker, contact, BOTH)
    approve(reviewer()[1], request)
    assert reject(reviewer()[1], request).status == 204
    assert (status_of(request), name_of(contact)) == (Status.REJECTED, "Spyri")


def test_what_is_decided_names_who_decided_it(contact, asker, reviewer):
    request = submit(asker, contact, BOTH)
    reject(reviewer("rita")[1], request)
    answer = approve(reviewer()[1], request)
    assert refusal(answer) == (422, "ChangeRequestNotPending")
    assert "Rita Tester decided it on" in answer.json["message"]


def test_members_of_some_groups_wait_and_others_do_not(contact, anna, asker):
    set_policy(policy([stage()], [rule("Review", initiatorGroups=[make_group("Trainees", anna).pk])]))
    submit(asker, contact, {"relationship": {"notes": "Married."}})
    anna.user.groups.clear()
    body = {"details": {"occupation": {"employer": "Alp AG"}}}
    answer = asker.patch(f"/v1.0/contacts/{contact.pk}/details", body)
    assert (answer.status, answer.json["isApprovalRequired"]) == (200, False)


# ---- substitutes


def test_whoever_stands_in_for_the_initiator_does_not_decide(contact, anna, asker, reviewer):
    rita, api = reviewer()
    absent(anna, rita, begins=-3, ends=0)
    request = submit(asker, contact, BOTH)
    for answer in (approve(api, request), reject(api, request), send_back(api, request)):
        assert refusal(answer) == (403, "OwnChangeRequest")


def test_who_stood_in_before_it_was_asked_for_decides(contact, anna, asker, reviewer):
    rita, api = reviewer()
    absent(anna, rita, begins=-3, ends=-1)
    assert approve(api, submit(asker, contact, BOTH)).status == 204


def test_whoever_stands_in_for_somebody_who_decided_does_not(two_approvals, contact, asker, reviewer):
    (rita, first), (ben, second) = reviewer(), reviewer()
    request = submit(asker, contact, BOTH)
    approve(first, request)
    absent(rita, ben)
    assert refusal(approve(second, request)) == (403, "AlreadyDecided")


@pytest.fixture
def blind(make_member, api_of):
    """A reviewer who sees no contact, and its API client."""
    member = make_member(reviews=True)
    return member, api_of(member)


def test_a_substitute_decides_with_the_sight_of_the_absent_member(contact, asker, reviewer, blind):
    (rita, _api), (sub, others) = reviewer(), blind
    request = submit(asker, contact, BOTH)
    assert approve(others, request).status == 404
    absent(rita, sub)
    assert approve(others, request).status == 204
    assert (status_of(request), name_of(contact)) == (Status.APPROVED, "Heusser")
    assert (request.review_member, Decision.objects.get().on_behalf_of) == (sub, rita)


def test_the_absent_member_does_not_decide_what_its_substitute_has(two_approvals, contact, asker, reviewer, blind):
    (rita, api), (sub, others) = reviewer(), blind
    absent(rita, sub)
    request = submit(asker, contact, BOTH)
    assert approve(others, request).status == 204
    assert refusal(approve(api, request)) == (403, "AlreadyDecided")


def test_only_sight_is_lent(contact, asker, reviewer, blind, make_member, api_of):
    (rita, _api), (sub, others) = reviewer(), blind
    set_policy(policy([stage(group=make_group("Front", rita))], [rule("Review")]))
    request = submit(asker, contact, BOTH)
    no_reviewer = make_member()
    for substitute in (sub, no_reviewer):
        absent(rita, substitute)
    assert refusal(approve(others, request)) == (403, "NotAReviewer")
    assert approve(api_of(no_reviewer), request).status == 403
    assert status_of(request) == Status.PENDING


def test_sight_is_lent_while_the_absence_lasts_and_not_on(contact, asker, reviewer, blind, make_member):
    (rita, _api), (sub, others) = reviewer(), blind
    request = submit(asker, contact, BOTH)
    absent(rita, sub, begins=-5, ends=-1)
    absent(rita, sub, begins=1, ends=5)
    assert approve(others, request).status == 404
    between = make_member(reviews=True)
    absent(rita, between)
    absent(between, sub)
    assert approve(others, request).status == 404


# ---- out of sight


def test_an_initiator_cancels_and_amends_what_it_no_longer_sees(contact, anna, asker, reviewer):
    request = submit(asker, contact, BOTH)
    ContactAssignment.objects.filter(contact=contact).delete()
    assert asker.get(f"/v1.0/contacts/{contact.pk}/details").status == 404
    assert amend(asker, request, KELLER).status == 200
    assert cancel(asker, request).status == 204
    assert status_of(request) == Status.CANCELLED


def test_others_may_not_cancel_and_are_not_told_what_they_do_not_see(contact, asker, reviewer, blind):
    request = submit(asker, contact, BOTH)
    assert refusal(cancel(reviewer()[1], request)) == (403, "NotInitiator")
    for operation in (cancel, approve, reject, send_back):
        assert operation(blind[1], request).status == 404
    assert amend(blind[1], request, KELLER).status == 404
