"""Exports that somebody else has to approve: from how many rows on, what the reviewer sees, and what runs then."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts.actor import system_actor
from accounts.closing import run_closing_handlers
from changerequests.models import ChangeRequest, Proposal, Status
from changerequests.policies import REVIEW
from contacts.models import ContactAssignment
from contacts.services.anonymization import anonymize_contacts
from core.errors import ApiError
from importexport.exports import approvals
from importexport.exports.anonymization import erase_exports
from importexport.exports.approval_kind import ROWS_THAT_WAIT, ExportRequestKind
from importexport.exports.running import run_export
from importexport.models import EXPORT, ExportJob, ExportStatus
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import make_group, policy, rule, set_policy, stage
from tests.concurrency import at_once, while_waiting
from tests.fixtures import details
from tests.importexport.reading import read_csv
from tests.schemas.asking import edited, put

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.usefixtures("default_schemas")]

CONTACTS, LEGAL_ENTITIES = "/v1.0/contacts/export", "/v1.0/legal-entities/export"
# An export reads from one snapshot, so it begins with its own transaction.
runs = pytest.mark.django_db(transaction=True)
TEXT = {"content_type": "text/plain"}
SHANNON = b'{ contacts(where: { personalInformation: { displayName: { contains: "Shannon" } } }) { items { id } } }'
SPYRI = b'{ contacts(where: { personalInformation: { lastName: { eq: "Spyri" } } }) { items { id } } }'
START = reverse("admin:importexport_exportjob_start", args=["contacts"])
LIST = reverse("admin:importexport_exportjob_changelist")
EXPORTER = ["view_exportjob", "add_exportjob", "view_contact"]


def from_rows(number, **conditions):
    set_policy(policy([stage(REVIEW)], [rule(REVIEW, minRows=number, **conditions)]), kind=EXPORT)


def strict():
    set_policy(ExportRequestKind.profiles["strict"], kind=EXPORT)


@pytest.fixture
def anna(make_member):
    return make_member("anna", sees_all_contacts=True, permissions=EXPORTER)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=[])


def asked(api, path=CONTACTS, **body):
    answer = api.post(path, **body)
    assert answer.status == 202
    assert list(answer.json) == ["exportJobId"]
    return answer.json["exportJobId"]


def rows_of(api, job_id, path=CONTACTS):
    run_export(job_id)
    answer = api.get(f"{path}/{job_id}")
    assert answer.status == 200
    return read_csv(answer.json)


def proposed(request):
    changes = Proposal.objects.get(revision__request=request, revision__number=request.revision_number).changes
    return {change["path"]: change["target"] for change in changes}


# ---- what waits


@pytest.mark.parametrize("path", [CONTACTS, LEGAL_ENTITIES])
def test_under_the_strict_profile_nobody_exports_alone(path, anna, api_of):
    strict()
    job_id = asked(api_of(anna), path)
    run_export(job_id)
    assert ExportJob.objects.get().status == ExportStatus.AWAITING_APPROVAL
    answer = api_of(anna).get(f"{path}/{job_id}")
    assert (answer.status, answer.json) == (202, {"status": "AwaitingApproval", "processed": 0, "total": None})


@runs
def test_the_shipped_policy_lets_small_exports_pass(anna, make_contact, api_of, celery_messages):
    make_contact()
    job_id = asked(api_of(anna))
    assert len(rows_of(api_of(anna), job_id)) == 1
    assert not ChangeRequest.objects.exists()
    assert ExportRequestKind.profiles["standard"]["rules"][0]["minRows"] == ROWS_THAT_WAIT == 10_000


def test_from_the_policys_number_of_rows_on_an_export_waits(anna, make_contact, api_of):
    from_rows(2)
    make_contact()
    asked(api_of(anna))
    assert not ChangeRequest.objects.exists()
    make_contact()
    asked(api_of(anna))
    assert proposed(waiting())["contacts.rows"] == 2


def test_only_rows_that_the_initiator_sees_and_the_filter_finds_count(make_member, anna, make_contact, api_of):
    from_rows(2)
    bruno = make_member("bruno")
    make_contact(details(personalInformation={"displayName": "Shannon Ford"}), members=[bruno])
    make_contact()
    asked(api_of(bruno))
    asked(api_of(anna), raw=SHANNON, **TEXT)
    assert not ChangeRequest.objects.exists()


def test_counting_ends_where_nobody_needs_more(anna, make_contact, api_of, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(approvals, "MOST_COUNTED", 2)
    strict()
    for _number in range(3):
        make_contact()
    with django_assert_max_num_queries(25) as queries:
        asked(api_of(anna))
    assert any("LIMIT 2" in query["sql"] for query in queries if "COUNT(" in query["sql"])
    assert proposed(waiting())["contacts.rows"] == {"atLeast": 2}


@runs
def test_applications_export_at_once_unless_a_policy_names_them(make_app, make_contact, api_of, celery_messages):
    strict()
    make_contact()
    application = make_app()
    assert len(rows_of(api_of(application), asked(api_of(application)))) == 1
    from_rows(1, applications=[application.pk])
    asked(api_of(application))
    assert waiting().initiator_application == application


def test_a_rule_can_be_about_one_sort_of_export_and_a_group(make_member, anna, make_contact, api_of):
    from_rows(1, paths=["legalentities"])
    make_contact()
    asked(api_of(anna))
    from_rows(1, initiatorGroups=[make_group("Branch", make_member("bruno")).pk])
    asked(api_of(anna))
    assert not ChangeRequest.objects.exists()


def test_a_number_of_rows_belongs_to_exports_only():
    with pytest.raises(ApiError) as refused:
        set_policy(policy([stage(REVIEW)], [rule(REVIEW, minRows=5)]))
    assert list(refused.value.properties) == ["contact-details.rules.0.minRows"]


# ---- what is approved


def test_the_initiator_does_not_approve_its_own_export(make_member, api_of):
    strict()
    robert = make_member("robert", reviews=True, sees_all_contacts=True)
    asked(api_of(robert))
    with pytest.raises(ApiError) as refused:
        approve(robert, waiting())
    assert refused.value.sub_code == "OwnChangeRequest"


def test_only_reviewers_and_the_initiator_see_the_request(make_member, anna, rita, api_of):
    strict()
    asked(api_of(anna))
    path = f"/v1.0/change-requests/{waiting().pk}"
    assert api_of(make_member("bruno")).get(path).status == 404
    for member in (anna, rita):
        assert api_of(member).get(path).status == 200


@runs
def test_once_approved_it_runs_as_its_initiator_with_what_that_sees_then(
    make_member, rita, make_contact, api_of, celery_messages
):
    strict()
    bruno = make_member("bruno")
    mine, given_away = make_contact(members=[bruno]), make_contact(members=[bruno])
    make_contact()
    job_id = asked(api_of(bruno))
    request = waiting()
    assert proposed(request)["contacts.rows"] == 2
    ContactAssignment.objects.filter(contact=given_away).delete()
    approve(rita, request)
    assert [row["id"] for row in rows_of(api_of(bruno), job_id)] == [str(mine.pk)]
    assert api_of(rita).get(f"{CONTACTS}/{job_id}").status == 404


@runs
def test_the_filter_is_the_approved_one(anna, rita, make_contact, api_of, celery_messages):
    strict()
    shannon = make_contact(details(personalInformation={"displayName": "Shannon Ford"}))
    make_contact()
    job_id = asked(api_of(anna), raw=SHANNON, **TEXT)
    approve(rita, waiting())
    assert [row["id"] for row in rows_of(api_of(anna), job_id)] == [str(shannon.pk)]


@runs
def test_the_file_has_no_column_that_was_not_approved(anna, rita, app, make_contact, api_of, celery_messages):
    strict()
    make_contact()
    job_id = asked(api_of(anna))
    request = waiting()
    assert put(app, edited("notes", isExportable=True)).status == 200
    approve(rita, request)
    approved = proposed(request)["contacts.columns"]
    assert "relationship.notes" not in approved
    assert list(rows_of(api_of(anna), job_id)[0]) == approved


def test_no_part_of_an_export_is_approved_by_itself(anna, rita, api_of):
    strict()
    asked(api_of(anna), raw=b"{ contacts { items { id } } }", **TEXT)
    request = waiting()
    path = f"/v1.0/change-requests/{request.pk}"
    digest = api_of(rita).get(path).json["digest"]
    body = {"isApproved": True, "paths": ["contacts.columns", "contacts.rows"], "digest": digest}
    assert api_of(rita).post(f"{path}/review", body).status == 422
    assert ExportJob.objects.get().status == ExportStatus.AWAITING_APPROVAL


def test_what_is_rejected_is_never_written_and_says_why(anna, rita, api_of):
    strict()
    job_id = asked(api_of(anna))
    path = f"/v1.0/change-requests/{waiting().pk}"
    digest = api_of(rita).get(path).json["digest"]
    body = {"isApproved": False, "comment": "Too many.", "digest": digest}
    assert api_of(rita).post(f"{path}/review", body).status == 204
    run_export(job_id)
    answer = api_of(anna).get(f"{CONTACTS}/{job_id}")
    assert (answer.status, answer.json["subCode"]) == (422, "ExportNotApproved")
    assert "Too many." in answer.json["message"]
    job = ExportJob.objects.get()
    assert (job.status, job.finished_at is None) == (ExportStatus.REJECTED, False)


def test_the_initiator_cancels_it(anna, make_member, api_of):
    strict()
    job_id = asked(api_of(anna))
    path = f"/v1.0/change-requests/{waiting().pk}/cancel"
    assert api_of(make_member("bruno")).post(path).status == 404
    assert api_of(anna).post(path).status == 204
    assert ExportJob.objects.get().status == ExportStatus.CANCELLED
    assert api_of(anna).get(f"{CONTACTS}/{job_id}").json["subCode"] == "ExportNotApproved"


def test_closing_the_login_cancels_an_export_that_was_returned(anna, rita, api_of):
    strict()
    asked(api_of(anna))
    path = f"/v1.0/change-requests/{waiting().pk}/return"
    assert api_of(rita).post(path, {"comment": "What for?"}).status == 204
    assert ExportJob.objects.get().status == ExportStatus.AWAITING_APPROVAL
    run_closing_handlers([anna.user_id])
    assert ExportJob.objects.get().status == ExportStatus.CANCELLED


@runs
def test_an_approved_export_of_a_closed_login_fails(anna, rita, api_of, celery_messages):
    strict()
    job_id = asked(api_of(anna))
    anna.user.is_active = False
    anna.user.save()
    approve(rita, waiting())
    run_export(job_id)
    assert ExportJob.objects.get().status == ExportStatus.FAILED


def test_exports_that_wait_count_as_unfinished(anna, api_of, settings):
    settings.MAX_UNFINISHED_JOBS = 1
    strict()
    asked(api_of(anna))
    assert api_of(anna).post(CONTACTS).json["subCode"] == "TooManyJobs"


def test_the_same_key_gives_the_same_export_that_waits(anna, api_of):
    strict()
    first, again = (api_of(anna).post(CONTACTS, idempotency_key="once") for _number in range(2))
    assert first.json == again.json
    assert ChangeRequest.objects.count() == 1


# ---- anonymization


@runs
def test_anonymization_takes_filters_that_may_name_the_person(anna, rita, make_contact, api_of, celery_messages):
    strict()
    contact = make_contact()
    done = asked(api_of(anna), raw=SPYRI, **TEXT)
    approve(rita, waiting())
    rows_of(api_of(anna), done)
    waits = asked(api_of(anna), raw=SPYRI, **TEXT)
    everything = asked(api_of(anna))
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])
    first, second, third = ChangeRequest.objects.order_by("pk")
    assert set(proposed(first).values()) == set(proposed(second).values()) == {None}
    assert [second.status, third.status] == [Status.CANCELLED, Status.PENDING]
    assert proposed(third)["contacts.filter"] == {"everything": True}
    assert api_of(anna).get(f"{CONTACTS}/{waits}").json["subCode"] == "ExportFailed"
    assert api_of(anna).get(f"{CONTACTS}/{everything}").status == 202
    # What was erased once is left alone.
    anonymize_contacts(actor=system_actor("tests"), contact_ids=[make_contact().pk])


# ---- the admin


def test_from_the_admin_it_waits_too_and_says_so(anna, rita, make_contact, contact_type, admin_of):
    strict()
    make_contact()
    browser = admin_of(anna)
    page = browser.post(f"{START}?q=shannon&type={contact_type.pk}&o=1", follow=True).content.decode()
    request = waiting()
    assert f"The export is pending approval: change request #{request.pk}." in page
    assert "Pending approval" in page
    assert "data-unfinished-job" not in page
    review = admin_of(rita).get(reverse("admin:changerequests_changerequest_change", args=[request.pk]))
    shown = review.content.decode()
    for text in ("shannon", contact_type.key.title(), "externalId", "Date of birth", "Other exports of the initiator"):
        assert text in shown
    approve(rita, request)
    assert ExportJob.objects.get().status == ExportStatus.PENDING


def test_without_a_filter_the_review_says_that_it_is_everything(anna, rita, admin_of):
    strict()
    admin_of(anna).post(START)
    review = admin_of(rita).get(reverse("admin:changerequests_changerequest_change", args=[waiting().pk]))
    assert b"everything that the initiator sees" in review.content
    assert b"Export" in admin_of(rita).get("/admin/changerequests/changerequest/").content


def test_a_rejected_export_shows_the_reviewers_comment(anna, rita, admin_of, api_of):
    strict()
    admin_of(anna).post(START)
    path = f"/v1.0/change-requests/{waiting().pk}"
    digest = api_of(rita).get(path).json["digest"]
    api_of(rita).post(f"{path}/review", {"isApproved": False, "comment": "Ask <legal> first.", "digest": digest})
    page = admin_of(anna).get(LIST).content.decode()
    assert "Ask &lt;legal&gt; first." in page
    assert "Rejected" in page


# ---- the policy


def test_the_form_of_the_policy_has_the_number_of_rows(make_member, admin_of):
    boss = make_member("boss", permissions=["change_policies"])
    address = reverse("admin:changerequests_policy_edit", args=[EXPORT])
    browser = admin_of(boss)
    page = browser.get(address)
    assert b'name="rules-0-min_rows" value="10000"' in page.content
    assert b"min_rows" not in browser.get(reverse("admin:changerequests_policy_edit", args=["policy"])).content
    form = page.context["form"]
    sent = {f"{forms.prefix}-{name}": value for forms in (form.stages, form.rules) for name, value in _counts(forms)}
    sent |= {"stages-0-name": REVIEW, "stages-0-approvals": "1", "stages-0-ORDER": "1", "stages-1-approvals": "1"}
    sent |= {"rules-0-stages": REVIEW, "rules-0-min_rows": "500", "rules-0-ORDER": "1"}
    assert browser.post(address, sent).status_code == 302
    request = ChangeRequest.objects.get()
    assert proposed(request)["export.rules"][0]["minRows"] == 500
    review = admin_of(make_member("rita", reviews=True)).get(
        reverse("admin:changerequests_changerequest_change", args=[request.pk])
    )
    assert b"From this number of rows" in review.content


def _counts(forms):
    return [("TOTAL_FORMS", len(forms.forms)), ("INITIAL_FORMS", forms.initial_form_count())]


def test_policies_go_through_a_file_and_are_told_in_words(capsys, tmp_path):
    from_rows(750)
    call_command("policies", "show")
    assert "every field, from 750 rows on: Review" in capsys.readouterr().out
    call_command("policies", "export")
    file = tmp_path / "policies.json"
    file.write_text(capsys.readouterr().out)
    call_command("policies", "import", str(file))
    assert "Nothing would change." in capsys.readouterr().out


# ---- races


@runs
def test_of_an_approval_and_a_cancellation_at_once_one_wins(anna, rita, api_of, celery_messages):
    strict()
    asked(api_of(anna))
    path = f"/v1.0/change-requests/{waiting().pk}"
    reviewing, cancelling = api_of(rita), api_of(anna)
    digest = reviewing.get(path).json["digest"]
    answers = at_once(
        lambda: reviewing.post(f"{path}/review", {"isApproved": True, "digest": digest}),
        lambda: cancelling.post(f"{path}/cancel"),
    )
    outcome = [answer.status for answer in answers], ChangeRequest.objects.get().status, ExportJob.objects.get().status
    assert outcome in [
        ([204, 422], Status.APPROVED, ExportStatus.PENDING),
        ([422, 204], Status.CANCELLED, ExportStatus.CANCELLED),
    ]


@runs
def test_an_export_that_is_asked_for_during_an_anonymization_waits_for_its_end(
    anna, make_contact, api_of, celery_messages
):
    strict()
    contact, api = make_contact(), api_of(anna)
    answer = while_waiting(lambda: api.post(CONTACTS, raw=SPYRI, **TEXT), before=lambda: erase_exports([contact.pk]))
    assert answer.status == 202
    assert proposed(waiting())["contacts.filter"] == {"query": SPYRI.decode()}
