"""The changelog: entries of all kinds in one form, as far as their reader sees the subjects."""

import pytest

from accounts.actor import member_actor, system_actor
from administration.services.rights import change_rights
from audit.models import Entry
from contactgroups.services import Membership, create_group
from contacts.services.changes import patch_details
from contacts.services.identity import change_username
from schemas.models import ListItem
from tests.changerequests.policies import policy, set_policy
from tests.changerequests.reviewing import text_of

pytestmark = pytest.mark.django_db

SYSTEM = system_actor("tests")
ADDRESS = "/admin/audit/entry/"
SEES_REQUESTS = ["view_changerequest"]


@pytest.fixture
def contact(make_contact):
    return make_contact(username="heidi")


@pytest.fixture
def olga(make_member):
    return make_member("olga", permissions=[*SEES_REQUESTS, "view_user"], sees_all_contacts=True)


@pytest.fixture
def changed(contact, make_member):
    """Changes of several kinds, by Anna and by the system."""
    anna = make_member("anna", sees_all_contacts=True)
    for kind in ("contact-details", "contact-identity"):
        set_policy(policy([], []), kind=kind)
    patch = {"personalInformation": {"lastName": "Heusser"}}
    patch_details(actor=member_actor(anna), contact_id=contact.pk, patch=patch, comment="married")
    change_username(actor=SYSTEM, contact_id=contact.pk, username="johanna")
    owner = ListItem.objects.get(list__key="access-policy", key="owner").pk
    create_group(actor=SYSTEM, memberships=[Membership(contact.pk, owner)], name="Family")
    return anna


def kinds_in(browser, **asked):
    answer = browser.get(ADDRESS, asked)
    assert answer.status_code == 200
    return [line.entry.kind for line in answer.context["lines"]]


def test_only_who_may_see_requests_opens_it(make_member, olga, admin_of):
    assert admin_of(make_member(permissions=["view_contact"])).get(ADDRESS).status_code == 403
    assert admin_of(olga).get(ADDRESS).status_code == 200


def test_what_one_does_not_see_is_not_in_it(changed, contact, make_member, admin_of):
    outsider = admin_of(make_member("otto", permissions=SEES_REQUESTS))
    page = text_of(outsider.get(ADDRESS, {"since": "2020-01-01"}))
    assert "Heusser" not in page
    assert "heidi" not in page
    assert "Family" not in page
    assert not set(kinds_in(outsider, since="2020-01-01")) & {"contact-details", "contact-identity", "rights"}
    assert kinds_in(outsider, contact=contact.pk) == []


def test_it_shows_before_and_after_of_every_kind(changed, contact, olga, admin_of, looks):
    looks()
    page = text_of(admin_of(olga).get(ADDRESS))
    assert "Removed: Spyri + Added: Heusser" in page
    assert "Removed: heidi + Added: johanna" in page
    assert "Family" in page
    assert "married" in page
    assert "Anna Tester" in page
    assert contact.pk in {row[0] for row in looks()}


def test_it_filters_by_kind_person_contact_and_day(changed, contact, make_contact, olga, admin_of):
    make_contact()
    browser = admin_of(olga)
    assert set(kinds_in(browser, kind="contact-identity")) == {"contact-identity"}
    assert kinds_in(browser, member="ANNA") == ["contact-details"]
    of_contact = kinds_in(browser, contact=contact.pk)
    assert of_contact.count("contact-details") == 2
    assert set(of_contact) >= {"contact-details", "contact-identity"}
    assert "contact-group" not in of_contact
    assert kinds_in(browser, since="2020-01-01", until="2020-01-02") == []
    assert kinds_in(browser, member="nobody") == []
    assert kinds_in(browser, kind="nonsense") == []


def test_rights_are_for_who_sees_users(make_member, olga, admin_of):
    ben, root = make_member("ben"), make_member("root", is_superuser=True)
    set_policy(policy([], []), kind="rights")
    change_rights(actor=member_actor(root), user_id=ben.user_id, target={"isSuperuser": False, "permissions": []})
    assert "rights" in kinds_in(admin_of(olga))
    assert "rights" not in kinds_in(admin_of(make_member(permissions=SEES_REQUESTS, sees_all_contacts=True)))


def test_pages_follow_each_other_without_counting(contact, olga, admin_of, count_queries):
    for number in range(45):
        patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": f"{number}"}})
    browser = admin_of(olga)
    browser.get(ADDRESS)
    seen, address = [], f"{ADDRESS}?contact={contact.pk}"
    while address:
        with count_queries() as queries:
            answer = browser.get(address)
        sent = [query["sql"] for query in queries.captured_queries]
        assert len(sent) <= 12, "\n".join(sql[:120] for sql in sent)
        assert not [sql for sql in sent if "COUNT(" in sql and "audit_entry" in sql]
        seen += [line.entry.pk for line in answer.context["lines"]]
        following = answer.context["following"]
        address = f"{ADDRESS}{following}" if following else ""
    assert sorted(seen) == sorted(
        Entry.objects.filter(subject_id=contact.pk, kind__startswith="contact-")
        .exclude(kind="contact-group")
        .values_list("pk", flat=True)
    )
    assert len(seen) == len(set(seen)) >= 46
