"""A new colleague: one form, one change request, one approval, one link."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.actor import member_actor
from accounts.models import Member, Notice, Participant, User
from administration.rights import RIGHTS
from administration.services.colleagues import add_colleague
from changerequests.models import ChangeRequest, Status
from core.errors import ApiError, Forbidden
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import make_group
from tests.security.conftest import nothing_changes

pytestmark = pytest.mark.django_db
ADD = "/admin/accounts/member/add/"
LARA = {"first_name": "Lara", "last_name": "Keller", "email": "lara@bank.example"}


@pytest.fixture
def root(make_member: Any) -> Member:
    return make_member("root", is_superuser=True)


@pytest.fixture
def carl(make_member: Any) -> Member:
    return make_member("carl", reviews=True, permissions=["view_user", "view_changerequest"])


@pytest.fixture
def browser(admin_of: Any, root: Member) -> Client:
    return admin_of(root)


@pytest.fixture
def geneva(make_participant: Any) -> Participant:
    return make_participant("Geneva")


@pytest.fixture
def managers() -> Group:
    return make_group("Relationship managers")


def test_only_superusers_add_colleagues(make_member: Any, admin_of: Any) -> None:
    helpdesk = make_member("helpdesk", permissions=["add_user", "change_user", "add_member", "change_member"])
    browser = admin_of(helpdesk)
    with nothing_changes():
        assert browser.post(ADD, LARA).status_code == 403
    with pytest.raises(Forbidden), nothing_changes():
        add_colleague(actor=member_actor(helpdesk), target={"email": "lara@bank.example"})


def test_a_colleague_is_one_request_and_nothing_before_it_is_approved(
    browser: Client, root: Member, carl: Member, geneva: Participant, managers: Group, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    sent = {
        **LARA,
        "manager": carl.pk,
        "participants": [geneva.pk],
        "groups": [managers.pk],
        "sees_all_contacts": "on",
    }
    answer = browser.post(ADD, sent, follow=True)
    assert "Nothing has changed yet" in answer.content.decode()
    request, lara = waiting(), User.objects.get(username="lara")
    assert (request.kind, ChangeRequest.objects.count()) == (RIGHTS, 1)
    assert (lara.is_active, lara.has_usable_password(), lara.groups.exists()) == (False, False, False)
    assert not Member.objects.filter(user=lara).exists()
    with pytest.raises(Forbidden):
        approve(root, request)
    assert not Notice.objects.exists()
    assert approve(carl, request).status == Status.APPROVED
    lara.refresh_from_db()
    assert (lara.get_full_name(), lara.is_active, lara.is_staff, lara.is_superuser) == (
        "Lara Keller",
        True,
        True,
        False,
    )
    assert list(lara.groups.all()) == [managers]
    member = Member.objects.get(user=lara)
    assert (member.manager, list(member.participants.all()), member.sees_all_contacts) == (carl, [geneva], True)
    assert Notice.objects.get().recipient == lara


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"email": ""}, "This field is required"),
        ({"email": "CARL@bank.example", "username": "lara"}, "Another login has this address"),
        ({"username": "Carl"}, "A user with this name exists already"),
    ],
)
def test_a_form_that_is_refused_keeps_the_input(
    browser: Client, carl: Member, changed: dict[str, str], text: str
) -> None:
    User.objects.filter(pk=carl.user_id).update(email="carl@bank.example")
    with nothing_changes():
        page = browser.post(ADD, LARA | changed)
    assert page.status_code == 200
    assert text in page.content.decode()
    assert 'value="Keller"' in page.content.decode()
    assert not User.objects.filter(username__in=["lara"]).exists()


def test_nobody_adds_a_login_without_a_member(browser: Client) -> None:
    assert browser.get("/admin/accounts/user/add/").status_code == 403
    assert "/admin/accounts/user/add/" not in browser.get("/admin/accounts/user/").content.decode()
    assert "Add a colleague" in browser.get(ADD).content.decode()


def test_the_command_adds_a_colleague_too(carl: Member, geneva: Participant, managers: Group, capsys: Any) -> None:
    names = ["--email", "lara@bank.example", "--first-name", "Lara", "--last-name", "Keller"]
    place = ["--manager", "CARL", "--role", managers.name, "--participant", geneva.name]
    call_command("create_member", "lara", *names, *place)
    assert "The colleague was added." in capsys.readouterr().out
    member = Member.objects.get(user__username="lara")
    assert (member.manager, list(member.participants.all())) == (carl, [geneva])
    assert (member.user.is_staff, list(member.user.groups.all())) == (True, [managers])
    for wrong in (["--role", "Kings"], ["--manager", "nobody"]):
        with pytest.raises(CommandError, match="There is no"):
            call_command("create_member", "lena", "--email", "lena@bank.example", *wrong)
    with pytest.raises(CommandError, match="goes to the address"):
        call_command("create_member", "lena")


def test_a_colleague_without_an_address_is_refused(root: Member) -> None:
    with pytest.raises(ApiError) as refused:
        add_colleague(actor=member_actor(root), username="lena", target={"email": " "})
    assert "email" in (refused.value.properties or {})
