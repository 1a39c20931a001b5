"""Logging in at a real identity provider, and out again."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.contrib.auth.models import Group, Permission
from playwright.sync_api import Page, expect

from accounts.models import Member, ProviderGroup, ProviderIdentity
from tests.browser.browsing import Complaints
from tests.browser.provider import installed, log_in_there, running


@pytest.fixture(scope="module")
def known(live_server: Any) -> Iterator[dict[str, Any]]:
    with running(installed(Path(configured.VAR_DIR) / "identity-provider"), live_server) as found:
        yield found


@pytest.fixture
def provider(known: dict[str, Any], settings: Any, complaints: Complaints) -> dict[str, Any]:
    own = dict(known)
    settings.OIDC_PROVIDERS = [own]
    complaints.expect(f"asked somebody else: {known['issuer']}")
    return own


@pytest.fixture
def anna(make_member: Any, provider: dict[str, Any]) -> Member:
    """Linked to the provider, whose tellers are here in a group that sees contacts."""
    member: Member = make_member("anna", permissions=[])
    ProviderIdentity.objects.create(user=member.user, issuer=provider["issuer"], subject="anna-at-the-bank")
    tellers = Group.objects.create(name="Tellers")
    tellers.permissions.add(Permission.objects.get(codename="view_contact"))
    ProviderGroup.objects.create(group=tellers, issuer=provider["issuer"], name="tellers")
    return member


def begin(page: Page) -> None:
    page.goto("/admin/login/?next=/admin/")
    page.get_by_role("link", name="Log in with Bank").click()


def test_who_is_linked_comes_in_with_the_rights_of_its_groups_and_goes_out_of_both(
    page: Page, anna: Member, live_server: Any, axe: Any
) -> None:
    page.goto("/admin/login/?next=/admin/")
    axe(page)
    begin(page)
    log_in_there(page, "anna-at-the-bank", groups="tellers,others")
    expect(page).to_have_url(f"{live_server.url}/admin/")
    assert page.request.get("/admin/contacts/contact/").ok
    assert list(anna.user.groups.values_list("name", flat=True)) == ["Tellers"]
    page.locator('form[action$="/logout/"]').first.evaluate("form => form.requestSubmit()")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile(f"^{live_server.url}/connect/login"))
    begin(page)
    expect(page.get_by_label("Who are you?")).to_be_visible()


def test_a_logout_at_the_provider_ends_the_sessions_here(
    page: Page, anna: Member, live_server: Any, provider: dict[str, Any]
) -> None:
    begin(page)
    log_in_there(page, "anna-at-the-bank")
    expect(page).to_have_url(f"{live_server.url}/admin/")
    elsewhere = page.context.new_page()
    elsewhere.goto(f"{provider['issuer']}/session/end")
    elsewhere.get_by_role("button", name="Log out").click()
    expect(elsewhere.get_by_text("You are logged out.")).to_be_visible()
    page.goto("/admin/")
    expect(page.get_by_role("link", name="Log in with Bank")).to_be_visible()


def test_who_has_not_given_the_second_factor_that_is_required_does_not_come_in(
    phone_page: Page, anna: Member, provider: dict[str, Any], complaints: Complaints, axe: Any
) -> None:
    provider["is_factor_required"] = True
    complaints.expect("status of 403")
    begin(phone_page)
    log_in_there(phone_page, "anna-at-the-bank", acr="0")
    expect(phone_page.get_by_text("did not require a second factor")).to_be_visible()
    axe(phone_page)
    phone_page.goto("/admin/")
    expect(phone_page.get_by_label("Password")).to_be_visible()


def test_who_has_given_none_gives_ours(page: Page, anna: Member) -> None:
    begin(page)
    log_in_there(page, "anna-at-the-bank", acr="0")
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()


def test_who_is_not_linked_sees_whom_to_ask(
    page: Page, anna: Member, complaints: Complaints, settings: Any, axe: Any
) -> None:
    settings.SSO_HELP = "Ask the helpdesk, extension 117."
    complaints.expect("status of 403")
    begin(page)
    log_in_there(page, "berta-at-the-bank")
    for text in ("No login here is linked to you", "berta-at-the-bank", "extension 117"):
        expect(page.get_by_text(text)).to_be_visible()
    axe(page)
