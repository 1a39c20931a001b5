"""Arbitrary submissions never cause a 500 or a partial change, and the history replays to the current document."""

import re

import pytest
from django.core import mail
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from changerequests.models import Status
from contacts.services.delivery import deliver_key
from tests.documents import check_history, documents, requests_about, state_of
from tests.examples import examples
from tests.fixtures import details
from tests.requests import changes_of

pytestmark = pytest.mark.django_db

REFUSALS = (400, 403, 404, 422, 429)
several = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def submit(api, contact, method, document):
    """One submission: it is taken as a whole or refused as a whole."""
    before = state_of(contact)
    answer = api.call(method, f"/v1.0/contacts/{contact.pk}/details", {"details": document})
    assert answer.status in (200, *REFUSALS), answer.json
    if answer.status != 200:
        assert state_of(contact) == before
    check_history(contact)
    return answer


@settings(several, max_examples=examples(60))
@given(submissions=st.lists(st.tuples(st.sampled_from(["PATCH", "PUT"]), documents), min_size=1, max_size=4))
def test_every_submission_gets_an_answer_and_leaves_a_history_that_replays(make_contact, app, submissions):
    contact = make_contact(details(contactInformation={"email": "a@example.com"}))
    for method, document in submissions:
        submit(app, contact, method, document)


@settings(several, max_examples=examples(40))
@given(
    rounds=st.lists(
        st.tuples(
            st.sampled_from(["PATCH", "PUT"]),
            documents,
            st.none() | documents,
            st.sampled_from(["approve", "reject", "cancel", "leave"]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_asked_for_overtaken_and_decided(make_contact, make_member, app, api_of, rounds):
    """A member asks; meanwhile an application may change something; then the request is decided, or waits."""
    asking = make_member()
    member, reviewer = api_of(asking), api_of(make_member(reviews=True, sees_all_contacts=True))
    contact = make_contact(details(contactInformation={"email": "a@example.com"}), members=[asking])
    for method, document, meanwhile, decision in rounds:
        submit(member, contact, method, document)
        if meanwhile is not None:
            submit(app, contact, "PATCH", meanwhile)
        request = requests_about(contact).filter(status=Status.PENDING).first()
        if request is None or decision == "leave":
            continue
        path = f"/v1.0/contacts/{contact.pk}/change-requests/{request.pk}"
        before = state_of(contact)
        if decision == "cancel":
            answer = member.post(f"{path}/cancel")
        else:
            answer = reviewer.post(f"{path}/review", {"isApproved": decision == "approve"})
        assert answer.status in (204, 422), answer.json
        after = state_of(contact)
        if answer.status != 204:
            assert after == before
        elif decision != "approve":
            assert after[:-1] == before[:-1]
        check_history(contact)
        for made in contact.entries.exclude(change_request=None):
            asked = changes_of(made.change_request)
            assert [change["target"] for change in made.changes] == [
                change["target"] for change in asked if change["path"] in made.paths
            ]


@settings(several, max_examples=examples(40))
@given(
    steps=st.lists(
        st.tuples(documents, st.sampled_from(["right key", "wrong key", "resend", "discontinue", "nothing"])),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_waits_for_its_key(make_contact, app, steps):
    contact = make_contact(details(contactInformation={"email": "a@example.com"}))
    path = f"/v1.0/contacts/{contact.pk}/communication-verification"
    for document, then in steps:
        submit(app, contact, "PATCH", document)
        body = {"channel": "Email"}
        waiting = contact.channels.filter(kind="Email", is_key_due=True).first()
        if then in ("right key", "wrong key"):
            key = "000000"
            if waiting is not None:
                deliver_key(waiting.pk)
                key = re.search(r"\b\d{6}\b", mail.outbox[-1].body).group()
            body["key"] = key if then == "right key" else f"{(int(key) + 1) % 10**6:06}"
        if then == "nothing":
            continue
        before = state_of(contact)
        operation = "verify" if "key" in then else then
        answer = app.post(f"{path}/{operation}", body)
        assert answer.status in (204, 422, 429), answer.json
        after = state_of(contact)
        if answer.status != 204:
            assert after == before
        elif operation != "verify":
            assert after[:4] == before[:4]
        check_history(contact)
