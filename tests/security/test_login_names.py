"""Names that people log in with: nobody has that of somebody else, and people may type theirs as they like."""

import unicodedata

import pytest
from axes.models import AccessAttempt
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client, RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import system_actor
from accounts.logins import KontorLoginForm
from accounts.models import User
from accounts.usernames import login_named
from administration.services.rights import change_rights, create_login
from contacts.models import Contact
from contacts.services.logins import open_login
from core.errors import UnprocessableEntity
from core.text import is_one_line, normalized
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.concurrency import while_waiting
from tests.examples import examples
from tests.fixtures import details, without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

PASSWORD = "secret-for-tests"
OF_CLIENTS = "a long enough password"
# One name in the eyes of whoever compares by NFKC and without case.
SPELLINGS = ("fiona", "FIONA", "\ufb01ona", "ｆｉｏｎａ")


def attempt(username, password=PASSWORD):
    return Client().post("/connect/login", {"username": username, "password": password}).status_code


def with_login(contact):
    user = open_login(actor=system_actor("tests"), contact_id=contact.pk)
    user.set_password(OF_CLIENTS)
    user.save()
    return user


@pytest.fixture
def fiona(make_member):
    return make_member("fiona")


class TestNobodyTakesTheNameOfAnother:
    @pytest.mark.parametrize("name", SPELLINGS)
    def test_no_client_is_created_with_the_name_of_staff(self, fiona, app, contact_type, name):
        body = {"contactTypeId": contact_type.pk, "username": name, "details": details()}
        answer = app.post("/v1.0/contacts", body)
        assert (answer.status, answer.json["subCode"]) == (422, "UsernameNotUnique")
        assert answer.json["message"] == "This username is taken already."

    @pytest.mark.parametrize("name", SPELLINGS)
    def test_no_client_is_renamed_to_it(self, fiona, app, make_contact, name):
        contact = make_contact(username="johanna")
        answer = app.put(f"/v1.0/contacts/{contact.pk}/username", {"username": name})
        assert (answer.status, answer.json["subCode"]) == (422, "UsernameNotUnique")

    def test_nor_is_one_whose_name_follows_the_email(self, make_member, app, make_contact, settings):
        make_member("Anna@bank.example")
        contact = make_contact()
        settings.USERNAME_FROM_EMAIL = True
        body = {"details": {"contactInformation": {"email": "anna@bank.example"}}}
        answer = app.patch(f"/v1.0/contacts/{contact.pk}/details", body)
        assert (answer.status, answer.json["subCode"]) == (422, "UsernameNotUnique")

    def test_none_is_reserved_for_a_client_that_waits(self, fiona, make_member, api_of, contact_type):
        set_policy(policy([stage()], [rule("Review")]), kind="contact-creation")
        body = {"contactTypeId": contact_type.pk, "username": "FIONA", "details": details()}
        answer = api_of(make_member()).post("/v1.0/contacts", body)
        assert (answer.status, answer.json["subCode"]) == (422, "UsernameNotUnique")

    @pytest.mark.parametrize("name", SPELLINGS)
    def test_no_login_of_staff_gets_the_name_of_a_client(self, make_contact, make_member, name):
        make_contact(username="Fiona")
        actor = system_actor("tests")
        with pytest.raises(UnprocessableEntity):
            create_login(actor=actor, username=name, target={})
        with pytest.raises(UnprocessableEntity) as refused:
            change_rights(actor=actor, user_id=make_member("anna").user_id, target={"username": name})
        assert refused.value.sub_code == "ValidationFailed"

    def test_nor_one_that_is_reserved_for_a_client(self, make_member, api_of, contact_type):
        set_policy(policy([stage()], [rule("Review")]), kind="contact-creation")
        body = {"contactTypeId": contact_type.pk, "username": "fiona", "details": details()}
        assert api_of(make_member()).post("/v1.0/contacts", body).status == 202
        with pytest.raises(UnprocessableEntity):
            create_login(actor=system_actor("tests"), username="FIONA", target={})

    def test_nor_another_spelling_of_staff(self, fiona):
        with pytest.raises(UnprocessableEntity):
            create_login(actor=system_actor("tests"), username="\ufb01ona", target={})

    def test_commands_make_no_exception(self, make_contact):
        make_contact(username="fiona")
        with pytest.raises(IntegrityError), transaction.atomic():
            call_command("createsuperuser", interactive=False, username="FIONA", email="fiona@bank.example")
        people = [("FIONA", "fiona@bank.example", "F", "M"), ("rita", "rita@bank.example", "R", "R")]
        with pytest.raises(CommandError, match=r"people\[0\].username"):
            call_command("bootstrap", *(part for person in people for part in ("--person", *person)))
        assert not User.objects.filter(username__iexact="fiona").exists()

    def test_the_database_refuses_it_from_whomever_writes(self, fiona, make_contact):
        contact = make_contact(username="johanna")
        for write in (
            lambda: Contact.objects.filter(pk=contact.pk).update(username="\ufb01ona"),
            lambda: User.objects.create(username="JOHANNA"),
            lambda: User.objects.filter(pk=fiona.user_id).update(username="Johanna"),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                write()

    @pytest.mark.parametrize("form", ["contact-{}", "CONTACT-{}", "ｃontact-{}"])
    def test_no_client_gets_the_name_that_the_login_of_another_will_have(self, app, make_contact, contact_type, form):
        name = form.format(make_contact().uid)
        other = make_contact(username="mallory")
        body = {"contactTypeId": contact_type.pk, "username": name, "details": details()}
        for answer in (
            app.put(f"/v1.0/contacts/{other.pk}/username", {"username": name}),
            app.post("/v1.0/contacts", body),
        ):
            assert (answer.status, answer.json["subCode"]) == (422, "UsernameNotUnique")

    def test_a_client_that_becomes_staff_keeps_its_name(self, make_contact):
        user = with_login(make_contact(username="johanna"))
        User.objects.filter(pk=user.pk).update(username="johanna")
        assert login_named("Johanna") == user


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_a_name_at_once_one_gets_it(make_contact):
    """The second waits for the first, and sees what it has written."""
    contact = make_contact(username="johanna")

    def renamed():
        try:
            Contact.objects.filter(pk=contact.pk).update(username="FIONA")
        except IntegrityError:
            return "refused"
        return "written"

    assert while_waiting(renamed, before=lambda: User.objects.create(username="fiona")) == "refused"
    connection.close()
    assert User.objects.filter(username="fiona").exists()


class TestTyping:
    @pytest.mark.parametrize("typed", ["anna", "Anna", "ANNA", " anna ", "ａｎｎａ"])
    def test_staff_log_in_whatever_the_case_of_their_name_without_a_count(self, make_member, typed):
        make_member("anna")
        assert attempt(typed) == 302
        assert not AccessAttempt.objects.exists()

    @pytest.mark.parametrize("stored", ["\ufb01ona", unicodedata.normalize("NFD", "zoé"), "zoé", "Σίσυφος"])
    def test_names_with_ligatures_or_in_several_code_points_open(self, make_member, make_contact, stored):
        member = make_member("somebody")
        User.objects.filter(pk=member.user_id).update(username=stored)
        for typed in (stored, unicodedata.normalize("NFC", stored), unicodedata.normalize("NFKC", stored).upper()):
            assert attempt(typed) == 302

    def test_so_do_those_of_clients(self, make_contact):
        with_login(make_contact(username="\ufb01ona"))
        assert {attempt(typed, OF_CLIENTS) for typed in ("\ufb01ona", "Fiona")} == {302}

    @pytest.mark.parametrize("stored", ["नी\u200dता", "می\u200cنا", "anna  b", "a\u00a0 b"])
    def test_joiners_and_spaces_inside_of_a_name_are_part_of_it(self, make_contact, stored):
        other = with_login(make_contact(username="".join(stored.split()).replace("\u200c", "").replace("\u200d", "")))
        user = with_login(make_contact(username=stored))
        assert attempt(stored, OF_CLIENTS) == attempt(f" {stored}\n", OF_CLIENTS) == 302
        assert login_named(stored) == login_named(stored.upper()) == user != other

    @settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        stored=st.text(
            st.sampled_from("aÅßſς ﬁ\u0308\u200c\u200dनी\u00a0\u2003.") | st.characters(exclude_categories=["C"]),
            min_size=1,
            max_size=8,
        )
        .map(normalized)
        .filter(lambda text: bool(text) and is_one_line(text))
    )
    def test_whatever_name_is_stored_opens_as_it_is_typed(self, app, make_contact, stored):
        with transaction.atomic():
            contact = make_contact(username="somebody")
            assert app.put(f"/v1.0/contacts/{contact.pk}/username", {"username": stored}).status == 204
            user = open_login(actor=system_actor("tests"), contact_id=contact.pk)
            for typed in (stored, f" {stored} ", unicodedata.normalize("NFD", stored), f"\x00{stored}\ud800"):
                assert login_named(typed) == user
            transaction.set_rollback(True)

    def test_of_names_from_before_that_are_alike_each_opens_as_it_is_spelled(self, make_contact):
        first, second = (with_login(make_contact(username=name)) for name in ("johanna", "other"))
        with without_triggers():
            Contact.objects.filter(username="other").update(username="ｊohanna")
        assert (login_named("johanna"), login_named("ｊohanna")) == (first, second)


class TestCounting:
    def test_a_client_does_not_reset_the_lock_of_staff_with_its_own_logins(self, fiona, make_contact):
        client = make_contact(username="johanna")
        with_login(client)
        for _number in range(4):
            attempt("fiona", "guess")
        # A name from before, when a client could have taken it.
        with without_triggers():
            Contact.objects.filter(username="johanna").update(username="Fiona")
        assert attempt("Fiona", OF_CLIENTS) == 302
        assert attempt("fiona", "guess") == 429
        assert attempt("fiona") == 429

    def test_whichever_name_is_tried_failures_count_for_the_login(self, make_contact):
        user = with_login(make_contact(username="johanna"))
        names = ("johanna", "JOHANNA", user.username, "ｊohanna", user.username.upper())
        assert [attempt(name, "guess") for name in names] == [200] * 4 + [429]
        assert attempt("johanna", OF_CLIENTS) == 429

    def test_a_thousand_guesses_with_right_logins_between_them_open_nothing(self, make_member, make_contact, settings):
        settings.BEHIND_PROXY = True
        names = [f"person-{number}" for number in range(10)]
        for name in names[:5]:
            make_member(name)
        for name in names[5:]:
            with_login(make_contact(username=name))
        with_login(make_contact(username="johanna"))
        is_locked = {name: [] for name in (*names, "nobody", "no-one")}
        for number in range(1_000):
            name = [*is_locked][number % len(is_locked)]
            body = {"username": name.upper() if number % 3 else name, "password": f"guess-{number}"}
            # Of the page nothing but the form, for the time that this takes.
            request = RequestFactory().post(
                "/connect/login", body, headers={"x_forwarded_for": f"192.0.2.{number % 250}"}
            )
            assert not KontorLoginForm(request, data=body).is_valid()
            is_locked[name].append(bool(request.axes_locked_out))
            if number % 25 == 0:
                assert attempt("Johanna", OF_CLIENTS) == 302
        assert all(locked[:4] == [False] * 4 and all(locked[4:]) for locked in is_locked.values())
        assert {attempt(name) for name in names[:5]} == {429}
        assert {attempt(name, OF_CLIENTS) for name in names[5:]} == {429}
