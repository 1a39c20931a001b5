"""What applications learn from the feed of events."""

from datetime import datetime
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from accounts.actor import system_actor
from administration.services.applications import change_application
from audit.models import Entry
from changerequests.kinds import all_kinds
from changerequests.models import ChangeRequest
from contacts.services.access import AccessChange, change_access
from contacts.services.anonymization import anonymize_contacts
from events.kinds import all_event_kinds
from events.models import Event, Numbering
from events.services.numbering import number_events
from tests.changerequests.engine import approve_all
from tests.events.feeds import FEED, Reader
from tests.fixtures import without_triggers

pytestmark = pytest.mark.django_db
SYSTEM = system_actor("tests")
NAME = "personalInformation.lastName"


def rename(contact, name, *, api):
    patch = {"personalInformation": {"lastName": name}}
    answer = api.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": patch})
    assert answer.status == 200, answer.json


def give(contact, *participants):
    change = AccessChange(added_participants=frozenset(participant.pk for participant in participants))
    change_access(actor=SYSTEM, wanted={contact.pk: change})


def take(contact, *participants):
    change = AccessChange(removed_participants=frozenset(participant.pk for participant in participants))
    change_access(actor=SYSTEM, wanted={contact.pk: change})


# ---- who may


def test_the_feed_is_for_applications_with_the_scope(anonymous, make_member, make_contact, make_app, api_of):
    assert anonymous.get(FEED).status == 401
    assert api_of(make_member()).get(FEED).status == 403
    assert api_of(make_contact()).get(FEED).status == 403
    assert api_of(make_app(), scopes=["contacts.read"]).get(FEED).status == 403
    assert api_of(make_app(), scopes=["events.read"]).get(FEED).status == 200


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=9007199254740992", "after"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("waitSeconds=21", "waitSeconds"),
        ("types=contact.eaten", "types"),
        ("before=1", "before"),
    ],
)
def test_a_wrong_parameter_is_named(app, query, place):
    answer = app.get(f"{FEED}?{query}")
    assert answer.status == 400
    assert any(name.startswith(place) for name in answer.places)


def test_a_position_that_was_never_given_is_refused(app):
    number_events()
    answer = app.get(f"{FEED}?after=9007199254740991")
    assert (answer.status, answer.sub_code) == (422, "UnknownPosition")


# ---- what is read


def test_an_event_says_what_happened_without_values(app, make_contact):
    contact = make_contact()
    feed = Reader(app)
    rename(contact, "Zwingli", api=app)
    (event,) = feed.read()
    assert UUID(event.pop("id"))
    assert datetime.fromisoformat(event.pop("time"))
    assert event == {
        "position": feed.position,
        "type": "contact.changed",
        "kind": "contact-details",
        "subject": {
            "kind": "contact",
            "id": contact.pk,
            "uId": str(contact.uid),
            "name": f"contact {contact.pk}",
        },
        "version": 2,
        "paths": [NAME],
        "changeRequestId": None,
    }


def test_events_come_once_in_order_and_in_pages(app, make_contact):
    feed = Reader(app)
    contacts = [make_contact() for _ in range(5)]
    first = app.get(f"{FEED}?after={feed.position}&limit=2").json
    assert first["hasMore"]
    assert len(first["events"]) == 2
    events = feed.read("&limit=2")
    assert [event["subject"]["id"] for event in events] == [contact.pk for contact in contacts]
    assert [event["position"] for event in events] == list(range(events[0]["position"], feed.position + 1))
    assert first["events"] == events[:2]
    assert feed.read() == []


def test_a_waiting_change_is_no_event_and_the_approved_one_names_its_request(app, api_of, make_member, make_contact):
    anna, rita = make_member(), make_member(reviews=True, sees_all_contacts=True)
    contact = make_contact(members=[anna])
    feed = Reader(app)
    body = {"details": {"personalInformation": {"lastName": "Zwingli"}}}
    assert api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", body).json["isApprovalRequired"]
    assert feed.read() == []
    approve_all(rita)
    (event,) = feed.read()
    assert event["changeRequestId"] == ChangeRequest.objects.get().pk


def test_only_the_types_that_are_asked_for_are_read(app, make_contact):
    feed = Reader(app)
    contact = make_contact()
    rename(contact, "Zwingli", api=app)
    asked = app.get(f"{FEED}?after={feed.position}&types=contact.changed").json
    assert [event["type"] for event in asked["events"]] == ["contact.changed"]
    both = app.get(f"{FEED}?after={feed.position}&types=contact.changed&types=contact.created").json
    assert len(both["events"]) == 2


def test_an_anonymized_contact_is_an_event_and_its_earlier_ones_keep_their_paths(app, make_contact):
    feed = Reader(app)
    contact = make_contact()
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    created, changed, anonymized = feed.read()
    assert (created["type"], changed["type"], anonymized["type"]) == (
        "contact.created",
        "contact.changed",
        "contact.anonymized",
    )
    assert NAME in created["paths"]


def test_a_kind_without_its_scope_is_not_heard(make_app, api_of, make_contact):
    application = make_app()
    groups_only = Reader(api_of(application, scopes=["events.read", "groups.read"]))
    everything = Reader(api_of(application))
    make_contact()
    assert groups_only.types() == []
    assert everything.types() == ["contact.created"]


# ---- participants


def test_an_application_with_participants_hears_of_its_contacts_only(make_app, make_participant, make_contact, api_of):
    ours, theirs = make_participant(), make_participant()
    application = make_app(participants=[ours])
    feed = Reader(api_of(application))
    contact, other = make_contact(participants=[ours]), make_contact(participants=[theirs])
    nobodys = make_contact()
    rename(other, "Zwingli", api=api_of(make_app()))
    rename(nobodys, "Zwingli", api=api_of(make_app()))
    assert [event["subject"]["id"] for event in feed.read()] == [contact.pk]


def test_it_hears_that_a_contact_came_into_its_sight_and_left(make_app, make_participant, make_contact, api_of):
    ours, theirs = make_participant(), make_participant()
    contact = make_contact(participants=[theirs])
    feed = Reader(api_of(make_app(participants=[ours])))
    all_seeing = Reader(api_of(make_app()))
    all_seeing.read()
    rename(contact, "Before", api=api_of(make_app()))
    give(contact, ours)
    rename(contact, "During", api=api_of(make_app()))
    take(contact, theirs)
    take(contact, ours)
    rename(contact, "After", api=api_of(make_app()))
    assert feed.types() == ["contact.entered", "contact.changed", "contact.access.changed", "contact.left"]
    types = [type_ for type_ in all_seeing.types() if type_.startswith("contact")]
    assert types == [
        "contact.changed",
        "contact.access.changed",
        "contact.changed",
        "contact.access.changed",
        "contact.access.changed",
        "contact.changed",
    ]
    entered = f"{FEED}?after=0&types=contact.entered"
    assert len(feed.api.get(entered).json["events"]) == 1
    assert all_seeing.api.get(entered).json["events"] == []


def test_events_carry_the_participants_of_their_time_however_late_they_are_read(
    app, make_app, make_participant, make_contact, api_of
):
    """Nobody reads meanwhile, so all are numbered at once, when the contact has other participants."""
    first, second = make_participant(), make_participant()
    contact = make_contact(participants=[first])
    feeds = [Reader(api_of(make_app(participants=[participant]))) for participant in (first, second)]
    for feed in feeds:
        feed.read()
    rename(contact, "Of the first", api=app)
    give(contact, second)
    rename(contact, "Of both", api=app)
    take(contact, first)
    rename(contact, "Of the second", api=app)
    assert feeds[0].types() == ["contact.changed", "contact.access.changed", "contact.changed", "contact.left"]
    assert feeds[1].types() == ["contact.entered", "contact.changed", "contact.access.changed", "contact.changed"]


def test_a_change_of_what_the_application_sees_says_resync_to_it_alone(
    make_app, make_participant, make_contact, api_of
):
    application, other = make_app(participants=[make_participant()]), make_app(participants=[make_participant()])
    own, others = Reader(api_of(application)), Reader(api_of(other))
    all_seeing = Reader(api_of(make_app()))
    participant = make_participant()
    change_application(actor=SYSTEM, application_id=application.pk, target={"participants": [participant.pk]})
    assert set(own.types()) == {"resync"}
    assert others.types() == []
    assert set(all_seeing.types()) == {"application.sight.changed"}


def test_it_hears_that_a_contact_left_that_was_anonymized_before_anybody_read(
    app, make_app, make_participant, make_contact, api_of
):
    """Anonymization erases the values that say who saw the contact."""
    ours, theirs = make_participant(), make_participant()
    contact = make_contact(participants=[ours])
    feeds = [Reader(api_of(make_app(participants=[participant]))) for participant in (ours, theirs)]
    for feed in feeds:
        feed.read()
    take(contact, ours)
    give(contact, theirs)
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    assert feeds[0].types() == ["contact.left"]
    assert feeds[1].types() == ["contact.entered", "contact.changed", "contact.anonymized"]


# ---- the order


def test_a_new_event_gets_the_next_position(app, make_contact):
    number_events()
    last = Event.objects.latest("position").position if Event.objects.exists() else 0
    make_contact()
    number_events()
    assert Event.objects.latest("position").position == last + 1


def test_a_database_restored_on_a_fresh_server_goes_on_without_a_gap(app, make_contact):
    """Its transactions count from a lower number than the numbering remembers."""
    earlier = make_contact()
    feed = Reader(app)
    last = make_contact()
    with without_triggers():
        Entry.objects.filter(subject_id__in=[earlier.pk, last.pk]).update(transaction_id=2**60)
        Numbering.objects.update(horizon=2**59)
    contact = make_contact()
    assert [event["subject"]["id"] for event in feed.read()] == [last.pk, contact.pk]
    assert Numbering.objects.get().horizon < 2**59
    other = make_contact()
    assert [event["subject"]["id"] for event in feed.read()] == [other.pk]


def test_events_are_never_changed_nor_deleted(make_contact):
    make_contact()
    number_events()
    for act in (Event.objects.all().delete, lambda: Event.objects.update(type="x")):
        with pytest.raises(IntegrityError, match="stays in the feed"), transaction.atomic():
            act()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="nothing is ever deleted"), transaction.atomic():
            cursor.execute("TRUNCATE events_event, events_delivery")


def test_every_kind_of_change_request_whose_entries_are_recorded_has_its_events():
    without_entries = {"export", "break-glass"}
    assert {kind.key for kind in all_kinds()} - without_entries <= {kind.key for kind in all_event_kinds()}


def test_reading_takes_the_same_number_of_statements_however_much_has_happened(app, make_contact, count_queries):
    feed = Reader(app)
    counts = []
    for number in (1, 20):
        for _ in range(number):
            make_contact()
        number_events()
        with count_queries() as queries:
            assert len(feed.read()) == number
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 6
