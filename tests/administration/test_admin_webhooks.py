"""Webhooks in the admin: nobody adds, changes or removes one alone; who may change them looks after the deliveries."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import ClientApplication
from changerequests.models import ChangeRequest
from events.models import Delivery, Webhook
from events.queries.feed import last_position
from events.services.numbering import number_events
from operations.doctor.findings import Grade
from operations.doctor.webhooks import examine_webhooks
from tests.administration.approving import approve, waiting
from tests.changerequests.reviewing import page_of, text_of

pytestmark = pytest.mark.django_db

ADD = reverse("admin:events_webhook_add")
LIST = reverse("admin:events_webhook_changelist")
URL = "https://receiver.example/events"
LOOK = ["view_webhook", "view_clientapplication"]
WORK = [*LOOK, "add_webhook", "change_webhook"]


@pytest.fixture(autouse=True)
def _no_names_are_looked_up(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True


@pytest.fixture
def kim(make_member):
    return make_member("kim", permissions=WORK)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=LOOK)


@pytest.fixture
def application(make_app):
    return make_app("crm")


@pytest.fixture
def webhook(application):
    return Webhook.objects.create(application=application, url=URL)


def act(name, webhook):
    return reverse(f"admin:events_webhook_{name}", args=[webhook.pk])


# ---- who may


def test_the_page_of_an_application_lists_its_webhooks_for_who_looks_at_webhooks_and_for_the_owner(
    make_member, make_app, admin_of, application, webhook
):
    Webhook.objects.create(application=make_app("other"), url="https://other.example/hook")
    Webhook.objects.create(application=application, url="https://removed.example/hook", is_removed=True)
    Webhook.objects.update(secret="x", stopped_at=timezone.now())
    page = reverse("admin:accounts_clientapplication_change", args=[application.pk])
    owner = make_member("olga")
    ClientApplication.objects.filter(pk=application.pk).update(owner=owner)
    shown = {
        name: admin_of(member).get(page).content.decode()
        for name, member in (
            ("stranger", make_member("sam", permissions=["view_clientapplication"])),
            ("owner", owner),
            ("colleague", make_member("kim", permissions=LOOK)),
        )
    }
    assert URL not in shown["stranger"]
    link = f'<a href="{act("change", webhook)}">{URL}</a>'
    assert {name: link in text for name, text in shown.items()} == {
        "stranger": False,
        "owner": False,
        "colleague": True,
    }
    for name in ("owner", "colleague"):
        assert URL in shown[name]
        assert "<dd>Stopped</dd>" in shown[name]
        assert "other.example" not in shown[name]
        assert "removed.example" not in shown[name]


@pytest.mark.parametrize("permission", ["view_webhook", "change_webhook", None])
def test_adding_takes_its_own_permission(permission, make_member, admin_of, application):
    member = make_member(permissions=[] if permission is None else [permission])
    assert admin_of(member).post(ADD, {"application": application.pk, "url": URL}).status_code == 403
    assert not Webhook.objects.exists()


@pytest.mark.parametrize("permissions", [[], ["add_webhook"], LOOK])
def test_who_may_not_change_a_webhook_neither_tests_replays_nor_removes_it(permissions, make_member, admin_of, webhook):
    browser = admin_of(make_member(permissions=permissions))
    Webhook.objects.update(position=5, secret="x")
    for name in ("test", "replay", "remove"):
        browser.post(act(name, webhook), {"after": 0})
    webhook.refresh_from_db()
    assert (webhook.is_removed, webhook.position) == (False, 5)
    assert not ChangeRequest.objects.exists()
    assert not Delivery.objects.exists()


def test_what_acts_takes_a_post(kim, admin_of, webhook):
    for name in ("test", "replay", "remove"):
        assert admin_of(kim).get(act(name, webhook)).status_code == 405


# ---- configuration


def test_nobody_adds_one_alone(kim, rita, admin_of, application):
    form = {"application": application.pk, "url": URL, "types": ["contact.created"], "is_active": "on"}
    answer = admin_of(kim).post(ADD, form, follow=True)
    request = waiting()
    assert f"change request #{request.pk} is pending approval" in text_of(answer)
    assert not Webhook.objects.exists()
    page = text_of(admin_of(rita).get(page_of(request)))
    assert "crm" in page
    assert "A contact was created" in page
    approve(rita, request)
    webhook = Webhook.objects.get()
    assert (webhook.application, webhook.url, webhook.types) == (application, URL, ["contact.created"])
    assert webhook.secret == ""
    assert "Waiting for the application to get its secret" in text_of(admin_of(kim).get(LIST))


def test_nobody_moves_one_to_another_address_alone(kim, rita, admin_of, webhook):
    browser = admin_of(kim)
    page = act("change", webhook)
    opened = browser.get(page).context["opened_on"]
    browser.post(page, {"url": f"{URL}/2", "is_active": "on", "opened_on": opened})
    webhook.refresh_from_db()
    assert webhook.url == URL
    approve(rita, waiting())
    webhook.refresh_from_db()
    assert webhook.url == f"{URL}/2"


def test_nobody_removes_one_alone_and_a_removed_one_is_not_changed(kim, rita, admin_of, webhook):
    browser = admin_of(kim)
    answer = browser.post(act("remove", webhook), follow=True)
    assert "is pending approval" in text_of(answer)
    webhook.refresh_from_db()
    assert not webhook.is_removed
    approve(rita, waiting())
    webhook.refresh_from_db()
    assert webhook.is_removed
    assert URL not in text_of(browser.get(LIST))
    assert URL in text_of(browser.get(f"{LIST}?state=removed"))
    page = browser.get(act("change", webhook))
    assert "Send a test" not in text_of(page)
    assert browser.post(act("change", webhook), {"url": f"{URL}/2"}).status_code == 403


# ---- deliveries


def test_the_page_shows_what_was_sent_by_status_and_latest_first(kim, admin_of, webhook, make_contact):
    contact = make_contact()
    number_events()
    webhook.deliveries.create(
        event_id=last_position(), subject=f"contact:{contact.pk}", status="Delivered", attempts=1, response_status=204
    )
    webhook.deliveries.create(subject="test", error="Timeout", next_attempt_at=timezone.now())
    browser, page = admin_of(kim), act("change", webhook)
    text = text_of(browser.get(page))
    assert text.index("There was no answer in time.") < text.index(f"contact {contact.pk}")
    assert "204" in text
    only = text_of(browser.get(f"{page}?status=Delivered"))
    assert f"contact {contact.pk}" in only
    assert "There was no answer in time." not in only


def test_the_log_has_pages(kim, admin_of, webhook):
    Delivery.objects.bulk_create(Delivery(webhook=webhook, subject=f"contact:{number}") for number in range(30))
    browser, page = admin_of(kim), act("change", webhook)
    assert "contact 4 " not in text_of(browser.get(page))
    assert "contact 4 " in text_of(browser.get(f"{page}?page=2"))


def test_who_may_change_webhooks_sends_a_test(kim, admin_of, webhook):
    browser = admin_of(kim)
    assert "has no secret yet" in text_of(browser.post(act("test", webhook), follow=True))
    Webhook.objects.update(secret="x")
    assert "A test message will be sent" in text_of(browser.post(act("test", webhook), follow=True))
    assert "A test is already waiting to be sent." in text_of(browser.post(act("test", webhook), follow=True))
    assert Delivery.objects.get().subject == "test"


def test_a_replay_starts_a_webhook_again_that_was_given_up(kim, admin_of, webhook):
    Webhook.objects.update(position=5, secret="x", failing_since=timezone.now(), stopped_at=timezone.now())
    browser = admin_of(kim)
    assert "Stopped" in text_of(browser.get(LIST))
    assert "The feed ends at" in text_of(browser.post(act("replay", webhook), {"after": 2**40}, follow=True))
    assert "Enter a position" in text_of(browser.post(act("replay", webhook), {"after": "x"}, follow=True))
    assert "will be sent again" in text_of(browser.post(act("replay", webhook), {"after": 0}, follow=True))
    webhook.refresh_from_db()
    assert (webhook.position, webhook.stopped_at) == (0, None)


def test_no_page_shows_a_secret(kim, admin_of, webhook):
    Webhook.objects.update(secret="sealed-and-secret")
    assert "sealed-and-secret" not in admin_of(kim).get(act("change", webhook)).content.decode()


# ---- who looks after those that do not deliver


@pytest.fixture
def given_up(webhook):
    Webhook.objects.update(secret="x", failing_since=timezone.now(), stopped_at=timezone.now())
    return webhook


def test_the_dashboard_shows_one_that_was_given_up_to_who_may_change_it(kim, rita, admin_of, given_up):
    assert URL not in text_of(admin_of(rita).get("/admin/"))
    assert f"crm: {URL}" in text_of(admin_of(kim).get("/admin/"))
    Webhook.objects.update(failing_since=None, stopped_at=None)
    assert URL not in text_of(admin_of(kim).get("/admin/"))


def test_the_doctor_names_one_that_fails_and_one_that_was_given_up(given_up):
    assert [(found.grade, URL in found.text) for found in examine_webhooks()] == [(Grade.ERROR, True)]
    Webhook.objects.update(stopped_at=None)
    assert [(found.grade, URL in found.text) for found in examine_webhooks()] == [(Grade.WARNING, True)]
    Webhook.objects.update(failing_since=None)
    assert [found.grade for found in examine_webhooks()] == [Grade.OK]
