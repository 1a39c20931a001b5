"""Passwords are chosen by their owners: by a link to the login's own address, or with the present password."""

import re

import pytest
from axes.models import AccessAttempt
from django.core import mail
from django.test import Client

from accounts.actor import system_actor
from accounts.models import Notice, User
from accounts.password_links import password_link
from administration.notices import deliver_notice, overdue_notices
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.delivery import deliver_key
from contacts.services.logins import open_login
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.fixtures import WORK, details

pytestmark = pytest.mark.django_db

PASSWORD = "secret-for-tests"
CHOSEN = "chosen-by-the-owner-1"
FORGOTTEN, CHANGE = "/connect/forgotten-password", "/connect/change-password"
EMAIL = "johanna@client.example"


@pytest.fixture(autouse=True)
def _address_of_pages(settings):
    settings.PUBLIC_URL = "https://kontor.example"


@pytest.fixture
def anna(make_member):
    member = make_member("anna")
    User.objects.filter(pk=member.user_id).update(email="anna@bank.example")
    return member


def ask(username, **headers):
    return Client(headers=headers).post(FORGOTTEN, {"username": username})


def sent_mails():
    """Deliver what is due, as the workers would; return the new mails."""
    mail.outbox.clear()
    for pk in Notice.objects.filter(is_due=True).order_by("pk").values_list("pk", flat=True):
        deliver_notice(pk)
    return mail.outbox


def link_in(message):
    return re.search(r"https://kontor\.example(/\S+)", message.body)[1]


def opened(link):
    """The form behind the link in a new browser, and its address; no address if the link is not good any more."""
    browser = Client()
    page = browser.get(link, follow=True)
    return browser, page.redirect_chain[-1][0] if page.redirect_chain else None


def choose(link, password=CHOSEN):
    browser, address = opened(link)
    sent = {"new_password1": password, "new_password2": password}
    return address is not None and browser.post(address, sent).status_code == 302


def may_log_in(username, password):
    return Client().post("/connect/login", {"username": username, "password": password}).status_code == 302


def log_in(username, password=PASSWORD):
    browser = Client()
    assert browser.post("/connect/login", {"username": username, "password": password}).status_code == 302
    return browser


def change_address(api, contact, address):
    body = {"details": {"contactInformation": {"email": address}}}
    assert api.patch(f"/v1.0/contacts/{contact.pk}/details", body).json["hasPendingEmail"]


def verify_address(api, contact):
    deliver_key(contact.channels.get().pk)
    key = re.search(r"\b\d{6}\b", mail.outbox[-1].body)[0]
    body = {"channel": "Email", "key": key}
    assert api.post(f"/v1.0/contacts/{contact.pk}/communication-verification/verify", body).status == 204


class TestForgotten:
    def test_the_answer_is_the_same_whether_there_is_such_a_login(self, anna, make_member, make_contact):
        make_member("without-address")
        closed = make_member("closed")
        User.objects.filter(pk=closed.user_id).update(email="closed@bank.example", is_active=False)
        make_contact(username="johanna")
        make_contact(details(contactInformation={"email": EMAIL}), username="jeremias")
        names = ("anna", "nobody", "without-address", "closed", "johanna", "jeremias", "x" * 254)
        answers = [re.sub(r"csrf\S+", "", ask(name).content.decode()) for name in names]
        assert len(set(answers)) == 1
        assert "If there is a login with this name" in answers[0]
        assert [message.to for message in sent_mails()] == [["anna@bank.example"], [EMAIL]]

    def test_nor_whether_another_client_has_the_name_of_its_login(self, make_contact, caplog):
        client = make_contact(details(contactInformation={"email": EMAIL}), username="jeremias")
        # By a version of before: the doors refuse it.
        Contact.objects.filter(pk=make_contact().pk).update(username=f"contact-{client.uid}")
        answers = [re.sub(r"csrf\S+", "", ask(name).content.decode()) for name in ("jeremias", "nobody")]
        assert answers[0] == answers[1]
        assert sent_mails() == []
        assert "login_not_opened" in caplog.text

    def test_the_link_goes_to_the_address_of_the_login_and_sets_the_password_once(self, anna):
        ask(" ANNA ")
        (message,) = sent_mails()
        assert message.to == ["anna@bank.example"]
        link = link_in(message)
        assert choose(link)
        assert may_log_in("anna", CHOSEN)
        assert not choose(link, "another-secret-for-1")
        assert may_log_in("anna", CHOSEN)

    def test_the_mail_is_in_the_language_of_the_person(self, anna):
        Client(headers={"accept_language": "de"}).post("/connect/login", {"username": "anna", "password": PASSWORD})
        ask("anna", accept_language="fr")
        assert sent_mails()[0].subject == "Legen Sie Ihr Passwort fest"

    def test_who_has_never_logged_in_gets_it_in_the_language_that_it_asks_in(self, anna):
        ask("anna", accept_language="de")
        assert sent_mails()[0].subject == "Legen Sie Ihr Passwort fest"

    def test_a_login_gets_few_of_them_and_nobody_learns_when(self, anna, settings):
        answers = {ask("anna").content.decode().count("If there is a login") for _number in range(6)}
        assert answers == {1}
        assert len(sent_mails()) == settings.PASSWORD_LINKS_AN_HOUR == 3

    def test_an_address_asks_for_few_whatever_the_names(self, settings):
        settings.PASSWORD_LINK_RATE, settings.BEHIND_PROXY = "5/day", True
        answers = [ask(f"person-{number}", x_forwarded_for="192.0.2.231") for number in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert int(answers[-1]["Retry-After"]) > 0
        assert ask("anna", x_forwarded_for="192.0.2.232").status_code == 200

    def test_it_opens_a_locked_login(self, anna):
        for _number in range(5):
            Client().post("/connect/login", {"username": "anna", "password": "guess"})
        assert not may_log_in("anna", PASSWORD)
        ask("anna")
        assert choose(link_in(sent_mails()[0]))
        assert may_log_in("anna", CHOSEN)

    def test_the_page_of_a_locked_login_says_what_helps(self, anna):
        for _number in range(5):
            page = Client().post("/connect/login", {"username": "anna", "password": "guess"})
        assert (page.status_code, FORGOTTEN in page.content.decode()) == (429, True)
        assert "An administrator of logins can also unlock it." in page.content.decode()

    def test_what_is_no_name_is_refused(self):
        for name in ("", "x" * 255, "\x00"):
            assert 'role="alert"' in ask(name).content.decode()
        assert not Notice.objects.exists()

    def test_without_an_address_of_pages_nothing_is_sent(self, anna, settings):
        settings.PUBLIC_URL = ""
        assert ask("anna").status_code == 200
        assert not Notice.objects.exists()
        assert list(overdue_notices()) == []


class TestEndOfLinks:
    @pytest.fixture
    def link(self, anna):
        return password_link(User.objects.get(pk=anna.user_id))

    def test_a_login_ends_them(self, anna, link):
        log_in("anna")
        assert not choose(link)

    def test_another_password_ends_them(self, anna, link):
        other = password_link(User.objects.get(pk=anna.user_id))
        assert choose(other)
        assert not choose(link)

    def test_another_address_ends_them(self, anna, link):
        User.objects.filter(pk=anna.user_id).update(email="other@bank.example")
        assert not choose(link)

    def test_a_closed_login_has_none_and_gets_none_back_when_it_opens(self, anna, link, make_member, admin_of):
        boss = admin_of(make_member("boss", is_superuser=True))
        page = f"/admin/accounts/user/{anna.user_id}/change/"
        form = {"username": "anna", "email": "anna@bank.example", "is_staff": "on"}
        boss.post(page, form)
        assert not User.objects.get(pk=anna.user_id).is_active
        assert not choose(link)
        User.objects.filter(pk=anna.user_id).update(is_active=True)
        assert not choose(link)

    def test_one_that_is_open_in_a_browser_ends_too(self, anna, link):
        browser, address = opened(link)
        User.objects.filter(pk=anna.user_id).update(email="other@bank.example")
        browser.post(address, {"new_password1": CHOSEN, "new_password2": CHOSEN})
        assert not may_log_in("anna", CHOSEN)


class TestChanging:
    def test_nobody_changes_a_password_who_is_not_logged_in(self):
        assert Client().get(CHANGE)["Location"].startswith("/connect/login")

    @pytest.mark.parametrize("address", [CHANGE, "/admin/password_change/"])
    def test_it_takes_the_present_one_and_guesses_are_counted(self, anna, address):
        browser = log_in("anna")
        sent = {"new_password1": CHOSEN, "new_password2": CHOSEN}
        answers = [browser.post(address, {**sent, "old_password": "guess"}).status_code for _number in range(5)]
        assert answers == [200] * 4 + [429]
        assert "Too many failed attempts" in browser.post(address, {**sent, "old_password": PASSWORD}).content.decode()
        assert not may_log_in("anna", CHOSEN)
        kept = str([*AccessAttempt.objects.values()])
        assert not any(secret in kept for secret in (PASSWORD, CHOSEN, "guess", "anna"))

    def test_with_it_the_owner_sets_another(self, anna):
        browser = log_in("anna")
        sent = {"old_password": PASSWORD, "new_password1": CHOSEN, "new_password2": CHOSEN}
        assert "Your password is changed." in browser.post(CHANGE, sent, follow=True).content.decode()
        assert may_log_in("anna", CHOSEN)

    def test_clients_do_so_too(self, make_contact):
        user = open_login(actor=system_actor("tests"), contact_id=make_contact(username="johanna").pk)
        user.set_password(PASSWORD)
        user.save()
        sent = {"old_password": PASSWORD, "new_password1": CHOSEN, "new_password2": CHOSEN}
        assert log_in("johanna").post(CHANGE, sent).status_code == 302
        assert may_log_in("johanna", CHOSEN)

    def test_the_second_factor_stands_before_it(self, anna, admin_of, settings):
        settings.REQUIRE_SECOND_FACTOR = True
        assert admin_of(anna).get(CHANGE)["Location"].startswith("/connect/second-factor")


class TestClients:
    """A link goes only to an address that the client, an application or two people have made what it is."""

    def email(self, **contact):
        return details(contactInformation={"email": EMAIL, **contact})

    @pytest.fixture
    def rita(self, make_member):
        return make_member("rita", reviews=True, sees_all_contacts=True)

    def test_a_member_makes_no_puppet_of_a_client_that_it_creates(self, make_member, make_contact, actor_of):
        make_contact(self.email(), username="johanna", actor=actor_of(make_member("mallory")))
        ask("johanna")
        assert not Notice.objects.exists()
        assert not User.objects.filter(contact__isnull=False).exists()

    def test_nor_of_one_whose_address_it_changes(self, make_member, make_contact, api_of):
        contact = make_contact(self.email(), username="johanna")
        change_address(api_of(make_member("mallory", sees_all_contacts=True)), contact, "mallory@elsewhere.example")
        ask("johanna")
        assert [message.to for message in sent_mails()] == [[EMAIL]]
        # Nor later, by an application that takes keys from anybody.
        assert not contact.channels.pending().exists()

    def test_nor_of_one_whose_address_it_changes_and_verifies(self, make_member, make_contact, api_of):
        """A client without a login may tell a member the key on the phone; that does not open the login."""
        contact = make_contact(self.email(), username="johanna")
        mallory = api_of(make_member("mallory", sees_all_contacts=True))
        change_address(mallory, contact, "mallory@elsewhere.example")
        verify_address(mallory, contact)
        ask("johanna")
        assert sent_mails() == []

    def test_an_address_that_an_application_verified_counts(self, app, make_contact, make_member, actor_of):
        contact = make_contact(self.email(), username="johanna", actor=actor_of(make_member("mia")))
        change_address(app, contact, "other@client.example")
        verify_address(app, contact)
        ask("johanna")
        assert [message.to for message in sent_mails()] == [["other@client.example"]]

    def test_a_client_that_an_application_created_opens_its_login_itself(self, make_contact):
        make_contact(self.email(), username="Johanna")
        ask("johanna")
        (message,) = sent_mails()
        assert message.to == [EMAIL]
        assert "Johanna" in message.body
        assert choose(link_in(message))
        assert may_log_in("johanna", CHOSEN)

    def test_an_address_that_somebody_else_approved_counts(self, make_member, rita, api_of, contact_type):
        set_policy(policy([stage()], [rule("Review")]), kind="contact-creation")
        body = {"contactTypeId": contact_type.pk, "username": "johanna", "details": self.email()}
        assert api_of(make_member("mia", permissions=[*WORK, "add_contact"])).post("/v1.0/contacts", body).status == 202
        approve(rita, waiting())
        ask("johanna")
        assert [message.to for message in sent_mails()] == [[EMAIL]]

    def test_an_anonymized_client_gets_none(self, make_contact):
        contact = make_contact(self.email(), username="johanna")
        open_login(actor=system_actor("tests"), contact_id=contact.pk)
        anonymize_contacts(actor=system_actor("tests"), contact_ids=[contact.pk])
        ask("johanna")
        assert not Notice.objects.exists()

    def test_the_link_ends_when_the_address_changes(self, app, make_contact):
        contact = make_contact(self.email(), username="johanna")
        link = password_link(open_login(actor=system_actor("tests"), contact_id=contact.pk))
        change_address(app, contact, "other@client.example")
        verify_address(app, contact)
        assert not choose(link)


def test_links_and_sessions_survive_another_secret_key_while_the_former_one_is_known(anna, make_member, settings):
    link = password_link(User.objects.get(pk=anna.user_id))
    browsers = [log_in(make_member(name).user.username) for name in ("ben", "carl")]
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 10
    assert opened(link)[1] is None
    assert browsers[0].get("/admin/").status_code == 302
    settings.SECRET_KEY_FALLBACKS = [former]
    assert choose(link)
    assert browsers[1].get("/admin/").status_code == 200
    # A session that was used meanwhile needs the former key no longer.
    settings.SECRET_KEY_FALLBACKS = []
    assert browsers[1].get("/admin/").status_code == 200
