"""A POST that creates is executed once per Idempotency-Key."""

import json
from datetime import timedelta
from threading import Event

import pytest
from django.utils import timezone

from accounts import idempotency
from accounts.models import IdempotencyRecord
from contacts.models import Contact
from contacts.views import contacts as views
from tests.concurrency import at_once
from tests.fixtures import details

pytestmark = pytest.mark.django_db
PATH = "/v1.0/contacts"


@pytest.fixture
def body(contact_type):
    return {"contactTypeId": contact_type.pk, "username": "johanna", "details": details()}


def test_the_same_request_again_gets_the_same_answer_and_creates_nothing(app, body):
    first = app.post(PATH, body, idempotency_key="order-7")
    again = app.post(PATH, dict(reversed(body.items())), idempotency_key="order-7")
    assert (first.status, again.status) == (201, 201)
    assert first.json == again.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Contact.objects.count() == 1


def test_the_same_key_with_another_request_is_refused(app, body):
    app.post(PATH, body, idempotency_key="order-7")
    answer = app.post(PATH, {**body, "username": "heidi"}, idempotency_key="order-7")
    assert (answer.status, answer.sub_code) == (422, "IdempotencyKeyReused")


def test_a_number_of_many_digits_is_refused_also_with_a_key_that_is_known(app, body):
    app.post(PATH, body, idempotency_key="order-7")
    large = json.dumps({**body, "details": {"large": -173410992980678817087488}})
    answer = app.post(PATH, raw=large.encode(), idempotency_key="order-7")
    assert (answer.status, answer.sub_code) == (422, "IdempotencyKeyReused")


def test_without_a_key_every_request_counts(app, body):
    assert app.post(PATH, body).status == 201
    assert app.post(PATH, body).sub_code == "UsernameNotUnique"


def test_keys_belong_to_their_caller(app, body, make_app, make_member, api_of):
    app.post(PATH, body, idempotency_key="order-7")
    for number, who in enumerate((make_app(), make_member())):
        answer = api_of(who).post(PATH, {**body, "username": f"heidi{number}"}, idempotency_key="order-7")
        assert answer.status == 201


def test_a_refusal_is_not_kept_so_that_the_request_can_be_corrected(app, body):
    assert app.post(PATH, {**body, "details": {}}, idempotency_key="order-7").status == 422
    assert app.post(PATH, body, idempotency_key="order-7").status == 201


def test_keys_expire(app, body):
    app.post(PATH, body, idempotency_key="order-7")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert app.post(PATH, {**body, "username": "heidi"}, idempotency_key="order-7").status == 201
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert idempotency.delete_expired_records() == 1


def test_a_request_that_is_sent_again_does_not_bring_back_an_anonymized_person(app, body):
    created = app.post(PATH, body, idempotency_key="order-7").json
    assert app.post("/v1.0/contacts/anonymize", {"contactIds": [created["id"]]}).status == 204
    for _time in range(2):
        again = app.post(PATH, body, idempotency_key="order-7")
        assert (again.status, again.sub_code) == (422, "ContactAnonymized")
    other = app.post(PATH, {**body, "username": "heidi"}, idempotency_key="order-7")
    assert (other.status, other.sub_code) == (422, "IdempotencyKeyReused")
    assert Contact.objects.count() == 1
    [record] = IdempotencyRecord.objects.all()
    assert ("order-7" in record.key, record.body) == (False, None)


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
def test_a_key_that_is_none_is_refused(app, body, key):
    assert app.post(PATH, body, idempotency_key=key).status == 400


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_at_once_one_creates_and_the_other_waits_its_turn_or_replays(app, body):
    answers = at_once(*[lambda: app.post(PATH, body, idempotency_key="order-7")] * 4)
    assert Contact.objects.count() == 1
    assert {answer.status for answer in answers} <= {201, 409}
    created = [answer.json for answer in answers if answer.status == 201]
    assert created == [created[0]] * len(created)


@pytest.mark.django_db(transaction=True)
def test_while_the_first_request_runs_the_second_is_told_so(app, body, monkeypatch):
    running, may_end = Event(), Event()
    create_contact = views.create_contact

    def slowly(**arguments):
        running.set()
        assert may_end.wait(timeout=10)
        return create_contact(**arguments)

    monkeypatch.setattr(views, "create_contact", slowly)

    def second():
        assert running.wait(timeout=10)
        try:
            return app.post(PATH, body, idempotency_key="order-7")
        finally:
            may_end.set()

    first, told = at_once(lambda: app.post(PATH, body, idempotency_key="order-7"), second)
    assert (first.status, told.status, told.headers["Retry-After"]) == (201, 409, "1")
