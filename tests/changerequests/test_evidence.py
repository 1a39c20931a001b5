"""Stages that require a file: nobody approves before one is attached."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from changerequests.models import ChangeRequest, Decision, RequestAttachment, Status
from changerequests.queries.revisions import proposals_of
from contacts.models import CONTACT_DETAILS
from core.errors import UnprocessableEntity
from tests.changerequests.engine import BOTH, amend, approve, name_of, reject, seen, send_back, status_of, submit
from tests.changerequests.policies import make_group, policy, rule, set_policy, stage
from tests.changerequests.requesting import address, attach
from tests.changerequests.reviewing import QUEUE, page_of, text_of
from tests.fixtures import without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]
EDIT = "/admin/changerequests/policyversion/{}/edit/"
MISSING = "This stage requires a file as evidence. Attach one to the request, then approve it."
KELLER = {"personalInformation": {"lastName": "Keller"}}
DECIDE = """
    INSERT INTO changerequests_decision (revision_id, stage_id, member_id, verdict, digest, decided_at)
    SELECT revision.id, stage.id, %s, %s, '', now()
      FROM changerequests_revision revision JOIN changerequests_requeststage stage ON stage.revision_id = revision.id
     WHERE revision.request_id = %s
"""


@pytest.fixture(autouse=True)
def evidence_required(default_schemas):
    set_policy(policy([stage(isEvidenceRequired=True)], [rule("Review", flaggedOnly=True)]))


@pytest.fixture
def asked(contact, anna, api_of):
    return submit(api_of(anna), contact, BOTH)


def decided_by_sql(request, member, verdict):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(DECIDE, [member.pk, verdict, request.pk])


class TestApproval:
    def test_is_refused_without_a_file(self, asked, contact, rita, api_of):
        answer = approve(api_of(rita), asked)
        assert (answer.status, answer.sub_code, answer.json["message"]) == (422, "EvidenceRequired", MISSING)
        assert (status_of(asked), name_of(contact)) == (Status.PENDING, "Spyri")
        assert not Decision.objects.exists()

    def test_of_a_part_is_refused_without_a_file_and_strikes_nothing(self, asked, rita, api_of):
        answer = approve(api_of(rita), asked, paths=["personalInformation.lastName"])
        assert answer.sub_code == "EvidenceRequired"
        asked.refresh_from_db()
        assert asked.revision_number == 1

    def test_is_refused_by_a_file_of_another_request(self, asked, make_contact, anna, rita, api_of):
        attach(api_of(anna), submit(api_of(anna), make_contact(members=[anna]), BOTH))
        assert approve(api_of(rita), asked).sub_code == "EvidenceRequired"

    def test_is_refused_by_a_file_that_was_erased(self, asked, anna, rita, api_of):
        attach(api_of(anna), asked)
        with without_triggers():
            RequestAttachment.objects.update(file="", name="")
        assert approve(api_of(rita), asked).sub_code == "EvidenceRequired"

    def test_is_made_once_the_initiator_or_a_reviewer_has_attached_one(
        self, asked, contact, make_contact, anna, rita, api_of
    ):
        other = submit(api_of(anna), make_contact(members=[anna]), BOTH)
        attach(api_of(anna), asked)
        attach(api_of(rita), other)
        assert [approve(api_of(rita), request).status for request in (asked, other)] == [204, 204]
        assert (status_of(asked), name_of(contact)) == (Status.APPROVED, "Heusser")

    def test_a_file_for_an_earlier_revision_counts(self, asked, contact, anna, rita, api_of):
        attach(api_of(anna), asked)
        amend(api_of(anna), asked, KELLER)
        assert approve(api_of(rita), asked, digest=seen(asked)).status == 204
        assert name_of(contact) == "Keller"

    def test_rejecting_and_returning_need_none(self, asked, rita, make_member, api_of):
        assert send_back(api_of(rita), asked).status == 204
        other = make_member(reviews=True, sees_all_contacts=True)
        assert reject(api_of(other), asked).status == 204

    def test_only_the_stage_that_says_so_needs_one(self, contact, anna, rita, make_member, api_of):
        carl = make_member("carl", reviews=True, sees_all_contacts=True)
        compliance = make_group("Compliance", carl)
        stages = [stage(), stage("Compliance", group=compliance, isEvidenceRequired=True)]
        set_policy(policy(stages, [rule("Review", "Compliance")]))
        asked = submit(api_of(anna), contact, BOTH)
        assert approve(api_of(rita), asked).status == 204
        assert approve(api_of(carl), asked).sub_code == "EvidenceRequired"
        attach(api_of(carl), asked)
        assert approve(api_of(carl), asked).status == 204

    def test_a_stage_that_says_nothing_needs_none(self, contact, anna, rita, api_of):
        set_policy(policy([stage()], [rule("Review")]))
        assert approve(api_of(rita), submit(api_of(anna), contact, BOTH)).status == 204

    def test_what_was_asked_for_under_it_still_needs_one_under_another_policy(self, asked, rita, api_of):
        set_policy(policy([stage()], [rule("Review")]))
        assert approve(api_of(rita), asked).sub_code == "EvidenceRequired"

    def test_a_part_is_approved_once_there_is_one(self, asked, anna, rita, api_of):
        attach(api_of(anna), asked)
        assert approve(api_of(rita), asked, paths=["personalInformation.lastName"]).status == 204
        assert status_of(asked) == Status.APPROVED


class TestDatabase:
    def test_refuses_an_approval_without_a_file(self, asked, rita):
        with pytest.raises(IntegrityError, match="the stage requires a file"):
            decided_by_sql(asked, rita, "approve")

    def test_takes_one_with_a_file_and_a_rejection_without(self, asked, make_contact, anna, rita, api_of):
        other = submit(api_of(anna), make_contact(members=[anna]), BOTH)
        decided_by_sql(other, rita, "reject")
        attach(api_of(anna), asked)
        decided_by_sql(asked, rita, "approve")


class TestPages:
    def test_the_review_page_offers_no_approval_and_says_why(self, asked, anna, rita, admin_of, api_of):
        browser = admin_of(rita)
        page = browser.get(page_of(asked))
        assert "a file is required and missing" in text_of(page)
        assert MISSING in text_of(page)
        assert [value in page.content.decode() for value in ('value="approve"', 'value="reject"')] == [False, True]
        forged = browser.post(page_of(asked), {"decision": "approve"})
        assert (forged.status_code, status_of(asked)) == (422, Status.PENDING)
        attach(api_of(anna), asked)
        page = browser.get(page_of(asked))
        assert MISSING not in text_of(page)
        assert "a file is required" in text_of(page)
        assert 'value="approve"' in page.content.decode()

    def test_the_bulk_page_leaves_it_out_and_says_why(self, asked, rita, admin_of):
        sent = {"action": "approve_selected", "_selected_action": [asked.pk]}
        page = admin_of(rita).post(QUEUE, sent)
        assert MISSING in text_of(page)
        assert "It is excluded." in text_of(page)

    def test_the_api_says_which_stages_need_one(self, asked, rita, api_of):
        stages = api_of(rita).get(address(asked)).json["stages"]
        assert [found["isEvidenceRequired"] for found in stages] == [True]


class TestPolicies:
    @pytest.fixture
    def browser(self, make_member, admin_of):
        return admin_of(make_member("olga", permissions=["change_policies"]))

    def test_refuse_what_is_neither_true_nor_false(self):
        with pytest.raises(UnprocessableEntity) as refused:
            set_policy(policy([stage(isEvidenceRequired="yes")], [rule("Review")]))
        assert refused.value.properties.keys() == {f"{CONTACT_DETAILS}.stages.0.isEvidenceRequired"}

    def test_a_form_that_is_sent_unchanged_asks_for_nothing(self, browser):
        for kind, is_required in ((CONTACT_DETAILS, True), ("legal-entity", False)):
            sent = sent_form(**{"stages-0-is_evidence_required": "on"} if is_required else {})
            page = browser.post(EDIT.format(kind), sent, follow=True)
            assert "Nothing was changed: everything is as it was." in text_of(page)
        assert not ChangeRequest.objects.exists()

    def test_the_form_asks_for_it_and_the_page_of_the_request_shows_it(self, browser, rita, admin_of):
        page = browser.get(EDIT.format("legal-entity"))
        assert "File required" in text_of(page)
        browser.post(EDIT.format("legal-entity"), sent_form(**{"stages-0-is_evidence_required": "on"}))
        request = ChangeRequest.objects.get()
        [stages] = proposals_of(request)[1]
        assert stages["target"] == [stage(isEvidenceRequired=True)]
        assert "File required" in text_of(admin_of(rita).get(page_of(request)))

    def test_go_through_a_file_and_are_shown_in_words(self, capsys, tmp_path):
        call_command("policies", "show")
        assert "stage Review: 1 of everybody who may review, with a file" in capsys.readouterr().out
        call_command("policies", "export")
        file = tmp_path / "policies.json"
        file.write_text(capsys.readouterr().out)
        call_command("policies", "import", str(file))
        assert "Nothing would change." in capsys.readouterr().out


def sent_form(**more):
    """Return the form of a policy with a stage and a rule for what the schema flags."""
    counts = {f"{name}-{count}": 1 for name in ("stages", "rules") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}
    stages = {"stages-0-name": "Review", "stages-0-approvals": "1", "stages-0-ORDER": "1"}
    rules = {"rules-0-stages": "Review", "rules-0-flagged_only": "on", "rules-0-ORDER": "1"}
    return {**counts, **stages, **rules, **more}
