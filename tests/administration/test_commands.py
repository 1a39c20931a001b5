"""Commands that change rights, once there are people: they ask, and those of Django and of libraries refuse."""

import io
import os
from datetime import UTC, datetime

import pytest
from axes.models import AccessAttempt
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.lockout import Secret, seconds_locked
from accounts.models import ClientApplication, User
from administration.models import BreakGlass
from administration.rights import RIGHTS
from audit.models import Entry
from changerequests.models import ChangeRequest, Status
from core.errors import Forbidden, UnprocessableEntity
from tests.administration.approving import approve, waiting

pytestmark = pytest.mark.django_db
REPLACED = {
    "createsuperuser": ["--noinput", "--username", "eve", "--email", "eve@bank.example"],
    "changepassword": ["anna"],
    "createapplication": ["confidential", "client-credentials", "--name", "crm"],
}


@pytest.fixture(autouse=True)
def outside_of_the_embedded_profile(settings):
    settings.EMBEDDED = False


@pytest.fixture
def anna(make_member):
    return make_member("anna")


@pytest.fixture
def carl(make_member):
    return make_member("carl", reviews=True, permissions=["view_user", "view_changerequest"])


def run(command, *arguments, **options):
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue()


# ---- commands of others


@pytest.mark.parametrize("command", REPLACED)
def test_once_there_are_people_nobody_gives_rights_or_keys_by_a_command_of_others(anna, command):
    before = User.objects.values_list("username", "password").get()
    with pytest.raises(CommandError, match="There are people, so nobody does this alone"):
        run(command, *REPLACED[command])
    assert User.objects.values_list("username", "password").get() == before
    assert not ClientApplication.objects.exists()


def test_before_there_are_people_these_commands_do_what_they_say():
    run("createsuperuser", *REPLACED["createsuperuser"])
    assert User.objects.get().is_superuser
    User.objects.all().delete()
    run("createapplication", *REPLACED["createapplication"])
    assert ClientApplication.objects.exists()


def test_in_the_embedded_profile_these_commands_do_what_they_say(anna, settings):
    settings.EMBEDDED = True
    run("createsuperuser", *REPLACED["createsuperuser"])
    assert User.objects.filter(username="eve", is_superuser=True).exists()


# ---- a second factor


@pytest.fixture
def device(anna):
    return TOTPDevice.objects.create(user=anna.user, name="authenticator", confirmed=True)


@pytest.mark.usefixtures("device")
def test_an_operator_alone_resets_no_second_factor(anna, carl):
    out = run("reset_second_factor", "anna")
    request = waiting()
    assert f"change request {request.pk} is pending review" in out
    assert (request.kind, request.subject_id, request.paths) == (RIGHTS, anna.user_id, ["secondFactor"])
    assert request.initiator_system.startswith("reset_second_factor by ")
    assert TOTPDevice.objects.exists()
    with pytest.raises(CommandError, match=f"Change request {request.pk} is pending"):
        run("reset_second_factor", "anna")


@pytest.mark.usefixtures("device")
def test_whose_second_factor_it_is_does_not_approve_its_reset(make_member):
    rita = make_member("rita", reviews=True, permissions=["view_user"])
    TOTPDevice.objects.create(user=rita.user, name="authenticator", confirmed=True)
    run("reset_second_factor", "rita")
    with pytest.raises(Forbidden) as refused:
        approve(rita, waiting())
    assert refused.value.sub_code == "AboutYourself"


@pytest.mark.usefixtures("device")
def test_somebody_else_approves_the_reset_of_a_second_factor(anna, carl):
    run("reset_second_factor", "anna")
    request = waiting()
    assert approve(carl, request).status == Status.APPROVED
    assert not TOTPDevice.objects.exists()
    entry = Entry.objects.of(RIGHTS, anna.user_id).get()
    assert (entry.change_request_id, entry.paths) == (request.pk, ["secondFactor"])
    assert run("reset_second_factor", "anna") == "There was no second factor.\n"


@pytest.mark.usefixtures("device")
def test_the_review_page_says_since_when_there_is_a_second_factor(carl, admin_of):
    TOTPDevice.objects.update(created_at=datetime(2026, 1, 31, 12, tzinfo=UTC))
    run("reset_second_factor", "anna")
    page = admin_of(carl).get(f"/admin/changerequests/changerequest/{waiting().pk}/change/").content.decode()
    assert "Second factor, since" in page
    assert "31 January 2026" in page


def test_a_second_factor_that_was_set_up_meanwhile_stays(anna, carl, device):
    run("reset_second_factor", "anna")
    device.delete()
    TOTPDevice.objects.create(user=anna.user, name="authenticator", confirmed=True)
    with pytest.raises(UnprocessableEntity) as refused:
        approve(carl, waiting())
    assert refused.value.sub_code == "ChangeRequestOutdated"
    assert TOTPDevice.objects.exists()


@pytest.mark.usefixtures("device")
def test_breaking_the_glass_resets_a_second_factor_at_once(anna, carl):
    with pytest.raises(CommandError, match="Use --reason"):
        run("reset_second_factor", "anna", "--break-glass")
    assert TOTPDevice.objects.exists()
    assert run("reset_second_factor", "anna", "--break-glass", reason="Nobody else is there") == "Removed.\n"
    assert not TOTPDevice.objects.exists()
    used = BreakGlass.objects.get()
    assert Entry.objects.of(RIGHTS, anna.user_id).get().initiator_system.endswith(f"break glass #{used.pk}")
    assert waiting().kind == "break-glass"


@pytest.mark.usefixtures("device", "carl")
def test_an_operator_without_a_name_on_the_host_is_known_by_its_number(monkeypatch):
    def nameless():
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    run("reset_second_factor", "anna")
    assert waiting().initiator_system == f"reset_second_factor by user {os.getuid()}"


# ---- locks


def lock(secret):
    AccessAttempt.objects.create(username=secret.key, failures_since_start=99, attempt_time=timezone.now())
    assert seconds_locked(secret)


def test_taking_a_lock_away_takes_effect_at_once_and_is_on_record(anna):
    secret = Secret(username="anna")
    lock(secret)
    assert run("unlock_login", "--username", " ANNA") == "Unlocked.\n"
    assert (seconds_locked(secret), ChangeRequest.objects.count()) == (0, 0)
    entry = Entry.objects.of(RIGHTS, anna.user_id).get()
    assert entry.initiator_system.startswith("unlock_login by ")
    assert entry.changes == [{"path": "isLocked", "original": True, "target": None}]
    assert "was not locked" in run("unlock_login", "--username", "anna")
    assert Entry.objects.of(RIGHTS, anna.user_id).count() == 1


def test_unlocking_an_application_is_on_record(make_app):
    application = make_app("crm")
    lock(Secret(client_id=application.client_id))
    run("unlock_login", "--client", application.client_id)
    assert Entry.objects.of("application", application.pk).latest("sequence").paths == ["isLocked"]


def test_unlocking_a_name_that_nobody_has_records_nothing():
    lock(Secret(username="nobody"))
    assert run("unlock_login", "--username", "nobody") == "Unlocked.\n"
    assert not Entry.objects.filter(kind=RIGHTS).exists()
