"""Writes the participants, the members with their logins and permissions, and the client application.

Existing rows stay unchanged, because the user may have changed a password, permission or manager.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.actor import Actor, ActorKind, member_actor
from accounts.models import ClientApplication, Member, Participant, User
from accounts.scopes import ALL_SCOPES
from devstack.demo.accounts import DEMO_ACCOUNTS, DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, GROUPS, PARTICIPANTS, DemoAccount


@dataclass(frozen=True)
class Staff:
    """Everyone who acts in the demo, by name."""

    participants: Mapping[str, Participant]
    members: Mapping[str, Member]
    application: ClientApplication

    @classmethod
    @transaction.atomic
    def hired(cls) -> Self:
        """Create missing staff and return all of it."""
        participants = {name: Participant.objects.get_or_create(name=name)[0] for name in PARTICIPANTS}
        groups = {name: _group(name, permissions) for name, permissions in GROUPS.items()}
        members: dict[str, Member] = {}
        for account in DEMO_ACCOUNTS:
            members[account.username] = _member(account, _user(account, groups), participants, members)
        return cls(participants, members, _application())

    def actor(self, username: str) -> Actor:
        """Return the member as an actor in the admin."""
        return member_actor(self.members[username])

    @property
    def app(self) -> Actor:
        """Return the client application as an actor of its own."""
        return Actor(
            kind=ActorKind.APP,
            name=self.application.name,
            scopes=frozenset(ALL_SCOPES),
            application_id=self.application.pk,
        )


def _group(name: str, permissions: tuple[str, ...]) -> Group:
    group, is_new = Group.objects.get_or_create(name=name)
    if is_new:
        named = Q()
        for permission in permissions:
            app_label, _, codename = permission.partition(".")
            named |= Q(content_type__app_label=app_label, codename=codename)
        group.permissions.set(Permission.objects.filter(named))
    return group


def _user(account: DemoAccount, groups: Mapping[str, Group]) -> User:
    user = User.objects.filter(username__iexact=account.username).first()
    if user is not None:
        return user
    user = User.objects.create_user(
        username=account.username,
        password=account.password,
        first_name=account.first_name,
        last_name=account.last_name,
        is_staff=True,
        is_superuser=account.is_superuser,
    )
    user.groups.set(groups[name] for name in account.groups)
    return user


def _member(
    account: DemoAccount, user: User, participants: Mapping[str, Participant], above: Mapping[str, Member]
) -> Member:
    member = Member.objects.select_related("user").filter(user=user).first()
    if member is not None:
        return member
    member = Member.objects.create(
        user=user,
        manager=above[account.manager] if account.manager else None,
        sees_all_contacts=account.sees_all_contacts,
    )
    member.participants.set(participants[name] for name in account.participants)
    return member


def _application() -> ClientApplication:
    """Bypass the service, which generates random credentials: the demo's are public on purpose."""
    application = ClientApplication.objects.filter(client_id=DEMO_CLIENT_ID).first()
    return application or ClientApplication.objects.create(
        name="demo",
        client_id=DEMO_CLIENT_ID,
        client_secret=DEMO_CLIENT_SECRET,
        client_type=ClientApplication.CLIENT_CONFIDENTIAL,
        secret_collected_at=timezone.now(),
        authorization_grant_type=ClientApplication.GRANT_CLIENT_CREDENTIALS,
        allowed_scopes=" ".join(ALL_SCOPES),
    )
