"""Whatever shows a contact leaves a row in the access log: every operation, and every page that the admin links to.

A contact has names and numbers that nothing else has. An answer in which one of them is found has shown the contact.
"""

import re
from collections import deque
from html import unescape
from itertools import product
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.urls import resolve

from audit.access.models import Door, Looker, Way
from operations.doors import inventory
from tests.security.test_objects_of_others import KIND_OF_CALLER, address
from tests.test_permissions import OPERATIONS

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

QUERY = "{ contacts { items { id name personalInformation { lastName } } } }"
# What finds the contact.
BODIES = {
    "POST /v1.0/contacts/search": {"query": "person.ours"},
    "POST /graphql": {"query": QUERY},
}
SHOWS_NOBODY = {
    # What the caller itself has written.
    "POST /v1.0/contacts",
    # Ids of what has changed, never a name or a value.
    "GET /v1.0/events",
}
# Lists and schemas have no contacts.
OF_NO_CONTACT = re.compile(r"/(schemas|lists)\b")
# Values of the contact, without its name: what they are is not known here.
VALUES = re.compile(r"change-history/search|/profile-picture|/change-requests/\{changeRequestId\}$")


@pytest.fixture
def marks(ours):
    """What nothing but the contact is called."""
    contact = ours.contact
    return re.compile(rf"Person of ours|person\.ours|{contact.uid}|{re.escape(ours.external_id)}\b")


def lookers(world):
    """Return the callers as the log names them."""
    return {
        "app": (Looker.APP, world.app.pk),
        "member": (Looker.MEMBER, world.member.pk),
        "contact": (Looker.CONTACT, world.contact.pk),
    }


def test_every_operation_that_shows_a_contact_is_on_record(ours, marks, api_of, looks, case):
    shown = set()
    for operation, (kind, caller) in product(OPERATIONS, KIND_OF_CALLER.items()):
        name = str(operation)
        if caller not in operation.open_to or OF_NO_CONTACT.search(operation.path):
            continue
        api = api_of(getattr(ours, kind))
        body = BODIES.get(name, operation.body)
        if name == "POST /v1.0/contacts/duplicates/search":
            body = {"details": ours.contact.details}
        looks()
        with case(name, kind):
            path = address(operation, ours)
            answer = api.call(operation.method, path, body, raw=operation.raw, content_type=operation.content_type)
            found = looks()
            assert {(row[1], row[2]) for row in found} <= {lookers(ours)[kind]}
            assert {row[4] for row in found} <= {Door.GRAPHQL if operation.path == "/graphql" else Door.API}
            is_named = marks.search(f"{answer.json}") is not None
            if is_named and name not in SHOWS_NOBODY:
                assert ours.contact.pk in {row[0] for row in found}, answer.json
            if not is_named and not VALUES.search(operation.path):
                assert found == set(), answer.json
            shown |= {name} if found else set()
    values = {str(operation) for operation in OPERATIONS if VALUES.search(operation.path) and operation.method == "GET"}
    assert values <= shown
    assert len(shown) >= 20, sorted(shown)


def links_of(page, address):
    """Return the addresses of the admin that a page links to, without what writes."""
    for found in re.findall(r'="((?:/admin/|\?|\.\./)[^"#]*)"', page):
        link = urljoin(address, unescape(found))
        if link.startswith("/admin/") and "/logout/" not in link:
            yield link


def kept_short(link):
    """Return what tells pages apart: of each, one is opened, and one with a query."""
    parts = urlsplit(link)
    return resolve(parts.path).url_name, len(parts.query) > 0


def test_every_page_of_the_admin_that_shows_a_contact_is_on_record(ours, marks, admin_of, looks, subtests):
    """Follows every link that the admin shows to somebody who may do everything."""
    user = ours.member.user
    user.user_permissions.set(Permission.objects.all())
    browser = admin_of(ours.member)
    start = [
        "/admin/",
        "/admin/find/?q=person.ours",
        f"/admin/find/?recent=contact-{ours.contact.pk}",
        "/admin/autocomplete/?app_label=contactgroups&model_name=groupmembership&field_name=contact&term=person",
        f"/admin/contacts/contact/{ours.contact.pk}/history/",
        f"/admin/contacts/contact/{ours.contact.pk}/picture/image/",
        "/admin/changerequests/changerequest/?status=all",
        "/admin/notifications/?show=all",
        f"/admin/accounts/member/{ours.request.initiator_member_id}/change/",
    ]
    waiting, known, names = deque(start), set(), set()
    given = set(start)
    looker = lookers(ours)["member"]
    while waiting:
        link = waiting.popleft()
        if kept_short(link) in known and link not in given:
            continue
        given.discard(link)
        known.add(kept_short(link))
        looks()
        answer = browser.get(link)
        found = looks()
        if answer.status_code != 200:
            continue
        name = resolve(urlsplit(link).path).url_name
        is_text = answer.headers["Content-Type"].startswith(("text/html", "application/json"))
        page = b"".join(answer).decode(errors="replace")
        with subtests.test(link):
            assert {(row[1], row[2], row[4]) for row in found} <= {(*looker, Door.ADMIN)}
            # The address in a link names the contact's number, which is no name.
            if is_text and marks.search(page):
                assert ours.contact.pk in {row[0] for row in found}, link
        names |= {name} if found else set()
        waiting.extend(links_of(page, link))
    assert {"contacts_contact_change", "contacts_contact_picture_image", "finder", "autocomplete", "index"} <= names
    assert {"changerequests_changerequest_changelist", "changerequests_changerequest_change"} <= names
    visited = {name for name, _query in known}
    pages = {page for page in inventory.admin_pages() if page.startswith("contacts_contact_")}
    assert pages - visited <= {
        # Only sent to.
        *(f"contacts_contact_{page}" for page in ("connections_add", "channels_act", "picture_change")),
        # For a merged contact alone.
        "contacts_contact_unmerge",
        "contacts_contact_choices",
        "contacts_contact_picture_file",
    }


def test_each_way_is_told_apart(ours, admin_of, api_of, looks):
    """The same contact read, found in a list and seen on a review page."""
    api, browser, contact = api_of(ours.app), admin_of(ours.member), ours.contact.pk
    app, member = lookers(ours)["app"], lookers(ours)["member"]
    api.get(f"/v1.0/contacts/{contact}/details")
    assert looks() == {(contact, *app, Way.READ, Door.API)}
    api.post("/v1.0/contacts/search", {"query": "person.ours"})
    assert looks() == {(contact, *app, Way.LISTED, Door.API)}
    api.get(f"/v1.0/change-requests/{ours.request.pk}")
    assert looks() == {(contact, *app, Way.REVIEWED, Door.API)}
    browser.get("/admin/contacts/contact/")
    assert looks() == {(contact, *member, Way.LISTED, Door.ADMIN)}
    browser.get(f"/admin/changerequests/changerequest/{ours.request.pk}/change/")
    assert looks() == {(contact, *member, Way.REVIEWED, Door.ADMIN)}


def test_who_sees_nothing_leaves_nothing(ours, theirs, admin_of, api_of, looks):
    api, browser = api_of(ours.app), admin_of(ours.member)
    api.get(f"/v1.0/contacts/{theirs.contact.pk}/details")
    api.post("/v1.0/contacts/search", {"query": "person.theirs"})
    browser.get(f"/admin/contacts/contact/{theirs.contact.pk}/change/")
    browser.get("/admin/contacts/contact/?q=person.theirs")
    assert looks() == set()
