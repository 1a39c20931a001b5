"""Commands that break the glass: reviewers hear of it, and somebody has to review it."""

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.actor import member_actor
from accounts.models import ClientApplication, Notice
from administration.models import BreakGlass
from administration.notices import deliver_notice
from audit.models import Entry
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from contacts.models import CONTACT_DETAILS
from core.errors import ApiError
from tests.api import Api

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outside_of_the_embedded_profile(settings):
    settings.EMBEDDED = False


@pytest.fixture
def anna(make_member):
    return make_member("anna")


@pytest.fixture
def rita(make_member):
    rita = make_member("rita", reviews=True)
    rita.user.email = "rita@bank.example"
    rita.user.save()
    return rita


def issue_token(capsys, **options):
    call_command("issue_token", "--member", "anna", **options)
    return capsys.readouterr().out.strip()


def test_without_a_reason_a_token_is_refused(anna, rita):
    with pytest.raises(CommandError, match="Use --reason"):
        call_command("issue_token", "--member", "anna")
    with pytest.raises(CommandError, match="Use --reason"):
        call_command("issue_token", "--member", "anna", reason="   ")
    assert (BreakGlass.objects.count(), ChangeRequest.objects.count(), mail.outbox) == (0, 0, [])


def test_before_there_are_people_a_contact_needs_no_reason(make_contact, capsys):
    call_command("issue_token", "--contact", str(make_contact().pk))
    assert Api(capsys.readouterr().out.strip()).get("/v1.0/lists/search").status != 401
    assert BreakGlass.objects.count() == 0


def test_with_a_reason_it_acts_and_asks_for_a_review(anna, rita, capsys):
    token = issue_token(capsys, reason="The client application is down")
    assert Api(token).get("/v1.0/contacts/change-requests/statuses").status == 200
    used, request = BreakGlass.objects.get(), ChangeRequest.objects.get()
    assert (used.command, used.reason, used.is_reviewed) == ("issue_token", "The client application is down", False)
    assert (request.kind, request.subject_id, request.status) == ("break-glass", used.pk, Status.PENDING)
    days = (request.due_at - timezone.now()).total_seconds() / 86400
    assert 4.9 < days <= 5


def test_every_reviewer_gets_a_mail_without_values(anna, rita, capsys):
    token = issue_token(capsys, reason="The client application is down")
    for _twice in range(2):
        deliver_notice(Notice.objects.get().pk)
    (alarm,) = mail.outbox
    assert alarm.recipients() == ["rita@bank.example"]
    assert "issue_token" in alarm.subject
    assert "The client application is down" in alarm.body
    assert token not in alarm.body
    assert Notice.objects.get().is_due is False


def test_somebody_who_may_not_review_does_not_close_it(anna, rita, capsys):
    issue_token(capsys, reason="Why not")
    with pytest.raises(ApiError):
        decide(actor=member_actor(anna), change_request_id=ChangeRequest.objects.get().pk, verdict=Verdict.APPROVE)
    assert BreakGlass.objects.get().is_reviewed is False


def test_a_reviewer_closes_it(anna, rita, capsys):
    issue_token(capsys, reason="Why not")
    decide(actor=member_actor(rita), change_request_id=ChangeRequest.objects.get().pk, verdict=Verdict.APPROVE)
    assert BreakGlass.objects.get().is_reviewed is True


def test_the_review_page_shows_what_was_done_and_why(anna, rita, capsys, admin_of):
    issue_token(capsys, reason="The client application is down")
    page = admin_of(rita).get(f"/admin/changerequests/changerequest/{ChangeRequest.objects.get().pk}/change/")
    assert page.status_code == 200
    assert "The client application is down" in page.content.decode()
    assert "issue_token" in page.content.decode()


def test_an_operator_who_does_not_break_the_glass_asks(anna, rita, make_contact, capsys):
    contact = make_contact()
    call_command("anonymize_contacts", "--id", str(contact.pk), "--yes")
    request = ChangeRequest.objects.get()
    assert f"change request {request.pk} is pending review" in capsys.readouterr().out
    assert (request.kind, request.status, BreakGlass.objects.count()) == ("anonymization", Status.PENDING, 0)
    contact.refresh_from_db()
    assert contact.anonymized_at is None


def test_an_operator_who_breaks_the_glass_acts_at_once(anna, rita, make_contact, capsys):
    contact = make_contact()
    call_command("anonymize_contacts", "--id", str(contact.pk), "--yes", "--break-glass", reason="A court order")
    contact.refresh_from_db()
    assert contact.anonymized_at is not None
    used = BreakGlass.objects.get()
    assert ChangeRequest.objects.get().kind == "break-glass"
    latest = Entry.objects.of(CONTACT_DETAILS, contact.pk).order_by("-sequence")[0]
    assert latest.initiator_system == f"anonymize_contacts, break glass #{used.pk}"


def test_a_client_application_with_its_secret_needs_a_reason(anna, rita, capsys):
    with pytest.raises(CommandError, match="Use --reason"):
        call_command("create_client_app", "crm", "--scopes", "contacts.read")
    assert not ClientApplication.objects.exists()
    call_command("create_client_app", "crm", "--scopes", "contacts.read", reason="The old one is lost")
    assert "client_secret" in capsys.readouterr().out
    assert BreakGlass.objects.get().command == "create_client_app"
