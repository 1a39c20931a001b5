"""Changing the policies, which is a request of its own kind."""

import pytest

from accounts.actor import member_actor
from changerequests.digests import digest_of
from changerequests.models import ChangeRequest, PolicyVersion, Revision, Status, Verdict
from changerequests.queries.policies import current_policy, policies_now
from changerequests.queries.revisions import proposals_of
from changerequests.services.deciding import decide
from changerequests.services.policies import POLICY_KIND, request_policies
from changerequests.services.withdrawing import amend_change_request
from contacts.models import CONTACT_DETAILS
from core.errors import Forbidden, UnprocessableEntity
from legalentities.models import LEGAL_ENTITY_DETAILS
from tests.changerequests.engine import submit
from tests.changerequests.policies import make_group, policy, rule, set_policy, stage

pytestmark = pytest.mark.django_db
NOTHING_WAITS = policy([], [])


@pytest.fixture
def olga(make_member):
    return make_member("olga", permissions=["change_policies"])


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True)


def ask(member, document, comment=None):
    return request_policies(actor=member_actor(member), document=document, comment=comment)


def approve(member, request, **others):
    return decide(actor=member_actor(member), change_request_id=request.pk, verdict=Verdict.APPROVE, **others)


def test_a_new_policy_counts_once_somebody_else_approves_it(olga, rita, contact, anna, api_of):
    request = ask(olga, {CONTACT_DETAILS: NOTHING_WAITS}, comment="Fewer reviews")
    assert (request.kind, request.status, request.paths) == (
        POLICY_KIND,
        Status.PENDING,
        [CONTACT_DETAILS, f"{CONTACT_DETAILS}.rules", f"{CONTACT_DETAILS}.stages"],
    )
    assert (current_policy(CONTACT_DETAILS).version, PolicyVersion.objects.count()) == (0, 0)
    assert approve(rita, request).status == Status.APPROVED
    assert (current_policy(CONTACT_DETAILS).version, current_policy(CONTACT_DETAILS).rules) == (1, ())
    assert PolicyVersion.objects.get().document == policies_now()[0]
    answer = api_of(anna).patch(
        f"/v1.0/contacts/{contact.pk}/details", {"details": {"personalInformation": {"lastName": "Heusser"}}}
    )
    assert answer.json["isApprovalRequired"] is False


def test_each_approval_adds_a_version_and_kinds_that_it_does_not_name_keep_theirs(olga, rita):
    approve(rita, ask(olga, {CONTACT_DETAILS: NOTHING_WAITS}))
    approve(rita, ask(olga, {LEGAL_ENTITY_DETAILS: NOTHING_WAITS}))
    assert list(PolicyVersion.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert current_policy(CONTACT_DETAILS).rules == current_policy(LEGAL_ENTITY_DETAILS).rules == ()
    assert current_policy(POLICY_KIND).rules


def test_what_changes_nothing_asks_for_nothing(olga):
    assert ask(olga, {}) is None
    assert ask(olga, policies_now()[0]) is None
    assert not ChangeRequest.objects.exists()


def test_nobody_changes_the_policies_without_the_permission_or_approves_its_own_change(olga, rita, make_member):
    with pytest.raises(Forbidden):
        ask(rita, {CONTACT_DETAILS: NOTHING_WAITS})
    root = make_member("root", is_superuser=True)
    with pytest.raises(Forbidden) as refused:
        approve(root, ask(root, {CONTACT_DETAILS: NOTHING_WAITS}))
    assert refused.value.sub_code == "OwnChangeRequest"
    assert not PolicyVersion.objects.exists()


def test_one_change_of_the_policies_waits_at_a_time(olga, make_member):
    ask(olga, {CONTACT_DETAILS: NOTHING_WAITS})
    with pytest.raises(UnprocessableEntity) as refused:
        ask(make_member(permissions=["change_policies"]), {LEGAL_ENTITY_DETAILS: NOTHING_WAITS})
    assert refused.value.sub_code == "PendingChangeRequestExists"


def test_a_change_of_the_policies_is_amended(olga, rita):
    request = ask(olga, {CONTACT_DETAILS: NOTHING_WAITS})
    amend_change_request(
        actor=member_actor(olga), change_request_id=request.pk, document={LEGAL_ENTITY_DETAILS: NOTHING_WAITS}
    )
    request.refresh_from_db()
    approve(rita, request, digest=digest_of(request, proposals_of(request)))
    assert current_policy(CONTACT_DETAILS).rules
    assert not current_policy(LEGAL_ENTITY_DETAILS).rules


def test_the_policy_of_policies_names_its_own_reviewers(olga, rita, make_member):
    board = make_member(reviews=True)
    group = make_group("Board", board)
    approve(rita, ask(olga, {POLICY_KIND: policy([stage(group=group)], [rule("Review")])}))
    request = ask(olga, {CONTACT_DETAILS: NOTHING_WAITS})
    with pytest.raises(Forbidden) as refused:
        approve(rita, request)
    assert refused.value.sub_code == "NotAReviewer"
    assert approve(board, request).status == Status.APPROVED


# ---- faults


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (NOTHING_WAITS, "policy.rules"),
        (policy([stage()], [rule()]), "policy.rules.0.stages"),
        (policy([stage()], [rule("Review"), rule()]), "policy.rules.1.stages"),
        (policy([stage()], [rule("Review", flaggedOnly=True)]), "policy.rules"),
        (policy([stage()], [rule("Review", paths=["contact-details"])]), "policy.rules"),
        (policy([stage()], [rule("Review", initiatorGroups=[1])]), "policy.rules"),
        (policy([stage()], [rule("Review", applications=[1])]), "policy.rules"),
    ],
)
def test_the_review_of_policies_cannot_be_switched_off(olga, document, place):
    with pytest.raises(UnprocessableEntity) as refused:
        ask(olga, {POLICY_KIND: document})
    assert refused.value.sub_code == "ValidationFailed"
    assert place in refused.value.properties
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ({"no-such-kind": NOTHING_WAITS}, {"no-such-kind"}),
        ({CONTACT_DETAILS: {}}, {CONTACT_DETAILS}),
        ({CONTACT_DETAILS: policy([stage(approvals=0)], [])}, {f"{CONTACT_DETAILS}.stages.0.approvals"}),
        ({CONTACT_DETAILS: policy([stage(), stage()], [])}, {f"{CONTACT_DETAILS}.stages.1.name"}),
        ({CONTACT_DETAILS: policy([stage()], [rule("Other")])}, {f"{CONTACT_DETAILS}.rules.0.stages"}),
        (
            {CONTACT_DETAILS: policy([{**stage(), "group": 2**31 - 1}], [rule("Review", participants=[2**31 - 1])])},
            {f"{CONTACT_DETAILS}.stages.0.group", f"{CONTACT_DETAILS}.rules.0.participants"},
        ),
        (
            {CONTACT_DETAILS: policy([], [rule(applications=[2**31 - 1], initiatorGroups=[2**31 - 1])])},
            {f"{CONTACT_DETAILS}.rules.0.applications", f"{CONTACT_DETAILS}.rules.0.initiatorGroups"},
        ),
        ({CONTACT_DETAILS: policy([], [rule(paths=[])])}, {f"{CONTACT_DETAILS}.rules.0.paths"}),
        ([], {""}),
    ],
)
def test_faults_are_named_by_their_place(olga, document, places):
    with pytest.raises(UnprocessableEntity) as refused:
        ask(olga, document)
    assert set(refused.value.properties) == places


def test_no_rule_names_an_application_in_vain(olga, make_app):
    """Who reads the policy would believe that somebody reviews what it changes."""
    with pytest.raises(UnprocessableEntity) as refused:
        ask(olga, {CONTACT_DETAILS: policy([stage()], [rule("Review", applications=[make_app().pk])])})
    assert set(refused.value.properties) == {f"{CONTACT_DETAILS}.rules.0.applications"}
    assert not ChangeRequest.objects.exists()


def test_a_group_that_was_deleted_meanwhile_is_not_written(olga, rita):
    group = make_group("Board")
    request = ask(olga, {CONTACT_DETAILS: policy([stage(group=group)], [rule("Review")])})
    group.delete()
    with pytest.raises(UnprocessableEntity) as refused:
        approve(rita, request)
    assert refused.value.sub_code == "ValidationFailed"
    request.refresh_from_db()
    assert (request.status, PolicyVersion.objects.count()) == (Status.PENDING, 0)


# ---- what waits already


def test_a_request_keeps_the_stages_of_the_policy_that_it_began_under(contact, anna, rita, api_of):
    submitted = submit(api_of(anna), contact, {"personalInformation": {"lastName": "Heusser"}})
    set_policy(policy([stage(approvals=2)], [rule("Review")]))
    rita.sees_all_contacts = True
    rita.save()
    assert approve(rita, submitted).status == Status.APPROVED
    assert Revision.objects.get().policy_version == 0


def test_an_amendment_follows_the_policy_of_its_own_time(contact, anna, api_of):
    request = submit(api_of(anna), contact, {"personalInformation": {"lastName": "Heusser"}})
    set_policy(policy([stage(approvals=2)], [rule("Review")]))
    amend_change_request(
        actor=member_actor(anna),
        change_request_id=request.pk,
        document={"personalInformation": {"lastName": "Keller"}},
    )
    latest = Revision.objects.get(number=2)
    assert (latest.policy_version, latest.stages.get().approvals) == (1, 2)


def test_names_of_stages_have_the_one_form_of_text(olga, rita):
    named = policy([stage(" Pru\u0308fung "), stage("Zweite")], [rule("Pr\u00fcfung", "Zweite\n")])
    approve(rita, ask(olga, {CONTACT_DETAILS: named}))
    now = policies_now()[0][CONTACT_DETAILS]
    assert [one["name"] for one in now["stages"]] == ["Pr\u00fcfung", "Zweite"]
    assert now["rules"][0]["stages"] == ["Pr\u00fcfung", "Zweite"]
    assert ask(olga, {CONTACT_DETAILS: named}) is None
    for name in ("\u3164", "A\u202eB", "A\nB"):
        with pytest.raises(UnprocessableEntity) as refused:
            ask(olga, {CONTACT_DETAILS: policy([stage(name)], [rule(name)])})
        assert f"{CONTACT_DETAILS}.stages.0.name" in refused.value.properties
