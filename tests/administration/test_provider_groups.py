"""Links to identity providers and mappings of their groups: giving waits, taking away is at once, logins follow."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import mail

from accounts.actor import member_actor
from accounts.models import Member, Notice, ProviderGroup, ProviderIdentity, User
from accounts.sso.client import Identity
from accounts.sso.providers import all_providers
from accounts.sso.services import come_in
from administration.notices import deliver_notice
from administration.rights import GROUP_RIGHTS, RIGHTS
from administration.services.groups import delete_group
from administration.services.rights import change_rights
from audit.models import Entry
from changerequests.models import ChangeRequest
from core.errors import Forbidden, UnprocessableEntity
from tests.administration.approving import approve, waiting

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ISSUER = "https://login.bank.example"
SIGHT = ["view_user", "view_group", "view_changerequest"]
ANNA = {"issuer": ISSUER, "subject": "anna-at-the-bank"}
TELLERS = {"issuer": ISSUER, "name": "Tellers of the bank"}


@pytest.fixture(autouse=True)
def _provider(settings: Any) -> None:
    names = {"name": "bank", "label": "Bank", "issuer": ISSUER, "client_id": "kontor", "client_secret": "secret"}
    settings.OIDC_PROVIDERS = [names]


@pytest.fixture
def root(make_member: Any) -> Member:
    member: Member = make_member("root", is_superuser=True)
    return member


@pytest.fixture
def carl(make_member: Any) -> Member:
    member: Member = make_member("carl", reviews=True, permissions=SIGHT)
    return member


@pytest.fixture
def anna(make_member: Any) -> Member:
    member: Member = make_member("anna", permissions=[])
    return member


@pytest.fixture
def tellers() -> Group:
    group = Group.objects.create(name="Tellers")
    group.permissions.add(Permission.objects.get(codename="view_contact"))
    return group


def page_of(user: User) -> str:
    return f"/admin/accounts/user/{user.pk}/change/"


def form_of(user: User, **changed: Any) -> dict[str, Any]:
    flags = {"is_active": "on", "is_staff": "on"}
    return {"username": user.username, "first_name": user.first_name, "last_name": user.last_name, **flags, **changed}


def group_form(group: Group, provided: str) -> dict[str, Any]:
    permissions = list(group.permissions.values_list("pk", flat=True))
    return {"name": group.name, "permissions": permissions, "provider_groups": provided}


def comes_in(*groups: str, subject: str = ANNA["subject"]) -> User | None:
    return come_in(Identity(all_providers()[0], subject, "token", groups=groups))


def groups_of(member: Member) -> set[str]:
    return set(member.user.groups.values_list("name", flat=True))


# ---- links


def test_nobody_links_a_login_alone(root: Member, carl: Member, anna: Member, admin_of: Any) -> None:
    browser, line = admin_of(root), f"{ISSUER} anna-at-the-bank"
    browser.post(page_of(anna.user), form_of(anna.user, identities=line))
    assert comes_in() is None
    with pytest.raises(Forbidden):
        approve(root, waiting())
    with pytest.raises(Forbidden):
        approve(anna, waiting())
    approve(carl, waiting())
    assert comes_in() == anna.user
    assert line in browser.get(page_of(anna.user)).content.decode()
    # Taking it away needs nobody.
    browser.post(page_of(anna.user), form_of(anna.user, identities=""))
    assert comes_in() is None
    assert Entry.objects.filter(kind=RIGHTS, subject_id=anna.user_id, paths=["identities"]).count() == 2


def test_only_superusers_link_logins(make_member: Any, admin_of: Any) -> None:
    helpdesk = make_member("helpdesk", permissions=["view_user", "change_user"])
    client = User.objects.create_user("client")
    with pytest.raises(Forbidden):
        change_rights(actor=member_actor(helpdesk), user_id=client.pk, target={"identities": [ANNA], "isStaff": True})
    page = admin_of(helpdesk).get(page_of(client))
    assert (page.status_code, b'name="identities"' in page.content) == (200, False)


@pytest.mark.parametrize(
    "identities",
    [
        ["anna"],
        [{"issuer": ISSUER}],
        [{**ANNA, "more": "x"}],
        [{**ANNA, "subject": " "}],
        [{**ANNA, "subject": "x" * 256}],
        [{**ANNA, "issuer": "https://elsewhere.example"}],
    ],
)
def test_links_that_are_not_well_formed_are_refused(root: Member, anna: Member, identities: Any) -> None:
    with pytest.raises(UnprocessableEntity) as refused:
        change_rights(actor=member_actor(root), user_id=anna.user_id, target={"identities": identities})
    assert refused.value.properties is not None
    assert "identities" in refused.value.properties


def test_an_identity_is_that_of_one_login(root: Member, carl: Member, anna: Member, make_member: Any) -> None:
    berta = make_member("berta")
    actor = member_actor(root)
    first = change_rights(actor=actor, user_id=anna.user_id, target={"identities": [ANNA]}).request
    second = change_rights(actor=actor, user_id=berta.user_id, target={"identities": [ANNA]}).request
    assert first is not None
    assert second is not None
    approve(carl, first)
    with pytest.raises(UnprocessableEntity):
        approve(carl, second)
    assert ProviderIdentity.objects.get().user_id == anna.user_id


def test_a_line_without_a_subject_is_refused_at_its_field(root: Member, anna: Member, admin_of: Any) -> None:
    page = admin_of(root).post(page_of(anna.user), form_of(anna.user, identities=ISSUER)).content.decode()
    assert "needs an issuer, a space and a name" in page
    assert not ChangeRequest.objects.exists()


def test_who_comes_in_by_a_provider_gets_no_link_to_set_a_password(root: Member, carl: Member, settings: Any) -> None:
    settings.PUBLIC_URL = "https://kontor.example"
    user = User.objects.create_user("berta", is_active=False, email="berta@bank.example")
    target = {"isActive": True, "isStaff": True, "identities": [ANNA]}
    change_rights(actor=member_actor(root), user_id=user.pk, target=target)
    approve(carl, waiting())
    assert not Notice.objects.filter(kind=Notice.Kind.PASSWORD_LINK).exists()


# ---- the mapping


def test_nobody_maps_a_group_alone(root: Member, carl: Member, tellers: Group, admin_of: Any) -> None:
    browser, page = admin_of(root), f"/admin/auth/group/{tellers.pk}/change/"
    browser.post(page, group_form(tellers, f"{ISSUER} Tellers of the bank"))
    assert not ProviderGroup.objects.exists()
    with pytest.raises(Forbidden):
        approve(root, waiting())
    approve(carl, waiting())
    assert ProviderGroup.objects.values("issuer", "name", "group").get() == {**TELLERS, "group": tellers.pk}
    assert f"{ISSUER} Tellers of the bank" in browser.get(page).content.decode()
    assert f"{ISSUER} Tellers of the bank" in admin_of(carl).get(page).content.decode()
    browser.post(page, group_form(tellers, ""))
    assert not ProviderGroup.objects.exists()
    assert Entry.objects.filter(kind=GROUP_RIGHTS, subject_id=tellers.pk, paths=["providerGroups"]).count() == 2


def test_a_mapping_to_a_provider_that_is_not_set_up_is_refused(root: Member, tellers: Group, admin_of: Any) -> None:
    page = admin_of(root).post(
        f"/admin/auth/group/{tellers.pk}/change/", group_form(tellers, "https://elsewhere.example X"), follow=True
    )
    assert "There is no identity provider https://elsewhere.example." in page.content.decode()
    assert not ChangeRequest.objects.exists()


def test_a_group_that_is_mapped_can_be_deleted(root: Member, tellers: Group) -> None:
    ProviderGroup.objects.create(group=tellers, **TELLERS)
    delete_group(actor=member_actor(root), group_id=tellers.pk)
    assert not ProviderGroup.objects.exists()


# ---- logins


@pytest.fixture
def linked(anna: Member, tellers: Group) -> Member:
    """Anna, linked to the provider, whose tellers are ours."""
    ProviderIdentity.objects.create(user=anna.user, **ANNA)
    ProviderGroup.objects.create(group=tellers, **TELLERS)
    return anna


def test_a_login_gives_the_groups_that_are_mapped_and_no_others(linked: Member, root: Member) -> None:
    Group.objects.create(name="Reviewers")
    for member in (linked, root):
        User.objects.filter(pk=member.user_id).update(email=f"{member.user.username}@bank.example")
    comes_in("Reviewers", "Tellers", "tellers of the bank")
    assert groups_of(linked) == set()
    comes_in("Tellers of the bank", "Reviewers")
    assert groups_of(linked) == {"Tellers"}
    entry = Entry.objects.get(kind=RIGHTS, subject_id=linked.user_id)
    assert (entry.initiator_system, entry.paths) == ("single sign-on", ["groups"])
    for pk in Notice.objects.values_list("pk", flat=True):
        deliver_notice(pk)
    assert sorted(sent.to[0] for sent in mail.outbox) == ["anna@bank.example", "root@bank.example"]
    assert {sent.subject for sent in mail.outbox} == {"Rights were given"}
    comes_in("Tellers of the bank")
    assert Entry.objects.filter(kind=RIGHTS).count() == 1


def test_a_login_takes_away_what_the_provider_no_longer_says_and_nothing_else(linked: Member, tellers: Group) -> None:
    User.objects.filter(pk=linked.user_id).update(email="anna@bank.example")
    local = Group.objects.create(name="Local")
    linked.user.groups.add(tellers, local)
    comes_in()
    assert groups_of(linked) == {"Local"}
    notice = Notice.objects.get(recipient=linked.user)
    assert (notice.kind, notice.paths) == (Notice.Kind.RIGHTS_TAKEN, ["groups"])


def test_groups_of_another_provider_say_nothing(linked: Member) -> None:
    ProviderGroup.objects.update(issuer="https://elsewhere.example")
    comes_in("Tellers of the bank")
    assert groups_of(linked) == set()
