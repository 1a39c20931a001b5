"""Objects of others in the admin: no page, list, search, filter or action reveals them to the signed-in member."""

import re
from itertools import product

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from accounts.models import ClientApplication, User
from contacts.models import Contact
from tests.security.conftest import nothing_changes, pair_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Pages about people or what belongs to them, each with its object of a world.
OBJECTS = {
    "changerequests/changerequest": lambda world: world.request.pk,
    "contacts/contact": lambda world: world.contact.pk,
    "contactgroups/contactgroup": lambda world: world.group.pk,
    "legalentities/legalentity": lambda world: world.legal_entity.pk,
    "importexport/importjob": lambda world: world.job.pk,
    "matching/pair": lambda world: pair_of(world).pk,
    "importexport/exportjob": lambda world: world.exports["contacts"].pk,
}
NAMES = re.compile(r"(Person|Group) of theirs|theirs AG|person\.theirs|Theirs-Colleague")
# What is the institution's: whoever holds Django's permission sees all of it.
OF_THE_INSTITUTION = {
    # Of contacts that one sees; `tests/contacts/test_admin_who_looked.py` has whose.
    "audit/access",
    # Of what one sees; `tests/changerequests/test_admin_changelog.py` has whose.
    "audit/entry",
    "accounts/clientapplication",
    "accounts/member",
    "accounts/participant",
    "accounts/user",
    "auth/group",
    # Of members; `tests/changerequests/test_admin_absences.py` has who sees which.
    "changerequests/absence",
    "changerequests/holiday",
    "contacts/externalsystem",
    "changerequests/policyversion",
    "events/webhook",
    "schemas/list",
    "schemas/listitem",
    "schemas/schema",
    "schemas/schemaversion",
}


@pytest.fixture
def browser(ours, admin_of):
    return admin_of(ours.member)


def test_every_page_of_the_admin_is_known_here():
    registered = {f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry}
    assert registered <= OBJECTS.keys() | OF_THE_INSTITUTION, registered - OBJECTS.keys() - OF_THE_INSTITUTION


def test_pages_about_what_others_have_are_not_found(browser, ours, theirs, case):
    """Like those of an id that there is not; where the page asks for a right that the member lacks, it is told so."""
    for page, view in product(OBJECTS, ["change/", "history/", "delete/", ""]):
        address = f"/admin/{page}/{OBJECTS[page](theirs)}/{view}"
        no_such = re.sub(r"\d+/$|[0-9a-f-]{36}/$", "", f"/admin/{page}/{OBJECTS[page](theirs)}/")
        no_such += "00000000-0000-4000-8000-000000000000/" if "importexport" in page else "2147483647/"
        with case(page, view), nothing_changes():
            for method in (browser.get, browser.post):
                answers = method(address, follow=True), method(no_such + view, follow=True)
                statuses = [answer.status_code for answer in answers]
                assert statuses[0] == statuses[1]
                assert statuses[0] in (403, 404) or answers[0].redirect_chain[-1][0] == "/admin/"
                assert "theirs" not in answers[0].content.decode()


def test_ones_own_pages_open(browser, ours, theirs, case):
    for page in OBJECTS:
        if page == "importexport/exportjob":
            continue
        with case(page):
            shown = browser.get(f"/admin/{page}/{OBJECTS[page](ours)}/change/")
            assert shown.status_code == 200
            assert "theirs" not in shown.content.decode()


def test_lists_neither_show_nor_count_what_others_have(browser, ours, theirs, case):
    queries = ["", "?q=theirs", "?q=person", "?q={id}", "?status=all", "?status=all&q=theirs"]
    for page, query in product(OBJECTS, queries):
        with case(page, query):
            shown = browser.get(f"/admin/{page}/{query.format(id=OBJECTS[page](theirs))}", follow=True)
            has_no_such_filter = "status" in query and page.partition("/")[0] not in ("changerequests", "importexport")
            assert shown.status_code == (400 if has_no_such_filter else 200)
            assert not NAMES.search(shown.content.decode())
            if "cl" in (shown.context or {}):
                assert shown.context["cl"].result_count == len(shown.context["cl"].result_list) <= 4


def test_autocomplete_finds_no_contact_of_others(browser, ours, theirs, make_member, admin_of):
    asked = {"app_label": "contactgroups", "model_name": "groupmembership", "field_name": "contact"}
    found = browser.get("/admin/autocomplete/", {**asked, "term": "person"}).json()["results"]
    assert {row["id"] for row in found} == {str(ours.contact.pk)}
    assert browser.get("/admin/autocomplete/", {**asked, "term": "theirs"}).json()["results"] == []
    # Who may look at no contacts is told of none, and members are for those who may look at members.
    nobody = admin_of(make_member("nobody", sees_all_contacts=True))
    assert nobody.get("/admin/autocomplete/", {**asked, "term": "person"}).status_code == 403
    members = {"app_label": "changerequests", "model_name": "changerequest", "field_name": "initiator_member"}
    assert browser.get("/admin/autocomplete/", {**members, "term": "theirs"}).status_code == 403


def test_a_group_cannot_be_given_the_contact_of_others(browser, ours, theirs, policy):
    rows = {
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-contact": str(theirs.contact.pk),
        "memberships-0-access_policy": str(policy()),
        "linked_entities-TOTAL_FORMS": "0",
        "linked_entities-INITIAL_FORMS": "0",
    }
    with nothing_changes():
        for address in ("add/", f"{ours.group.pk}/change/"):
            refused = browser.post(f"/admin/contactgroups/contactgroup/{address}", {"name": "Mine", **rows})
            assert refused.status_code in (200, 422)
            assert "Person of theirs" not in refused.content.decode()


def test_a_decision_is_not_sent_to_the_request_of_others(browser, theirs):
    with nothing_changes():
        for decision in ("approve", "reject", "cancel"):
            sent = {"decision": decision, "comment": "mine"}
            answer = browser.post(f"/admin/changerequests/changerequest/{theirs.request.pk}/change/", sent)
            assert answer.status_code == 404


def test_files_of_others_are_not_downloaded(browser, theirs, ours):
    job = theirs.exports["contacts"]
    assert browser.get(f"/admin/importexport/exportjob/download/contacts/{job.pk}/").status_code == 404
    assert browser.get(f"/admin/importexport/importjob/{theirs.job.pk}/failures.csv").status_code == 404
    own = ours.exports["contacts"]
    assert browser.get(f"/admin/importexport/exportjob/download/contacts/{own.pk}/").status_code == 200
    assert browser.get(f"/admin/importexport/exportjob/download/legalentities/{own.pk}/").status_code == 404


def test_recent_actions_are_ones_own(browser, theirs):
    """Django's log of the admin's pages names objects: nobody reads that of a colleague."""
    LogEntry.objects.create(
        user=theirs.member.user,
        content_type=ContentType.objects.get_for_model(Contact),
        object_id=str(theirs.contact.pk),
        object_repr="Person of theirs",
        action_flag=CHANGE,
    )
    assert "Person of theirs" not in browser.get("/admin/").content.decode()


# ---- columns that no list may be asked about


@pytest.mark.parametrize(
    ("page", "lookup"),
    [
        ("accounts/clientapplication", "client_secret__startswith"),
        ("accounts/clientapplication", "accesstoken__token_checksum__startswith"),
        ("accounts/user", "password__startswith"),
        ("accounts/member", "user__password__startswith"),
        ("accounts/participant", "applications__client_secret__startswith"),
        ("contacts/contact", "user__password__startswith"),
        ("changerequests/changerequest", "initiator_member__user__password__startswith"),
        ("importexport/exportjob", "requested_by_application__client_secret__startswith"),
        ("events/webhook", "secret__startswith"),
        ("events/webhook", "application__client_secret__startswith"),
    ],
)
def test_secrets_are_not_guessed_through_the_filters_of_a_list(page, lookup, make_member, admin_of, make_app):
    """A filter that may be put into the address answers yes or no: of a hash, letter by letter."""
    make_app()
    boss = make_member("boss", is_superuser=True)
    browser = admin_of(boss)
    secrets = [User.objects.get(pk=boss.user_id).password, ClientApplication.objects.get().client_secret]
    for guess in (secrets[0][:3], secrets[1][:3], "~"):
        answer = browser.get(f"/admin/{page}/", {lookup: guess})
        refused = answer.status_code == 400 or (answer.status_code == 302 and answer["Location"].endswith("?e=1"))
        assert refused, (guess, answer.status_code)
