"""The admin's error pages are in the user's language and link back."""

import re

import pytest
from django.test import Client

from accounts.models import Member

pytestmark = pytest.mark.django_db


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def browser(make_member, admin_of):
    return admin_of(make_member(permissions=["view_member"]))


def test_what_is_not_there_says_so_and_leads_back(browser):
    came_from = "http://testserver/admin/accounts/member/"
    answer = browser.get("/admin/nothing/here/", headers={"referer": came_from})
    assert answer.status_code == 404
    assert "There is nothing here that you can see" in text_of(answer)
    page = answer.content.decode()
    assert f'href="{came_from}"' in page
    assert 'href="/admin/"' in page
    assert not re.search(r"<script|\sstyle=", page)


def test_another_site_is_not_led_back_to(browser):
    for referer in ("https://example.com/admin/", "//example.com", "javascript:alert(1)"):
        page = browser.get("/admin/nothing/here/", headers={"referer": referer}).content.decode()
        assert "example.com" not in page
        assert "javascript" not in page


def test_what_is_not_allowed_says_who_can_help(browser):
    answer = browser.get("/admin/accounts/user/")
    assert answer.status_code == 403
    assert "An administrator can grant it." in text_of(answer)


def test_a_form_without_a_valid_token_says_what_to_do(make_member):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_member(permissions=["change_member"]).user, "django.contrib.auth.backends.ModelBackend")
    answer = browser.post("/admin/accounts/member/1/change/", {})
    assert answer.status_code == 403
    assert "The form was no longer valid" in text_of(answer)
    assert "csrf" not in answer.content.decode().lower()


def test_a_failure_names_the_number_that_the_log_has_and_nothing_of_the_inside(admin_of, make_member, monkeypatch):
    def break_down(self):
        raise RuntimeError("secret inside")

    monkeypatch.setattr(Member, "name", property(break_down))
    browser = admin_of(make_member(permissions=["view_member"]))
    browser.raise_request_exception = False
    answer = browser.get(
        "/admin/accounts/member/", headers={"x-correlation-id": "c0ffee00-0000-4000-8000-000000000001"}
    )
    assert answer.status_code == 500
    assert "c0ffee00-0000-4000-8000-000000000001" in text_of(answer)
    assert "secret inside" not in answer.content.decode()


def test_the_pages_are_in_the_language_of_the_reader(browser):
    page = browser.get("/admin/nothing/here/", headers={"accept-language": "de"}).content.decode()
    assert '<html lang="de">' in page


def test_the_api_keeps_answering_with_json(browser):
    answer = browser.get("/v1.0/nothing")
    assert answer.status_code == 404
    assert answer.json()["code"] == "NotFound"
