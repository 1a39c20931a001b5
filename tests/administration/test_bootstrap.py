"""The first people of an installation, and the links with which they choose their passwords."""

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Member, User

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-and-odd-password"
ANNA = ("anna", "anna@bank.example", "Anna", "Muster")
RITA = ("rita", "rita@bank.example", "Rita", "Roth")


def bootstrap(*people, base_url=""):
    arguments = [argument for person in people for argument in ("--person", *person)]
    call_command("bootstrap", *arguments, base_url=base_url)


def links(capsys):
    """Return the address of each person's link by username."""
    return dict(re.findall(r"^(\w+): (\S+)$", capsys.readouterr().out, re.MULTILINE))


def choose(address, password=PASSWORD):
    """Open the link in a new browser and send the password; return the answer to it."""
    browser = Client()
    page = browser.get(address, follow=True)
    return browser.post(page.redirect_chain[-1][0], {"new_password1": password, "new_password2": password})


def log_in(username, password=PASSWORD):
    return Client().post("/connect/login", {"username": username, "password": password})


def test_one_person_is_too_few():
    with pytest.raises(CommandError, match="Name at least 2 people"):
        bootstrap(ANNA)
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("odd", "fault"),
    [
        (("ANNA", "other@bank.example", "A", "M"), r"people\[1\].username"),
        (("other", "ANNA@bank.example", "A", "M"), r"people\[1\].email"),
        (("other", "no address", "A", "M"), r"people\[1\].email"),
        (("other", "", "A", "M"), r"people\[1\].email"),
        (("white space", "other@bank.example", "A", "M"), r"people\[1\].username"),
    ],
)
def test_the_same_person_twice_and_odd_people_are_refused(odd, fault):
    with pytest.raises(CommandError, match=fault):
        bootstrap(ANNA, odd)
    assert not User.objects.exists()


def test_it_refuses_once_there_are_people(make_member, capsys):
    make_member("carl")
    with pytest.raises(CommandError, match="There are members already"):
        bootstrap(ANNA, RITA)
    assert Member.objects.count() == 1


def test_the_first_people_have_no_password_until_they_choose_it(capsys):
    bootstrap(ANNA, RITA, base_url="https://kontor.example/")
    found = links(capsys)
    assert set(found) == {"anna", "rita"}
    assert found["anna"].startswith("https://kontor.example/connect/set-password/")
    assert log_in("anna", "").status_code == log_in("anna").status_code == 200
    assert not any(user.has_usable_password() for user in User.objects.all())


def test_a_link_opens_one_login_once(capsys):
    bootstrap(ANNA, RITA)
    address = links(capsys)["anna"]
    assert choose(address, "short").status_code == 200
    assert log_in("anna", "short").status_code == 200
    assert choose(address).status_code == 302
    assert log_in("anna").status_code == 302
    assert log_in("rita").status_code == 200
    again = Client().get(address, follow=True)
    assert b"This link has been used or has expired" in again.content
    assert Member.objects.get(user__username="anna").sees_all_contacts


def test_a_link_for_a_closed_login_opens_nothing(capsys):
    bootstrap(ANNA, RITA)
    User.objects.filter(username="anna").update(is_active=False)
    assert b"This link has been used or has expired" in Client().get(links(capsys)["anna"], follow=True).content


def test_a_link_of_one_person_does_not_open_the_login_of_another(capsys):
    bootstrap(ANNA, RITA)
    found = links(capsys)
    own, other = found["anna"].split("/"), found["rita"].split("/")
    mixed = "/".join([*own[:-1], other[-1]])
    assert b"This link has been used or has expired" in Client().get(mixed, follow=True).content
