"""Acts on rights, applications and policies, and commands that break the glass."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import ClientApplication, Member, Participant, User
from accounts.scopes import ALL_SCOPES
from administration.applications import APPLICATION
from administration.configuration import CONFIGURATION
from administration.models import BREAK_GLASS, BreakGlass
from administration.rights import GROUP_RIGHTS, RIGHTS
from administration.roles import ROLES
from changerequests.models import Holiday
from changerequests.queries.policies import policies_now
from changerequests.services.policies import POLICY_KIND
from contacts.models import CONTACT_DETAILS, ExternalSystem
from events.models import Webhook
from tests.api import Api
from tests.operations.acts import STANDARD, STRICT, World, act, command, sent, told

USERS = "/admin/accounts/user/"
MEMBERS = "/admin/accounts/member/"
APPLICATIONS = "/admin/accounts/clientapplication/"
INLINES = {f"assignments{one}-{count}": 0 for one in ("", "-2") for count in ("TOTAL_FORMS", "INITIAL_FORMS")}


# ---- rights


def active(_world: World) -> set[str]:
    return set(User.objects.filter(is_active=True).values_list("username", flat=True))


def superusers(_world: World) -> set[str]:
    return set(User.objects.filter(is_superuser=True).values_list("username", flat=True))


def who_sees_all(_world: World) -> set[int]:
    return set(Member.objects.filter(sees_all_contacts=True).values_list("pk", flat=True))


def members(_world: World) -> set[int]:
    return set(Member.objects.values_list("user", flat=True))


def rights_of_groups(_world: World) -> set[tuple[str, str]]:
    return {(name, right) for name, right in Group.objects.values_list("name", "permissions__codename") if right}


@act("accounts_member_add", RIGHTS, active)
def _make_a_puppet(_world: World, browser: Client) -> str:
    form = {"first_name": "P", "last_name": "Puppet", "email": "puppet@bank.example", "sees_all_contacts": "on"}
    return sent(browser, f"{MEMBERS}add/", form)


@act("accounts_user_change", RIGHTS, superusers)
def _make_a_superuser(world: World, browser: Client) -> str:
    form = {"username": "ben", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    return sent(browser, f"{USERS}{world.ben.user_id}/change/", form)


@act("accounts_member_change", RIGHTS, who_sees_all)
def _let_see_all(world: World, browser: Client) -> str:
    return sent(browser, f"{MEMBERS}{world.ben.pk}/change/", {"sees_all_contacts": "on", **INLINES})


@act("create_member", RIGHTS, members)
def _make_a_member_on_the_host(_world: World, _host: Any) -> str:
    return command("create_member", "berta", "--sees-all-contacts")


def second_factors(_world: World) -> set[str]:
    return set(TOTPDevice.objects.values_list("user__username", flat=True))


@act("reset_second_factor", RIGHTS, second_factors)
def _reset_a_second_factor(_world: World, _host: Any) -> str:
    return command("reset_second_factor", "ben")


@act("auth_group_add", GROUP_RIGHTS, rights_of_groups)
def _make_a_group(_world: World, browser: Client) -> str:
    review = Permission.objects.get(codename="review_changerequest")
    return sent(browser, "/admin/auth/group/add/", {"name": "Mine", "permissions": [review.pk]})


@act("auth_group_change", GROUP_RIGHTS, rights_of_groups)
def _give_a_group_more(world: World, browser: Client) -> str:
    group = world.ben.user.groups.get()
    review = Permission.objects.get(codename="review_changerequest")
    form = {"name": group.name, "permissions": [review.pk]}
    return sent(browser, f"/admin/auth/group/{group.pk}/change/", form)


@act("roles", GROUP_RIGHTS, rights_of_groups)
def _create_the_roles(_world: World, _host: Any) -> str:
    for role in ROLES[1:]:
        Group.objects.get_or_create(name=role.name)
    return command("roles", "--create")


# ---- applications


def scopes(_world: World) -> dict[str, str]:
    return dict(ClientApplication.objects.exclude(allowed_scopes="").values_list("name", "allowed_scopes"))


@act("accounts_clientapplication_add", APPLICATION, scopes)
def _register(world: World, browser: Client) -> str:
    sees_all = {"purpose": "service", "allowed_scopes": list(ALL_SCOPES), "participants": []}
    form = {"name": "portal", "owner": world.ben.pk, **sees_all}
    return sent(browser, f"{APPLICATIONS}add/", form)


@act("accounts_clientapplication_change", APPLICATION, scopes)
def _give_an_application_more(world: World, browser: Client) -> str:
    sees_all = {"purpose": "service", "allowed_scopes": list(ALL_SCOPES), "participants": []}
    form = {"name": world.client.name, "owner": "", **sees_all}
    return sent(browser, f"{APPLICATIONS}{world.client.pk}/change/", form)


# ---- policies


def approvals(_world: World) -> int:
    return int(policies_now()[0][CONTACT_DETAILS]["stages"][0]["approvals"])


def requires_digest(_world: World) -> bool:
    return bool(policies_now()[0][CONTACT_DETAILS]["isDigestRequired"])


@act("changerequests_policy_edit", POLICY_KIND, approvals)
def _ask_more_people(_world: World, browser: Client) -> str:
    form = {
        **{f"{rows}-{count}": 1 for rows in ("stages", "rules") for count in ("TOTAL_FORMS", "INITIAL_FORMS")},
        "stages-0-name": "Review",
        "stages-0-approvals": 2,
        "rules-0-stages": "Review",
    }
    return sent(browser, f"/admin/changerequests/policyversion/{CONTACT_DETAILS}/edit/", form)


@act("policies", POLICY_KIND, requires_digest)
def _use_another_profile(world: World, _host: Any) -> str:
    return command("policies", "use", STANDARD if requires_digest(world) else STRICT)


# ---- the glass: it acts at once, and somebody else has to review it


def reviewed(_world: World) -> list[str]:
    return list(BreakGlass.objects.filter(is_reviewed=True).values_list("command", flat=True))


def broken(*arguments: str) -> str:
    """Break the glass, which takes a reason; return what is said without one."""
    with pytest.raises(CommandError) as refused:
        command(*arguments)
    command(*arguments, reason="There is no time")
    return str(refused.value)


@act("issue_token", BREAK_GLASS, reviewed, says="Use --reason")
def _act_as_somebody_else(_world: World, _host: Any) -> str:
    return broken("issue_token", "--member", "ben")


@act("create_client_app", BREAK_GLASS, reviewed, says="Use --reason")
def _make_a_key(_world: World, _host: Any) -> str:
    return broken("create_client_app", "crm", "--scopes", "contacts.read")


# ---- configuration


def participants(_world: World) -> set[str]:
    return set(Participant.objects.values_list("name", flat=True))


@act("accounts_participant_add", CONFIGURATION, participants)
def _add_a_participant(_world: World, browser: Client) -> str:
    return sent(browser, "/admin/accounts/participant/add/", {"name": "North"})


def holidays(_world: World) -> set[str]:
    return set(Holiday.objects.values_list("name", flat=True))


@act("changerequests_holiday_add", CONFIGURATION, holidays)
def _add_a_holiday(_world: World, browser: Client) -> str:
    return sent(browser, "/admin/changerequests/holiday/add/", {"date": "2027-01-02", "name": "Berchtold's Day"})


def is_renamed(_world: World) -> bool:
    return Holiday.objects.filter(name="New Year's Day").exists()


@act("changerequests_holiday_change", CONFIGURATION, is_renamed)
def _rename_a_holiday(_world: World, browser: Client) -> str:
    day = Holiday.objects.get_or_create(date=date(2027, 1, 1), defaults={"name": "New Year"})[0]
    form = {"date": "2027-01-01", "name": "New Year's Day"}
    return sent(browser, f"/admin/changerequests/holiday/{day.pk}/change/", form)


def systems(_world: World) -> set[str]:
    return set(ExternalSystem.objects.values_list("name", flat=True))


@act("contacts_externalsystem_add", CONFIGURATION, systems)
def _add_a_system(_world: World, browser: Client) -> str:
    return sent(browser, "/admin/contacts/externalsystem/add/", {"name": "Portal"})


@act("contacts_externalsystem_change", CONFIGURATION, systems)
def _rename_a_system(_world: World, browser: Client) -> str:
    unused = ExternalSystem.objects.get(name="CBS")
    return sent(browser, f"/admin/contacts/externalsystem/{unused.pk}/change/", {"name": "Core"})


@act("accounts_participant_change", CONFIGURATION, participants)
def _rename_a_participant(world: World, browser: Client) -> str:
    return sent(browser, f"/admin/accounts/participant/{world.geneva.pk}/change/", {"name": "North"})


def webhooks(_world: World) -> set[str]:
    return set(Webhook.objects.filter(is_removed=False).values_list("url", flat=True))


@act("POST /v1.0/webhooks", CONFIGURATION, webhooks, is_of_applications=True)
def _add_a_webhook_of_ones_own(_world: World, api: Api) -> str:
    return told(api.post("/v1.0/webhooks", {"url": "https://127.0.0.1/own"}))


def removed_webhooks(_world: World) -> set[str]:
    return set(Webhook.objects.filter(is_removed=True).values_list("url", flat=True))


@act("DELETE /v1.0/webhooks/{webhookId}", CONFIGURATION, removed_webhooks, is_of_applications=True)
def _remove_a_webhook_of_ones_own(_world: World, api: Api) -> str:
    caller = ClientApplication.objects.latest("pk")
    webhook = Webhook.objects.create(application=caller, url="https://127.0.0.1/own")
    return told(api.delete(f"/v1.0/webhooks/{webhook.uid}"))


WEBHOOK_PAGES = "/admin/events/webhook/"


def webhook_of_reports(world: World) -> Webhook:
    """Return a webhook of the application, which may have some."""
    ClientApplication.objects.filter(pk=world.client.pk).update(allowed_scopes="contacts.read webhooks")
    return Webhook.objects.get_or_create(application=world.client, url="https://127.0.0.1/reports")[0]


def new_webhooks(_world: World) -> set[str]:
    return set(Webhook.objects.filter(url__endswith="/new").values_list("url", flat=True))


@act("events_webhook_add", CONFIGURATION, new_webhooks)
def _add_a_webhook(world: World, browser: Client) -> str:
    form = {"application": webhook_of_reports(world).application_id, "url": "https://127.0.0.1/new", "is_active": "on"}
    return sent(browser, f"{WEBHOOK_PAGES}add/", form)


@act("events_webhook_change", CONFIGURATION, new_webhooks)
def _move_a_webhook(world: World, browser: Client) -> str:
    form = {"url": "https://127.0.0.1/new", "is_active": "on"}
    return sent(browser, f"{WEBHOOK_PAGES}{webhook_of_reports(world).pk}/change/", form)


@act("events_webhook_remove", CONFIGURATION, removed_webhooks)
def _remove_a_webhook(world: World, browser: Client) -> str:
    return sent(browser, f"{WEBHOOK_PAGES}{webhook_of_reports(world).pk}/remove/", {})
