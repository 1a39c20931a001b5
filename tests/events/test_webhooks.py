"""Webhooks: who has them, what is sent, and what becomes of what is refused."""

import socket
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from accounts.actor import system_actor
from accounts.models import ClientApplication, Notice, User
from administration.notices import deliver_notice
from administration.services.configuration import change_configuration
from administration.webhooks import sort
from changerequests.models import ChangeRequest
from events.models import Delivery, Webhook
from events.retries import RETRIED_FOR
from events.sending import check_url
from events.services import delivering
from events.services.delivering import deliver_due
from events.services.runs import MOST_REFUSALS
from events.services.webhooks import open_secrets
from events.tasks import tidy_deliveries
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.events.feeds import Reader
from tests.events.test_feed import give, rename, take

pytestmark = pytest.mark.django_db
WEBHOOKS = "/v1.0/webhooks"
UNKNOWN = f"{WEBHOOKS}/00000000-0000-4000-8000-000000000000"


def deliver_all():
    """Deliver what is due, and what was to be tried again later."""
    Delivery.objects.filter(status=Delivery.Status.PENDING).update(next_attempt_at=timezone.now())
    Webhook.objects.update(next_attempt_at=None)
    deliver_due()


def one_listed(api):
    (found,) = api.get(WEBHOOKS).json["webhooks"]
    return found


# ---- who may


def test_webhooks_are_for_applications_with_the_scope(anonymous, make_member, make_contact, make_app, api_of):
    for caller, status in (
        (anonymous, 401),
        (api_of(make_member()), 403),
        (api_of(make_contact()), 403),
        (api_of(make_app(), scopes=["events.read"]), 403),
    ):
        assert caller.get(WEBHOOKS).status == status
        assert caller.post(WEBHOOKS, {"url": "https://example.com"}).status == status
        assert caller.delete(UNKNOWN).status == status
        for act in ("replay", "rotate-secret", "test"):
            assert caller.post(f"{UNKNOWN}/{act}", {"after": 0} if act == "replay" else None).status == status


def test_an_application_neither_sees_nor_changes_the_webhook_of_another(make_app, api_of, subscribe):
    path, _secret = subscribe(api_of(make_app()))
    other = api_of(make_app())
    assert other.get(WEBHOOKS).json == {"webhooks": []}
    assert other.delete(path).status == 404
    assert other.post(f"{path}/replay", {"after": 0}).status == 404
    assert other.post(f"{path}/rotate-secret").status == 404
    assert other.post(f"{path}/test").status == 404
    assert other.get(f"{path}/deliveries").status == 404
    assert Webhook.objects.get().is_active


# ---- addresses


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://10.1.2.3/x",
        "https://172.16.0.1/x",
        "https://192.168.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/x",
        "https://0.0.0.0/x",
        "https://[fe80::1]/x",
        "https://[fd00::1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "http://93.184.216.34/x",
        "ftp://93.184.216.34/x",
        "https://user:word@93.184.216.34/x",
        "https:///x",
        "https://93.184.216.34:99999/x",
        "93.184.216.34",
        "https://name.invalid/x",
        "https://a..b/x",
        f"https://{'a' * 64}.example/x",
        "",
    ],
)
def test_an_address_in_a_private_network_or_without_tls_is_refused(app, url):
    answer = app.post(WEBHOOKS, {"url": url})
    assert answer.status in (400, 422)
    assert answer.places == {"url"}
    assert not Webhook.objects.exists()


def test_a_name_that_turns_to_a_private_address_later_is_not_called(app, subscribe, receiver, make_contact, settings):
    """It is resolved for each call, and the connection goes to the address that was checked."""
    path, _secret = subscribe(app, url=receiver.url.replace("127.0.0.1", "localhost"))
    settings.WEBHOOK_ALLOW_PRIVATE = False
    assert socket.gethostbyname("localhost") == "127.0.0.1"
    make_contact()
    deliver_due()
    assert receiver.accepted == receiver.refused == []
    (delivery,) = app.get(f"{path}/deliveries").json["results"]
    assert (delivery["status"], delivery["responseStatus"]) == ("Pending", None)
    assert delivery["error"] == "PrivateNetwork"


# ---- configuration


def test_a_webhook_is_listed_until_it_is_removed(app, subscribe, receiver, make_contact):
    path, _secret = subscribe(app, types=["contact.created"])
    listed = one_listed(app)
    assert path.endswith(listed["id"])
    assert (listed["url"], listed["types"], listed["isActive"]) == (receiver.url, ["contact.created"], True)
    assert "secret" not in listed
    assert app.delete(path).status == 204
    assert app.get(WEBHOOKS).json == {"webhooks": []}
    assert app.delete(path).status == 404
    make_contact()
    deliver_due()
    assert receiver.accepted == []


def test_a_webhook_waits_where_a_policy_names_the_application(make_app, api_of, receiver, make_member):
    application = make_app()
    set_policy(policy(stages=[stage()], rules=[rule("Review", applications=[application.pk])]), kind="configuration")
    answer = api_of(application).post(WEBHOOKS, {"url": receiver.url})
    assert answer.status == 202
    assert answer.json == {"isApprovalRequired": True, "changeRequestId": ChangeRequest.objects.get().pk}
    assert not Webhook.objects.exists()


def test_an_application_has_ten_webhooks_at_most(app, subscribe, receiver):
    for _ in range(10):
        subscribe(app)
    answer = app.post(WEBHOOKS, {"url": receiver.url})
    assert (answer.status, answer.sub_code) == (422, "ValidationFailed")


def test_an_unknown_type_is_refused(app, receiver):
    assert app.post(WEBHOOKS, {"url": receiver.url, "types": ["contact.eaten"]}).status == 400


# ---- what is sent


def test_a_message_is_a_signed_cloud_event_that_says_what_the_feed_says(app, subscribe, receiver, make_contact):
    contact = make_contact()
    _path, secret = subscribe(app)
    feed = Reader(app)
    rename(contact, "Zwingli", api=app)
    deliver_due()
    (call,) = receiver.accepted
    (event,) = feed.read()
    sent = Verifier(secret).verify(call.body, call.headers)
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert call.headers["webhook-id"] == event["id"]
    assert sent == {
        "specversion": "1.0",
        "id": event["id"],
        "source": sent["source"],
        "type": "contact.changed",
        "subject": f"contact/{contact.pk}",
        "time": event["time"],
        "datacontenttype": "application/json",
        "data": event,
    }
    assert "Zwingli" not in call.body
    with pytest.raises(WebhookVerificationError):
        Verifier(secret).verify(call.body.replace("contact.changed", "contact.created"), call.headers)
    assert one_listed(app)["lastPosition"] == event["position"]


def test_nothing_from_before_the_webhook_is_sent_unless_it_is_replayed(app, subscribe, receiver, make_contact):
    before = Reader(app).position
    make_contact()
    path, _secret = subscribe(app)
    deliver_due()
    assert "contact.created" not in receiver.types
    assert app.post(f"{path}/replay", {"after": before}).status == 202
    deliver_due()
    assert "contact.created" in receiver.types
    assert app.post(f"{path}/replay", {"after": 2**40}).sub_code == "UnknownPosition"


def test_only_the_types_that_were_asked_for_are_sent(app, subscribe, receiver, make_contact):
    subscribe(app, types=["contact.changed"])
    rename(make_contact(), "Zwingli", api=app)
    deliver_due()
    assert receiver.types == ["contact.changed"]


def test_an_application_with_participants_is_sent_what_it_hears_of(
    app, make_app, make_participant, make_contact, api_of, subscribe, receiver
):
    ours = make_participant()
    contact = make_contact()
    subscribe(api_of(make_app(participants=[ours])))
    make_contact()
    give(contact, ours)
    rename(contact, "Zwingli", api=app)
    take(contact, ours)
    rename(contact, "Bullinger", api=app)
    deliver_due()
    assert receiver.types == ["contact.entered", "contact.changed", "contact.left"]


def test_both_secrets_sign_after_a_rotation(app, subscribe, receiver, make_contact):
    path, first = subscribe(app)
    second = app.post(f"{path}/rotate-secret").json["secret"]
    assert first != second
    make_contact()
    deliver_due()
    call = receiver.accepted[-1]
    for secret in (first, second):
        assert Verifier(secret).verify(call.body, call.headers)
    Webhook.objects.update(previous_secret_until=timezone.now())
    make_contact()
    deliver_due()
    call = receiver.accepted[-1]
    with pytest.raises(WebhookVerificationError):
        Verifier(first).verify(call.body, call.headers)


def test_secrets_are_stored_encrypted(app, subscribe):
    _path, secret = subscribe(app)
    assert secret.removeprefix("whsec_") not in Webhook.objects.get().secret


def test_a_test_is_sent_at_once_and_logged(app, subscribe, receiver):
    path, _secret = subscribe(app)
    assert app.post(f"{path}/test").status == 202
    assert app.post(f"{path}/test").sub_code == "TestPending"
    deliver_due()
    assert "webhook.test" in receiver.types
    tests = [one for one in app.get(f"{path}/deliveries").json["results"] if one["position"] is None]
    assert [(one["status"], one["responseStatus"]) for one in tests] == [("Delivered", 204)]


# ---- what is refused


def test_what_is_refused_is_sent_again_and_later_events_of_its_subject_wait(app, subscribe, receiver, make_contact):
    one, other = make_contact(), make_contact()
    path, _secret = subscribe(app)
    refused = {one.pk}
    receiver.answer = lambda call: 500 if call.data["subject"]["id"] in refused else 204
    rename(one, "First", api=app)
    rename(one, "Second", api=app)
    rename(other, "Third", api=app)
    deliver_due()
    assert [call.data["subject"]["id"] for call in receiver.accepted] == [other.pk]
    assert len(receiver.refused) == 1
    by_status = [delivery["status"] for delivery in app.get(f"{path}/deliveries").json["results"]]
    assert sorted(by_status) == ["Delivered", "Pending", "Pending"]
    refused.clear()
    deliver_all()
    versions = [call.data["version"] for call in receiver.accepted if call.data["subject"]["id"] == one.pk]
    assert versions == [2, 3]
    assert receiver.accepted[1].headers["webhook-id"] == receiver.refused[0].headers["webhook-id"]


def test_a_receiver_that_refuses_several_in_a_row_is_left_alone_for_a_while(app, subscribe, receiver, make_contact):
    subscribe(app)
    receiver.answer = lambda call: 503
    for _ in range(20):
        make_contact()
    deliver_due()
    deliver_due()
    assert len(receiver.refused) == MOST_REFUSALS
    assert one_listed(app)["failingSince"] is not None
    receiver.answer = lambda call: 204
    deliver_all()
    assert len(receiver.accepted) == 20
    assert one_listed(app)["failingSince"] is None


def test_after_three_days_it_is_given_up_until_it_is_replayed(app, subscribe, receiver, make_contact):
    path, _secret = subscribe(app)
    start = one_listed(app)["lastPosition"]
    receiver.answer = lambda call: 503
    for _ in range(MOST_REFUSALS + 1):
        make_contact()
    deliver_due()
    Webhook.objects.update(failing_since=timezone.now() - RETRIED_FOR - timedelta(minutes=1))
    Delivery.objects.update(created_at=timezone.now() - RETRIED_FOR - timedelta(minutes=1))
    deliver_all()
    assert not one_listed(app)["isActive"]
    tries = len(receiver.refused)
    deliver_all()
    assert len(receiver.refused) == tries
    receiver.answer = lambda call: 204
    assert app.post(f"{path}/replay", {"after": start}).status == 202
    deliver_due()
    assert receiver.types == ["contact.created"] * (MOST_REFUSALS + 1)
    assert one_listed(app)["isActive"]


def test_a_receiver_that_says_that_it_is_gone_is_given_up_at_once(app, subscribe, receiver, make_contact):
    subscribe(app)
    receiver.answer = lambda call: 410
    make_contact()
    deliver_due()
    assert not one_listed(app)["isActive"]


@pytest.mark.parametrize("is_gone", [True, False])
def test_the_owner_has_one_mail_when_a_webhook_is_given_up(
    app, subscribe, receiver, make_contact, make_member, settings, is_gone
):
    settings.PUBLIC_URL = "https://kontor.example"
    subscribe(app)
    owner = make_member("olga", participants=[])
    User.objects.filter(pk=owner.user_id).update(email="olga@bank.example", language="de")
    ClientApplication.objects.update(owner=owner)
    receiver.answer = lambda call: 500
    make_contact()
    deliver_due()
    assert not Notice.objects.exists()
    if is_gone:
        receiver.answer = lambda call: 410
    else:
        Webhook.objects.update(failing_since=timezone.now() - RETRIED_FOR - timedelta(minutes=1))
    for _number in range(2):
        deliver_all()
    (notice,) = Notice.objects.all()
    deliver_notice(notice.pk)
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["olga@bank.example"], "Ein Webhook wurde gestoppt")
    assert receiver.url in message.body
    application = Webhook.objects.get().application_id
    assert f"https://kontor.example/admin/accounts/clientapplication/{application}/change/" in message.body


def test_no_mail_is_due_without_an_owner_or_with_one_whose_login_is_closed(
    app, subscribe, receiver, make_contact, make_member
):
    subscribe(app)
    receiver.answer = lambda call: 410
    make_contact()
    deliver_all()
    owner = make_member()
    User.objects.filter(pk=owner.user_id).update(is_active=False)
    ClientApplication.objects.update(owner=owner)
    Webhook.objects.update(stopped_at=None)
    deliver_all()
    assert not one_listed(app)["isActive"]
    assert not Notice.objects.exists()


def test_a_receiver_that_accepts_nothing_counts_as_failing_however_little_is_sent(
    app, subscribe, receiver, make_contact
):
    subscribe(app)
    receiver.answer = lambda call: 500
    make_contact()
    deliver_due()
    assert one_listed(app)["failingSince"] is not None
    Webhook.objects.update(failing_since=timezone.now() - RETRIED_FOR - timedelta(minutes=1))
    deliver_all()
    assert not one_listed(app)["isActive"]


def test_no_call_begins_after_the_time_of_a_run(app, subscribe, receiver, make_contact, monkeypatch):
    subscribe(app)
    for _ in range(3):
        make_contact()
    monkeypatch.setattr(delivering, "RUN_SECONDS", 0)
    deliver_due()
    assert receiver.accepted == []
    monkeypatch.undo()
    deliver_due()
    assert len(receiver.accepted) == 3


def test_a_webhook_is_closed_whatever_became_of_its_application_and_host(make_app, api_of, subscribe, settings):
    application = make_app()
    path, _secret = subscribe(api_of(application))
    settings.WEBHOOK_ALLOW_PRIVATE = False
    scopes = ["webhooks"]
    ClientApplication.objects.filter(pk=application.pk).update(allowed_scopes="")
    assert api_of(application, scopes=scopes).delete(path).status == 204


def test_secrets_are_encrypted_again_with_the_first_key(app, subscribe, settings):
    path, _secret = subscribe(app)
    app.post(f"{path}/rotate-secret")
    subscribe(app, types=["contact.left"])
    before = {webhook.pk: open_secrets(webhook) for webhook in Webhook.objects.all()}
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another" * 10
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("rotate_authenticator_keys")
    settings.SECRET_KEY_FALLBACKS = [former]
    printed = StringIO()
    call_command("rotate_authenticator_keys", stdout=printed)
    call_command("rotate_authenticator_keys", stdout=printed)
    assert printed.getvalue() == "2 encrypted again.\n0 encrypted again.\n"
    settings.SECRET_KEY_FALLBACKS = []
    assert {webhook.pk: open_secrets(webhook) for webhook in Webhook.objects.all()} == before
    assert sorted(map(len, before.values())) == [1, 2]


def test_secrets_are_encrypted_again_within_the_hour(app, subscribe, settings):
    subscribe(app)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 10, [settings.SECRET_KEY]
    tidy_deliveries()
    settings.SECRET_KEY_FALLBACKS = []
    assert open_secrets(Webhook.objects.get())


def test_a_secret_that_is_rotated_while_the_configuration_is_saved_stays(app, subscribe, monkeypatch):
    path, _secret = subscribe(app)
    webhook = Webhook.objects.get()

    def rotate_meanwhile(url):
        app.post(f"{path}/rotate-secret")
        check_url(url)

    monkeypatch.setattr(sort, "check_url", rotate_meanwhile)
    change_configuration(
        actor=system_actor("tests"), sort=sort.WEBHOOK, object_id=webhook.pk, target={"types": ["contact.changed"]}
    )
    changed = Webhook.objects.get()
    assert changed.types == ["contact.changed"]
    assert changed.secret != webhook.secret
    assert open_secrets(changed)


def test_an_application_that_acts_for_people_has_no_webhook(app, receiver):
    ClientApplication.objects.update(authorization_grant_type=ClientApplication.GRANT_AUTHORIZATION_CODE)
    answer = app.post(WEBHOOKS, {"url": receiver.url})
    assert (answer.status, answer.sub_code) == (422, "ValidationFailed")


def test_a_test_is_refused_where_nothing_is_sent(app, subscribe, receiver):
    path, _secret = subscribe(app)
    Webhook.objects.update(stopped_at=timezone.now())
    assert app.post(f"{path}/test").sub_code == "WebhookInactive"


def test_a_redirect_is_not_followed(app, subscribe, receiver, make_contact):
    subscribe(app)
    receiver.answer = lambda call: 307
    make_contact()
    deliver_due()
    assert (len(receiver.accepted), len(receiver.refused)) == (0, 1)


def test_a_closed_application_is_sent_nothing(make_app, api_of, subscribe, receiver, make_contact):
    application = make_app()
    subscribe(api_of(application))
    ClientApplication.objects.filter(pk=application.pk).update(allowed_scopes="")
    make_contact()
    deliver_due()
    assert receiver.accepted == receiver.refused == []


def test_the_log_is_kept_for_some_time(app, subscribe, receiver, make_contact, settings):
    subscribe(app)
    make_contact()
    deliver_due()
    assert tidy_deliveries() == 0
    Delivery.objects.update(created_at=timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS, minutes=1))
    assert tidy_deliveries() == 1
