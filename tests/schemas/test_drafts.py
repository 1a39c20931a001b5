"""Drafts: the impact of a definition on stored data, before it is published."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.actor import member_actor, system_actor
from contacts.models import Contact
from core.errors import NotFound, UnprocessableEntity
from schemas import checking, document_sources
from schemas.models import CheckStatus, SchemaDraft
from schemas.queries import current_schema
from schemas.services import create_draft, drafts, publish_draft, publish_schema
from schemas.tasks import forget_old_drafts, resume_checks
from tests.fixtures import details

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas")]

ACTOR = system_actor("tests")


def find(elements, key):
    for element in elements:
        if element["key"] == key:
            return element
        if found := find(element.get("elements", []), key):
            return found
    return None


def text_with(key="employer", schema="contact", **properties):
    definition = json.loads(current_schema(schema).definition_text)
    find(definition["elements"], key).update(properties)
    return json.dumps(definition)


def drafted(text, *, actor=ACTOR, key="contact", base=None):
    base = base or current_schema(key).version_id
    return create_draft(actor=actor, key=key, definition_text=text, base_version_id=base)


def rules(draft):
    return {(rule["path"], rule["message"]): (rule["count"], rule["newly"]) for rule in draft.rules}


MISSING = "This field is mandatory."


# ---- what it would do


def test_it_counts_by_rule_what_would_violate_the_draft_and_says_where_to_look(make_contact, make_member):
    anna = make_member()
    seen, _unseen = make_contact(members=[anna]), make_contact()
    make_contact(details(occupation={"employer": "Alm AG"}))
    draft = drafted(text_with(isMandatory=True), actor=member_actor(anna))
    assert (draft.status, draft.total, draft.processed) == (CheckStatus.COMPLETED, 3, 3)
    assert (draft.violating, draft.newly_violating) == (2, 2)
    assert rules(draft) == {("occupation.employer", MISSING): (2, 2)}
    assert draft.rules[0]["examples"] == [seen.pk]


def test_the_verdict_is_that_of_check_details(make_contact, capsys):
    make_contact()
    bad = make_contact(
        details(contactInformation={"addresses": [{"type": "domicile", "city": "Chur", "country": "CH"}]})
    )
    draft = drafted(text_with("city", maxLength=2))
    assert [rule["path"] for rule in draft.rules] == ["contactInformation.addresses.city"]
    publish_draft(actor=ACTOR, draft_id=draft.pk, accepts_violations=True)
    with pytest.raises(SystemExit):
        call_command("check_details")
    printed = capsys.readouterr()
    assert printed.out == f"{bad.pk}\tcontactInformation.addresses[0].city\tThis must have at most 2 characters.\n"
    assert f"{draft.violating} violate" in printed.err


def test_what_violates_the_published_version_already_is_not_counted_as_new(make_contact):
    make_contact()
    make_contact(details(personalInformation={"firstName": "Jo"}))
    stricter = drafted(text_with("firstName", maxLength=3))
    publish_draft(actor=ACTOR, draft_id=stricter.pk, accepts_violations=True)
    draft = drafted(text_with(isMandatory=True))
    assert (draft.violating, draft.newly_violating) == (2, 1)
    assert rules(draft)[("occupation.employer", MISSING)] == (2, 1)


def test_items_that_a_list_does_not_have_are_one_rule_whatever_they_are(make_contact):
    for country in ("CH", "DE", "FR"):
        make_contact(details(personalInformation={"nationalities": [country]}))
    draft = drafted(text_with("nationalities", listKey="currency"))
    assert rules(draft) == {("personalInformation.nationalities", "This is not an item of the list currency."): (3, 3)}


def test_what_the_schema_no_longer_names_is_no_violation(make_contact):
    make_contact(details(occupation={"employer": "Alm AG"}))
    definition = json.loads(current_schema("contact").definition_text)
    occupation = find(definition["elements"], "occupation")
    occupation["elements"] = [element for element in occupation["elements"] if element["key"] != "employer"]
    draft = drafted(json.dumps(definition))
    assert (draft.processed, draft.violating) == (1, 0)


def test_more_documents_than_a_batch_are_checked_one_batch_after_the_other(make_contact, monkeypatch, count_queries):
    monkeypatch.setattr(document_sources, "BATCH_SIZE", 2)
    for _ in range(5):
        make_contact()
    assert drafted(text_with(isMandatory=True)).violating == 5
    with count_queries() as queries:
        assert [len(batch) for batch in document_sources.batches(Contact.objects.all())] == [2, 2, 1]
    assert all("LIMIT 2" in query["sql"] for query in queries.captured_queries)


def test_legal_entities_are_checked_against_their_schema(make_contact):
    make_contact()
    draft = drafted(text_with("name", schema="legal-entity", maxLength=50), key="legal-entity")
    assert (draft.total, draft.violating) == (0, 0)


# ---- the job


def test_many_documents_are_left_to_a_worker(make_contact, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(drafts, "CHECKED_AT_ONCE", 1)
    sent = []
    monkeypatch.setattr(drafts.check_draft, "delay", sent.append)
    make_contact()
    make_contact()
    with django_capture_on_commit_callbacks(execute=True):
        draft = drafted(text_with(isMandatory=True))
    assert (draft.status, draft.total, sent) == (CheckStatus.PENDING, 2, [str(draft.pk)])
    with pytest.raises(UnprocessableEntity, match="have not been checked"):
        publish_draft(actor=ACTOR, draft_id=draft.pk, accepts_violations=True)
    checking.run_check(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.violating) == (CheckStatus.COMPLETED, 2)
    checking.run_check(draft.pk)
    assert SchemaDraft.objects.get(pk=draft.pk).attempts == draft.attempts == 1


def test_a_check_whose_worker_vanished_goes_on_where_it_was(make_contact, monkeypatch):
    first, _second, _third = make_contact(), make_contact(), make_contact()
    draft = drafted(text_with(isMandatory=True))
    long_ago = timezone.now() - timedelta(minutes=5)
    rule = {"path": "occupation.employer", "message": MISSING, "count": 1, "newly": 1, "examples": []}
    SchemaDraft.objects.filter(pk=draft.pk).update(
        status=CheckStatus.RUNNING, heartbeat_at=long_ago, processed=1, violating=1, newly_violating=1,
        last_id=first.pk, rules=[rule],
    )  # fmt: skip
    sent = []
    monkeypatch.setattr("schemas.tasks.check_draft.delay", sent.append)
    resume_checks()
    assert sent == [str(draft.pk)]
    checking.run_check(draft.pk)
    draft.refresh_from_db()
    assert (draft.status, draft.processed, draft.violating, draft.attempts) == (CheckStatus.COMPLETED, 3, 3, 2)
    assert rules(draft)[("occupation.employer", MISSING)] == (3, 3)


def test_a_check_that_cannot_be_done_any_more_says_why(make_contact):
    make_contact()
    draft = drafted(text_with(isMandatory=True))
    SchemaDraft.objects.filter(pk=draft.pk).update(
        status=CheckStatus.PENDING,
        definition_text=draft.definition_text.replace('"listKey": "country"', '"listKey": "gone"'),
    )
    checking.run_check(draft.pk)
    draft.refresh_from_db()
    assert draft.status == CheckStatus.FAILED
    assert "There is no list “gone”." in draft.error_message


def test_old_drafts_are_forgotten(make_contact):
    old, new = drafted(text_with(isMandatory=True)), drafted(text_with(maxLength=7))
    SchemaDraft.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=91))
    forget_old_drafts()
    assert list(SchemaDraft.objects.values_list("pk", flat=True)) == [new.pk]


# ---- publishing


def test_a_draft_is_published_once_and_names_its_version():
    draft = drafted(text_with(isMandatory=True))
    before = current_schema("contact").version_number
    published = publish_draft(actor=ACTOR, draft_id=draft.pk)
    assert published.published_version is not None
    assert published.published_version.number == before + 1 == current_schema("contact").version_number
    with pytest.raises(UnprocessableEntity, match="published already"):
        publish_draft(actor=ACTOR, draft_id=draft.pk)


def test_violations_must_be_accepted(make_contact):
    make_contact()
    draft = drafted(text_with(isMandatory=True))
    with pytest.raises(UnprocessableEntity) as refused:
        publish_draft(actor=ACTOR, draft_id=draft.pk)
    assert refused.value.sub_code == "ViolationsNotAccepted"
    publish_draft(actor=ACTOR, draft_id=draft.pk, accepts_violations=True)


def test_a_draft_whose_base_is_no_longer_published_is_refused_and_kept():
    text = text_with(isMandatory=True)
    draft = drafted(text)
    publish_schema(
        actor=ACTOR,
        key="contact",
        definition_text=text_with(maxLength=7),
        concurrency_token=current_schema("contact").concurrency_token,
    )
    with pytest.raises(UnprocessableEntity) as refused:
        publish_draft(actor=ACTOR, draft_id=draft.pk)
    assert refused.value.sub_code == "ConcurrencyTokenMismatch"
    draft.refresh_from_db()
    assert (draft.definition_text, draft.published_version) == (text, None)


def test_what_is_faulty_or_says_nothing_new_becomes_no_draft():
    with pytest.raises(UnprocessableEntity) as refused:
        drafted(text_with(type="nothing"))
    assert refused.value.sub_code == "SchemaInvalid"
    with pytest.raises(UnprocessableEntity, match="nothing to publish"):
        drafted(current_schema("contact").definition_text)
    with pytest.raises(NotFound):
        drafted(text_with(isMandatory=True), key="nothing", base=1)
    with pytest.raises(NotFound):
        drafted(text_with(isMandatory=True), base=current_schema("legal-entity").version_id)
    assert not SchemaDraft.objects.exists()
