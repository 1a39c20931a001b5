"""The search box of the admin: who finds what, and that it names nothing that the lists would not show."""

import re

import pytest
from django.urls import reverse

from accounts.actor import member_actor, system_actor
from contactgroups.models import ContactGroup, GroupMembership
from contactgroups.services import Membership
from contacts.services.changes import patch_details
from legalentities.services import create_legal_entity
from schemas.models import ListItem
from tests.legalentities.documents import company

pytestmark = pytest.mark.django_db
VIEWS = ("view_contact", "view_contactgroup", "view_legalentity", "view_changerequest", "change_contact_details")


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=VIEWS)


@pytest.fixture
def heidi(make_contact, anna):
    heidi = make_contact(members=[anna])
    group = ContactGroup.objects.create(name="Familie Spyri")
    owner = ListItem.objects.get(list__key="access-policy", key="owner")
    GroupMembership.objects.create(group=group, contact=heidi, access_policy=owner)
    return heidi


def keys(browser, **asked):
    answer = browser.get(reverse("finder"), asked)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return re.findall(r'data-key="([^"]+)"', answer.content.decode())


def test_nobody_finds_what_their_lists_do_not_show(client, admin_of, anna, heidi, make_member, make_contact):
    other = make_contact()
    assert client.get(reverse("finder"), {"q": "Spyri"}).status_code == 302
    group = heidi.group_memberships.get().group
    recent = {"recent": [f"contact-{heidi.pk}", f"group-{group.pk}", f"contact-{other.pk}", "contact-x", "user-1", "x"]}
    # Looks at contacts, and has none; has contacts, and may not look at them; may not look at groups.
    assert keys(admin_of(make_member(permissions=VIEWS)), q="Spyri") == []
    assert keys(admin_of(make_member(permissions=VIEWS)), **recent) == []
    for permissions in ((), ("view_contact",)):
        who = make_member(permissions=permissions)
        heidi.assignments.create(member=who)
        expected = [f"contact-{heidi.pk}"] * len(permissions)
        assert keys(admin_of(who), q="Spyri") == expected
        assert keys(admin_of(who), **recent) == expected
    assert set(keys(admin_of(anna), q="Spyri")) == {f"contact-{heidi.pk}", f"group-{group.pk}"}
    assert keys(admin_of(anna), **recent) == [f"contact-{heidi.pk}", f"group-{group.pk}"]
    assert keys(admin_of(anna)) == []


def test_legal_entities_by_name_and_requests_by_number(admin_of, anna, heidi, make_member, count_queries):
    patch = {"personalInformation": {"lastName": "Heusser"}}
    request = patch_details(actor=member_actor(anna), contact_id=heidi.pk, patch=patch).change_request
    assert request is not None
    membership = Membership(heidi.pk, ListItem.objects.get(list__key="access-policy", key="owner").pk)
    firm = create_legal_entity(
        actor=system_actor("tests"), details=company(name="Heidi AG"), memberships=[membership], external_id=None
    )
    browser = admin_of(anna)
    assert keys(browser, q="heidi ag") == [f"company-{firm.pk}"]
    assert keys(admin_of(make_member(permissions=VIEWS)), q="heidi ag") == []
    for text in (str(request.pk), f"#{request.pk}"):
        assert f"request-{request.pk}" in keys(browser, q=text)
    assert f"request-{request.pk}" not in keys(admin_of(make_member(permissions=VIEWS)), q=str(request.pk))
    with count_queries() as queries:
        keys(browser, q="Spyri")
    assert len(queries) <= 20, [one["sql"][:100] for one in queries.captured_queries]


def test_the_answer_says_in_the_readers_language_where_it_found_somebody(admin_of, anna, heidi):
    patch_details(
        actor=system_actor("tests"), contact_id=heidi.pk, patch={"occupation": {"employer": "Kernkraft <AG>"}}
    )
    browser = admin_of(anna)
    for language, label in (("en", "Employer"), ("de", "Arbeitgeber")):
        shown = browser.get(
            reverse("finder"), {"q": "kernkraft"}, headers={"accept-language": language}
        ).content.decode()
        assert label in shown, shown
