"""Verified channels: a new address takes effect when its owner confirms the key sent to it."""

import re
from contextlib import nullcontext
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from contacts.models import CONTACT_DETAILS, Channel, ChannelKind
from contacts.services.delivery import deliver_key
from contacts.sms import SmsNotSentError
from contacts.tasks import send_due_keys
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.fixtures import details

pytestmark = pytest.mark.django_db
OLD, NEW = "old@example.com", "new@example.com"


@pytest.fixture
def contact(make_contact):
    return make_contact(details(contactInformation={"email": OLD}))


@pytest.fixture
def client(contact, api_of):
    """The contact itself, through an application."""
    return api_of(contact)


@pytest.fixture
def pending(contact, client):
    submit(client, contact, NEW)
    return contact


def submit(api, contact, address, **headers):
    return api.patch(
        f"/v1.0/contacts/{contact.pk}/details", {"details": {"contactInformation": {"email": address}}}, **headers
    )


def call(api, contact, operation, **body):
    return api.post(f"/v1.0/contacts/{contact.pk}/communication-verification/{operation}", {"channel": "Email", **body})


def delivered_key(contact):
    """Sends what is due, as the worker does, and reads the key in the last message."""
    deliver_key(contact.channels.get().pk)
    return re.search(r"\b\d{6}\b", mail.outbox[-1].body).group()


def wrong(key):
    return f"{(int(key) + 1) % 10**6:06}"


def later(contact, **delta):
    """Moves everything that the channel remembers into the past."""
    channel, by = contact.channels.get(), timedelta(**delta)
    channel.keys_requested_at = [moment - by for moment in channel.keys_requested_at]
    channel.key_expires_at = channel.key_expires_at and channel.key_expires_at - by
    channel.locked_until = channel.locked_until and channel.locked_until - by
    channel.requested_at -= by
    channel.save()


def email_of(contact, api):
    return api.get(f"/v1.0/contacts/{contact.pk}/details").json["details"]["contactInformation"]["email"]


class TestVerifying:
    @pytest.mark.parametrize("operation", ["verify", "resend", "discontinue"])
    def test_nothing_pending_is_said_so(self, contact, client, operation):
        body = {"key": "123456"} if operation == "verify" else {}
        answer = call(client, contact, operation, **body)
        assert (answer.status, answer.sub_code) == (422, "NothingPending")

    @pytest.mark.parametrize("operation", ["verify", "resend", "discontinue"])
    def test_the_channel_of_an_invisible_contact_is_not_found(self, pending, make_member, api_of, operation):
        body = {"key": "123456"} if operation == "verify" else {}
        assert call(api_of(make_member()), pending, operation, **body).status == 404

    def test_the_key_makes_the_address_take_effect_and_the_history_names_who_gave_it(self, pending, client):
        key = delivered_key(pending)
        assert mail.outbox[-1].to == [NEW]
        assert call(client, pending, "verify", key=key).status == 204
        read = client.get(f"/v1.0/contacts/{pending.pk}/details").json
        assert (read["hasPendingEmail"], read["details"]["contactInformation"]["email"]) == (False, NEW)
        made = pending.entries.first()
        assert (made.initiator_contact, made.sequence) == (pending, 2)
        assert made.changes == [{"path": "contactInformation.email", "original": OLD, "target": NEW}]
        assert call(client, pending, "verify", key=key).sub_code == "NothingPending"

    def test_the_key_is_nowhere_kept(self, pending):
        key = delivered_key(pending)
        row = Channel.objects.values().get()
        assert key not in str(row)
        assert len(row["key_hash"]) == 64

    def test_a_wrong_key_does_not_match(self, pending, client):
        answer = call(client, pending, "verify", key=wrong(delivered_key(pending)))
        assert (answer.status, answer.sub_code) == (422, "KeyNoMatch")
        assert email_of(pending, client) == OLD

    @pytest.mark.parametrize("key", [None, "abc", "12345", "123 45", "½23456", "0" * 20])
    def test_what_has_the_form_of_no_key_costs_no_attempt(self, pending, client, key):
        right = delivered_key(pending)
        for _attempt in range(6):
            assert call(client, pending, "verify", key=key).sub_code == "KeyNoMatch"
        assert call(client, pending, "verify", key=right).status == 204

    @pytest.mark.parametrize("separator", [" ", "-", "\u00a0", "–", "\u200b"])
    def test_a_key_is_right_however_it_is_typed(self, pending, client, separator):
        key = delivered_key(pending)
        typed = separator.join((key[:3], key[3:].translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))))
        assert call(client, pending, "verify", key=typed).status == 204

    def test_after_five_wrong_keys_the_right_one_is_no_good_either(self, pending, client):
        key = delivered_key(pending)
        codes = [call(client, pending, "verify", key=wrong(key)).sub_code for _ in range(6)]
        assert codes == ["KeyNoMatch"] * 5 + ["KeyExpired"]
        answer = call(client, pending, "verify", key=key)
        assert (answer.status, answer.sub_code) == (422, "KeyExpired")
        assert "in 60 minutes" in answer.json["message"]
        assert 3540 < int(answer.headers["Retry-After"]) <= 3600
        later(pending, minutes=61)
        answer = call(client, pending, "verify", key=key)
        assert (answer.sub_code, answer.headers.get("Retry-After")) == ("KeyExpired", None)

    def test_a_key_expires_after_fifteen_minutes(self, pending, client):
        key = delivered_key(pending)
        later(pending, minutes=15)
        assert call(client, pending, "verify", key=key).sub_code == "KeyExpired"

    def test_a_key_survives_another_secret_key_while_the_former_one_is_known(self, pending, client, settings):
        key, former = delivered_key(pending), settings.SECRET_KEY
        settings.SECRET_KEY = "another" * 10
        assert call(client, pending, "verify", key=key).json["subCode"] == "KeyNoMatch"
        settings.SECRET_KEY_FALLBACKS = [former]
        assert call(client, pending, "verify", key=wrong(key)).json["subCode"] == "KeyNoMatch"
        assert call(client, pending, "verify", key=key).status == 204

    def test_an_unknown_channel_is_refused(self, pending, client):
        path = f"/v1.0/contacts/{pending.pk}/communication-verification/verify"
        assert client.post(path, {"channel": "Fax", "key": "1"}).places == {"channel"}

    def test_the_wrong_channel_has_nothing_pending(self, pending, client):
        path = f"/v1.0/contacts/{pending.pk}/communication-verification/verify"
        assert client.post(path, {"channel": "Mobile", "key": "1"}).sub_code == "NothingPending"


class TestResending:
    def test_a_new_key_replaces_the_one_before_it(self, pending, client):
        first = delivered_key(pending)
        later(pending, minutes=1)
        assert call(client, pending, "resend").status == 204
        second = delivered_key(pending)
        if first != second:
            assert call(client, pending, "verify", key=first).sub_code == "KeyNoMatch"
        assert call(client, pending, "verify", key=second).status == 204

    def test_at_most_one_a_minute(self, pending, client):
        answer = call(client, pending, "resend")
        assert (answer.status, answer.json["code"]) == (429, "TooManyRequests")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60

    def test_at_most_ten_an_hour(self, pending, client):
        for _ in range(9):
            later(pending, minutes=2)
            assert call(client, pending, "resend").status == 204
        later(pending, minutes=2)
        answer = call(client, pending, "resend")
        assert answer.status == 429
        assert 60 < int(answer.headers["Retry-After"]) <= 3600

    def test_attempts_are_not_given_back_by_another_key(self, pending, client):
        for _ in range(4):
            call(client, pending, "verify", key="000000")
        later(pending, minutes=1)
        call(client, pending, "resend")
        key = delivered_key(pending)
        assert call(client, pending, "verify", key=wrong(key)).sub_code == "KeyNoMatch"
        assert call(client, pending, "verify", key=key).sub_code == "KeyExpired"

    def test_a_locked_channel_opens_after_the_cool_down(self, pending, client):
        for _ in range(5):
            call(client, pending, "verify", key="000000")
        later(pending, minutes=5)
        refused = call(client, pending, "resend")
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) > 60
        later(pending, hours=1)
        assert call(client, pending, "resend").status == 204
        assert call(client, pending, "verify", key=delivered_key(pending)).status == 204

    def test_a_locked_channel_opens_with_another_address(self, pending, client):
        for _ in range(5):
            call(client, pending, "verify", key="000000")
        later(pending, minutes=1)
        submit(client, pending, "other@example.com")
        assert call(client, pending, "verify", key=delivered_key(pending)).status == 204
        assert email_of(pending, client) == "other@example.com"

    def test_submitting_again_and_again_does_not_get_more_keys_than_resending(self, contact, client):
        answers = [submit(client, contact, f"new{number}@example.com").status for number in range(11)]
        assert answers == [200] * 10 + [429]

    def test_of_many_addresses_in_one_second_two_get_a_key_a_minute_apart(self, contact, client):
        for number in range(10):
            submit(client, contact, f"new{number}@example.com")
            deliver_key(contact.channels.get().pk)
        assert [message.to for message in mail.outbox] == [["new0@example.com"]]
        send_due_keys()
        later(contact, minutes=1)
        deliver_key(contact.channels.get().pk)
        assert [message.to for message in mail.outbox[1:]] == [["new9@example.com"]]

    def test_a_key_that_is_put_off_is_asked_for_when_its_time_has_come(
        self, pending, client, celery_messages, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            submit(client, pending, "other@example.com")
        assert celery_messages() == [("contacts.tasks.send_key", [pending.channels.get().pk])]
        assert pending.channels.get().is_put_off


class TestKeysOfOneAddress:
    """Whoever asks for them: keys of many contacts could fill the mailbox of somebody who is none of them."""

    @pytest.fixture
    def clients(self, make_contact, api_of, settings):
        settings.KEY_RATE = "2/day"
        contacts = [make_contact() for _ in range(3)]
        return [(contact, api_of(contact)) for contact in contacts]

    @pytest.fixture
    def victim(self):
        return f"{uuid4()}@example.com"

    def test_they_are_counted_over_all_contacts_and_the_rest_is_put_off(self, clients, victim):
        for number, (contact, api) in enumerate(clients):
            submitted = submit(api, contact, victim.upper() if number else victim)
            assert (submitted.status, submitted.json["hasPendingEmail"]) == (200, True)
            deliver_key(contact.channels.get().pk)
        assert len(mail.outbox) == 2
        assert [contact.channels.get().is_put_off for contact, _api in clients] == [False, False, True]

    def test_one_number_counts_once_however_it_is_written(self, clients):
        subscriber = f"{uuid4().int % 10**7:07}"
        written = (f"+4179{subscriber}", f"079 {subscriber[:3]} {subscriber[3:]}", f"0041 79 {subscriber}")
        for number, (contact, api) in zip(written, clients, strict=True):
            answer = api.patch(f"/v1.0/contacts/{contact.pk}/details", mobile(number))
            assert answer.json["hasPendingMobile"] is True
            deliver_key(contact.channels.get().pk)
        assert [contact.channels.get().is_put_off for contact, _api in clients] == [False, False, True]

    def test_those_that_did_not_go_out_do_not_count(self, clients, victim, settings):
        backend = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        (contact, api), *_others = clients
        submit(api, contact, victim)
        for _ in range(3):
            with pytest.raises(OSError, match="refused"):
                deliver_key(contact.channels.get().pk)
        settings.EMAIL_BACKEND = backend
        deliver_key(contact.channels.get().pk)
        assert len(mail.outbox) == 1


class TestApprovals:
    """A reviewer must not pay for the keys that a client has used up."""

    @pytest.fixture
    def asked(self, contact, client, make_member, api_of):
        set_policy(policy([stage()], [rule("Review")]), kind=CONTACT_DETAILS)
        mia = make_member("mia", sees_all_contacts=True)
        values = {"contactInformation": {"email": NEW}, "personalInformation": {"lastName": "Alm"}}
        answer = api_of(mia).patch(f"/v1.0/contacts/{contact.pk}/details", {"details": values})
        assert answer.json["isApprovalRequired"] is True
        for number in range(10):
            submit(client, contact, f"new{number}@example.com")
        assert submit(client, contact, "new10@example.com").status == 429
        return waiting()

    def test_an_approval_takes_effect_and_its_key_goes_out_when_the_budget_allows(self, contact, asked, make_member):
        approve(make_member("rita", reviews=True, sees_all_contacts=True), asked)
        contact.refresh_from_db()
        channel = contact.channels.get()
        assert contact.details["personalInformation"]["lastName"] == "Alm"
        assert (channel.pending_value, channel.is_put_off) == (NEW, True)
        deliver_key(channel.pk)
        assert mail.outbox == []
        later(contact, hours=1)
        deliver_key(channel.pk)
        assert mail.outbox[-1].to == [NEW]


def test_discontinuing_forgets_the_address_and_its_key(pending, client):
    key = delivered_key(pending)
    assert call(client, pending, "discontinue").status == 204
    assert client.get(f"/v1.0/contacts/{pending.pk}/details").json["hasPendingEmail"] is False
    assert call(client, pending, "verify", key=key).sub_code == "NothingPending"
    row = Channel.objects.get()
    assert (row.pending_value, row.key_hash) == (None, "")


def test_a_username_that_was_taken_meanwhile_keeps_the_address_pending(make_contact, api_of, settings):
    contact = make_contact(details(contactInformation={"email": OLD}), username=OLD)
    settings.USERNAME_FROM_EMAIL = True
    client = api_of(contact)
    submit(client, contact, NEW)
    key = delivered_key(contact)
    make_contact(details(contactInformation={"email": NEW.upper()}), username=NEW.upper())
    answer = call(client, contact, "verify", key=key)
    assert (answer.status, answer.sub_code) == (422, "UsernameNotUnique")
    read = client.get(f"/v1.0/contacts/{contact.pk}/details").json
    assert (read["hasPendingEmail"], read["details"]["contactInformation"]["email"]) == (True, OLD)


def test_the_username_follows_a_verified_email(make_contact, api_of, settings):
    contact = make_contact(details(contactInformation={"email": OLD}), username=OLD)
    settings.USERNAME_FROM_EMAIL = True
    client = api_of(contact)
    submit(client, contact, NEW)
    assert client.get(f"/v1.0/contacts/{contact.pk}/username").json == {"username": OLD}
    assert call(client, contact, "verify", key=delivered_key(contact)).status == 204
    assert client.get(f"/v1.0/contacts/{contact.pk}/username").json == {"username": NEW}


def test_the_message_speaks_the_language_of_the_submission(contact, client):
    submit(client, contact, NEW, accept_language="de")
    delivered_key(contact)
    assert mail.outbox[-1].subject == "Ihr Bestätigungsschlüssel"


def test_a_message_to_an_international_domain_goes_to_the_domain_that_was_written(contact, client):
    submit(client, contact, "anna@straße.example")
    delivered_key(contact)
    assert mail.outbox[-1].to == ["anna@xn--strae-oqa.example"]


def mobile(number):
    return {"details": {"contactInformation": {"mobile": number}}}


class TestMobile:
    def test_a_key_goes_out_by_the_sms_backend(self, contact, client, capsys):
        path = f"/v1.0/contacts/{contact.pk}/details"
        answer = client.patch(path, {"details": {"contactInformation": {"mobile": "+41791234567"}}})
        assert answer.json["hasPendingMobile"] is True
        deliver_key(Channel.objects.get(kind=ChannelKind.MOBILE).pk)
        printed = capsys.readouterr().out
        assert printed.startswith("SMS to +41791234567: ")
        key = re.search(r"\b\d{6}\b", printed).group()
        verify = f"/v1.0/contacts/{contact.pk}/communication-verification/verify"
        assert client.post(verify, {"channel": "Mobile", "key": key}).status == 204
        assert client.get(path).json["details"]["contactInformation"]["mobile"] == "+41791234567"

    def test_a_number_is_kept_as_written_and_the_key_goes_to_what_it_dials(self, contact, client, capsys):
        path, written = f"/v1.0/contacts/{contact.pk}/details", "079\u00a0123 45–67"
        assert client.patch(path, mobile(written)).json["hasPendingMobile"] is True
        deliver_key(Channel.objects.get(kind=ChannelKind.MOBILE).pk)
        printed = capsys.readouterr().out
        assert printed.startswith("SMS to +41791234567: ")
        key = re.search(r"\b\d{6}\b", printed).group()
        verify = f"/v1.0/contacts/{contact.pk}/communication-verification/verify"
        assert client.post(verify, {"channel": "Mobile", "key": key}).status == 204
        assert client.get(path).json["details"]["contactInformation"]["mobile"] == written

    def test_the_same_number_written_in_another_way_needs_no_key_and_another_one_does(self, make_contact, api_of):
        contact = make_contact(details(contactInformation={"mobile": "+41791234567"}))
        client, path = api_of(contact), f"/v1.0/contacts/{contact.pk}/details"
        assert client.patch(path, mobile("079 123 45 68")).json["hasPendingMobile"] is True
        assert client.patch(path, mobile("079 123 45 67")).json["hasPendingMobile"] is False
        assert client.get(path).json["details"]["contactInformation"]["mobile"] == "079 123 45 67"

    def test_the_http_gateway_gets_the_message_and_a_refusal_leaves_the_key_due(
        self, contact, client, settings, http_gateway
    ):
        settings.SMS_BACKEND = "contacts.sms.HttpGatewayBackend"
        settings.SMS_GATEWAY_URL, settings.SMS_GATEWAY_TOKEN = http_gateway.url, "gateway-token"
        client.patch(
            f"/v1.0/contacts/{contact.pk}/details", {"details": {"contactInformation": {"mobile": "+41791234567"}}}
        )
        channel = Channel.objects.get()
        http_gateway.status = 503
        with pytest.raises(Exception, match="did not take the message"):
            deliver_key(channel.pk)
        channel.refresh_from_db()
        assert (channel.is_key_due, channel.claimed_at) == (True, None)
        http_gateway.status = 200
        deliver_key(channel.pk)
        authorization, message = http_gateway.received[-1]
        assert authorization == "Bearer gateway-token"
        assert (message["to"], bool(re.search(r"\d{6}", message["text"]))) == ("+41791234567", True)
        channel.refresh_from_db()
        assert channel.is_key_due is False


class TestRefusals:
    """What the mail server or the gateway refuses for good is not tried again."""

    @pytest.mark.parametrize("answer", ["550 5.1.1 User unknown", "553 Mailbox name not allowed"])
    def test_an_address_that_is_refused_is_not_tried_again(self, pending, mailbox, celery_messages, answer):
        mailbox.refusals[NEW] = answer
        deliver_key(pending.channels.get().pk)
        channel = pending.channels.get()
        assert (channel.is_key_due, channel.claimed_at, channel.is_refused) == (False, None, True)
        later(pending, minutes=3)
        send_due_keys()
        assert celery_messages() == []

    @pytest.mark.parametrize("answer", ["450 4.2.1 Busy", "451 Try again", "530 Authentication required"])
    def test_what_may_pass_is_tried_again(self, pending, mailbox, answer):
        mailbox.refusals[NEW] = answer
        with pytest.raises(SMTPRecipientsRefused):
            deliver_key(pending.channels.get().pk)
        channel = pending.channels.get()
        assert (channel.is_key_due, channel.is_refused) == (True, False)

    def test_the_client_is_told_and_another_key_or_address_may_help(self, pending, client, mailbox):
        mailbox.refusals[NEW] = "550 5.1.1 User unknown"
        deliver_key(pending.channels.get().pk)
        later(pending, minutes=30)
        answer = call(client, pending, "verify", key="123456")
        assert (answer.status, answer.sub_code) == (422, "AddressRefused")
        mailbox.refusals.clear()
        assert call(client, pending, "resend").status == 204
        assert pending.channels.get().is_refused is False
        deliver_key(pending.channels.get().pk)
        key = re.search(r"\b\d{6}\b", mailbox.messages[-1][1].get_content()).group()
        assert call(client, pending, "verify", key=key).status == 204

    def test_another_address_forgets_the_refusal(self, pending, client, mailbox):
        mailbox.refusals[NEW] = "550 5.1.1 User unknown"
        deliver_key(pending.channels.get().pk)
        call(client, pending, "discontinue")
        assert pending.channels.get().refused_at is None

    @pytest.mark.parametrize(("status", "is_refused"), [(400, True), (422, True), (401, False), (429, False)])
    def test_a_number_that_the_gateway_refuses_is_not_tried_again(
        self, contact, client, settings, http_gateway, status, is_refused
    ):
        settings.SMS_BACKEND = "contacts.sms.HttpGatewayBackend"
        settings.SMS_GATEWAY_URL, http_gateway.status = http_gateway.url, status
        values = {"contactInformation": {"mobile": "+41791234567"}}
        client.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": values})
        with nullcontext() if is_refused else pytest.raises(SmsNotSentError):
            deliver_key(contact.channels.get().pk)
        assert contact.channels.get().is_refused is is_refused


class TestDelivery:
    def test_a_key_that_was_sent_is_not_sent_twice(self, pending):
        channel = pending.channels.get()
        deliver_key(channel.pk)
        deliver_key(channel.pk)
        assert len(mail.outbox) == 1

    def test_a_mail_server_that_is_down_loses_nothing(self, pending, client, settings):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        with pytest.raises(OSError, match="refused"):
            deliver_key(pending.channels.get().pk)
        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        assert call(client, pending, "verify", key=delivered_key(pending)).status == 204

    def test_a_key_whose_task_got_lost_is_found_by_beat(self, pending, celery_messages):
        send_due_keys()
        assert celery_messages() == []
        later(pending, minutes=3)
        send_due_keys()
        assert celery_messages() == [("contacts.tasks.send_key", [pending.channels.get().pk])]

    def test_a_discontinued_key_is_not_sent(self, pending, client):
        call(client, pending, "discontinue")
        deliver_key(pending.channels.get().pk)
        assert mail.outbox == []

    def test_a_key_claimed_by_another_worker_is_left_to_it(self, pending):
        Channel.objects.update(claimed_at=timezone.now())
        deliver_key(pending.channels.get().pk)
        assert mail.outbox == []
