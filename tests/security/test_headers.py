"""Security headers of every kind of response, and that no page needs anything that the policy forbids."""

import re
from pathlib import Path

import pytest
import unfold
from django.contrib.staticfiles import finders

from tests.devstack.stack import ROOT
from tests.security.conftest import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PAGES = [
    "/connect/login",
    "/docs/",
    "/openapi.json",
    "/admin/",
    "/admin/contacts/contact/",
    "/admin/contacts/contact/{contact}/change/",
    "/admin/changerequests/changerequest/{request}/change/",
    "/admin/contactgroups/contactgroup/{group}/change/",
    "/admin/contactgroups/contactgroup/add/",
    "/admin/legalentities/legalentity/{entity}/change/",
    "/admin/accounts/member/add/",
    "/admin/importexport/importjob/add/",
    "/admin/auth/group/",
    "/admin/password_change/",
    "/connect/second-factor/setup",
    "/admin/no-such-page/",
    "/no-such-page/",
    "/connect/authorize",
]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'self'",
    "object-src": "'none'",
    "manifest-src": "'self'",
}
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*\btype=\"application/json\")[^>]*>", re.I)
HANDLER = re.compile(r"<[a-z][^<>]*\son[a-z]+\s*=", re.I)
STYLE = re.compile(r"<style(?![^>]*\bnonce=)[^>]*>", re.I)
STYLE_ATTRIBUTE = re.compile(r"<[a-z][^<>]*\sstyle\s*=", re.I)


@pytest.fixture
def browser(make_member, admin_of):
    return admin_of(make_member("boss", is_superuser=True, sees_all_contacts=True))


def path_in(page: str, world: World) -> str:
    return page.format(
        contact=world.contact.pk, request=world.request.pk, group=world.group.pk, entity=world.legal_entity.pk
    )


def test_every_page_has_the_headers(browser, ours, case):
    for page in PAGES:
        with case(page):
            headers = browser.get(path_in(page, ours)).headers
            policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
            style = policy.pop("style-src")
            assert policy == POLICY
            assert re.fullmatch(r"'self'( 'nonce-[A-Za-z0-9+/=]{24}')?", style)
            has_the_others(headers)


def test_an_answer_of_the_api_may_load_nothing_at_all(browser, app, ours, case):
    for path in ("/v1.0/contacts/{contact}/details", "/graphql", "/v9.9/no-such-operation"):
        with case(path):
            for answer in (browser.get(path_in(path, ours)), app.get(path_in(path, ours))):
                assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
                has_the_others(answer.headers)


def has_the_others(headers):
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    # Of a name that it does not know, Chromium complains on every page.
    assert not re.search(r"bluetooth|web-share", headers["Permissions-Policy"])


def test_no_page_holds_inline_scripts_styles_or_handlers(browser, ours, case):
    for page in PAGES:
        with case(page):
            text = browser.get(path_in(page, ours)).content.decode()
            for pattern in (INLINE_SCRIPT, HANDLER, STYLE, STYLE_ATTRIBUTE):
                assert pattern.search(text) is None, pattern.search(text)


def test_the_nonce_is_new_with_every_answer(browser):
    found = {re.search(r"nonce-([^']+)", browser.get("/admin/")["Content-Security-Policy"])[1] for _number in range(3)}
    assert len(found) == 3


def test_our_templates_hold_none_either():
    ours = [path for path in (ROOT / "templates").rglob("*.html") if "unfold" not in path.parts]
    assert len(ours) > 20
    for path in ours:
        text = path.read_text()
        for pattern in (INLINE_SCRIPT, HANDLER, STYLE, STYLE_ATTRIBUTE):
            assert pattern.search(text) is None, path


def test_alpine_is_the_build_for_such_policies():
    """`make` fetches it: `python -m release.scripts`."""
    assert Path(finders.find("unfold/js/alpine/alpine.js")).is_relative_to(ROOT / "core")
    text = Path(finders.find("unfold/js/alpine/alpine.js")).read_text()
    assert "new Function" not in text
    assert "AsyncFunction" not in text


def test_what_is_overridden_of_unfold_was_made_of_this_version():
    """After an upgrade compare `templates/unfold`, `templates/admin/actions.html` and `core/shell.js` with unfold's."""
    version = re.search(r"^django-unfold==(.+)$", (ROOT / "constraints.txt").read_text(), re.M)
    assert version is not None
    assert version[1] == "0.91.0"
    assert Path(unfold.__file__).with_name("templates").joinpath("unfold/layouts/skeleton.html").exists()
