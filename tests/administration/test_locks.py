"""Unlocking a login on its page: on record, by somebody else, with the permission, and its owner hears of it."""

import re

import pytest
from django.core import mail
from django.test import Client

from accounts.lockout import Secret, seconds_locked
from accounts.models import Notice, User
from administration.notices import deliver_notice
from administration.rights import RIGHTS
from audit.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(make_member):
    return make_member("root", is_superuser=True)


@pytest.fixture
def anna(make_member):
    return make_member("anna")


def lock(member):
    for _number in range(5):
        Client().post("/connect/login", {"username": member.user.username, "password": "guess"})
    assert is_locked(member)


def is_locked(member):
    return bool(seconds_locked(Secret(username=member.user.username)))


def unlock(browser, member):
    return browser.post(f"/admin/accounts/user/{member.user_id}/unlock/", follow=True)


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_nobody_unlocks_without_the_permission_or_by_a_link(anna, make_member, admin_of, root):
    lock(anna)
    for permissions in ([], ["view_user"], ["change_user"]):
        assert unlock(admin_of(make_member(permissions=permissions)), anna).status_code == 403
    assert admin_of(root).get(f"/admin/accounts/user/{anna.user_id}/unlock/").status_code == 405
    assert is_locked(anna)
    assert not Entry.objects.filter(kind=RIGHTS).exists()


def test_nobody_unlocks_its_own_login(root, admin_of):
    browser = admin_of(root)
    lock(root)
    page = browser.get(f"/admin/accounts/user/{root.user_id}/change/")
    assert "You cannot unlock your own login." in text_of(page)
    assert "/unlock/" not in page.content.decode()
    assert "You cannot unlock your own login." in text_of(unlock(browser, root))
    assert is_locked(root)


def test_somebody_else_does_which_is_on_record_and_mailed(root, anna, make_member, admin_of):
    User.objects.filter(pk=anna.user_id).update(email="anna@bank.example")
    carl = make_member("carl", permissions=["change_user"])
    User.objects.filter(pk=carl.user_id).update(email="carl@bank.example")
    browser, page = admin_of(root), f"/admin/accounts/user/{anna.user_id}/change/"
    assert "/unlock/" not in browser.get(page).content.decode()
    lock(anna)
    shown = browser.get(page)
    assert "opens by itself in 15 minutes" in text_of(shown)
    assert "/unlock/" in shown.content.decode()
    assert "The login is unlocked." in text_of(unlock(browser, anna))
    assert not is_locked(anna)
    entry = Entry.objects.of(RIGHTS, anna.user_id).get()
    assert (entry.initiator_member, entry.paths) == (root, ["isLocked"])
    for pk in Notice.objects.filter(kind=Notice.Kind.UNLOCKED).order_by("pk").values_list("pk", flat=True):
        deliver_notice(pk)
    assert [message.to for message in mail.outbox] == [["anna@bank.example"], ["carl@bank.example"]]
    assert "Root Tester unlocked the login anna" in mail.outbox[0].body


def test_a_client_is_unlocked_by_who_looks_after_logins(make_member, make_contact, admin_of, api_of):
    contact = make_contact(username="johanna")
    api_of(contact)
    contact.refresh_from_db()
    for _number in range(5):
        Client().post("/connect/login", {"username": "Johanna", "password": "guess"})
    secret = Secret(username=contact.user.username)
    assert seconds_locked(secret)
    helpdesk = admin_of(make_member(permissions=["view_user", "change_user"]))
    helpdesk.post(f"/admin/accounts/user/{contact.user_id}/unlock/")
    assert not seconds_locked(secret)
