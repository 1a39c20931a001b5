"""The list of possible duplicates in the admin, and the page of a pair."""

import pytest

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from contacts.models import Contact
from matching.models import DISTINCTION, DuplicateSearch, Pair, SearchStatus
from matching.pairs import distinguish
from matching.searching import run_search, start_search
from tests.browserless import sent_by

pytestmark = pytest.mark.django_db
LIST = "/admin/matching/pair/"
SEARCH = f"{LIST}search/"
SYSTEM = system_actor("tests")


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=["view_pair", "change_pair", "view_contact"])


@pytest.fixture
def ben(make_member):
    return make_member("ben", permissions=["view_pair", "change_pair", "view_contact"])


@pytest.fixture
def chief(make_member):
    return make_member("chief", permissions=["view_pair", "add_pair"], sees_all_contacts=True)


@pytest.fixture
def people(make_contact):
    """Create contacts that differ only in who looks after them and, if said, by a name."""

    def make(*members, last="Nägeli", born="1980-02-09"):
        personal = {"firstName": "Reto", "lastName": last} | ({"dateOfBirth": born} if born else {})
        return make_contact(document={"personalInformation": personal}, members=members)

    return make


def searched():
    search = start_search(actor=SYSTEM)
    run_search(search.pk)


def listed(browser, **filters):
    answer = browser.get(LIST, filters)
    assert answer.status_code == 200
    return [(pair.lower_id, pair.higher_id) for pair in answer.context["cl"].result_list]


def page_of(pair):
    return f"{LIST}{pair.pk}/change/"


def test_without_the_permission_there_is_no_list_and_no_page(people, anna, make_member, admin_of):
    people(anna), people(anna)
    searched()
    nobody, viewer = make_member("nobody", permissions=["view_contact"]), make_member("v", permissions=["view_pair"])
    for address in (LIST, page_of(Pair.objects.get())):
        assert admin_of(nobody).get(address).status_code == 403
    Contact.objects.get(pk=Pair.objects.get().lower_id).members.add(viewer)
    assert listed(admin_of(viewer)) == []
    Contact.objects.get(pk=Pair.objects.get().higher_id).members.add(viewer)
    answer = admin_of(viewer).post(page_of(Pair.objects.get()), {"reason": "Cousins."})
    assert answer.status_code == 403
    assert Pair.objects.get().is_open


def test_a_member_learns_of_no_pair_of_which_it_sees_one_contact_only(people, anna, ben, chief, admin_of):
    own = people(anna)
    others = people(ben)
    searched()
    pair = Pair.objects.get()
    before = admin_of(anna).get(LIST).content.decode()
    for member in (anna, ben):
        browser = admin_of(member)
        assert listed(browser) == listed(browser, verdict="probable") == listed(browser, mine="yes") == []
        assert browser.get(page_of(pair)).status_code == 404
        assert browser.post(page_of(pair), {"reason": "Cousins."}).status_code == 404
        sent = {"action": "distinguish_selected", "_selected_action": [pair.pk], "reason": "Cousins."}
        browser.post(LIST, sent)
        assert Pair.objects.get().is_open
    # Who sees both has it on the list.
    assert listed(admin_of(chief)) == [(own.pk, others.pk)]
    assert f"#{others.pk}" not in before


def test_pairs_are_listed_best_first_and_filtered(people, anna, chief, admin_of):
    one, other, similar = people(anna), people(anna), people(anna, last="Negeli", born="1980-02-08")
    searched()
    browser = admin_of(anna)
    assert listed(browser)[0] == (one.pk, other.pk)
    assert len(listed(browser)) == 3
    assert listed(browser, verdict="probable") == listed(browser)
    assert listed(browser, score="0.999") == [(one.pk, other.pk)]
    assert listed(admin_of(chief), mine="yes") == []
    assert listed(browser, mine="yes") == listed(browser)
    assert browser.get(LIST, {"score": "0.1"}).status_code == 302
    Pair.objects.filter(lower=one, higher=similar).update(score=0.6)
    assert listed(browser, verdict="possible") == [(one.pk, similar.pk)]
    page = browser.get(LIST).content.decode()
    assert "Date of birth, Last name, First name" in page
    assert "Similar date of birth" in page


def test_a_pair_is_told_apart_for_a_reason_and_looked_at_again(people, anna, admin_of):
    one, other = people(anna), people(anna)
    searched()
    browser, pair = admin_of(anna), Pair.objects.get()
    page = browser.get(page_of(pair)).content.decode()
    for text in (f"/contact/{one.pk}/change/", f"/contact/{other.pk}/change/", "Date of birth", "99.9 %"):
        assert text in page
    for reason in ("", " ", "x" * 501):
        assert browser.post(page_of(pair), {"reason": reason}).status_code == 422
    assert listed(browser) == [(one.pk, other.pk)]
    assert browser.post(page_of(pair), {"reason": "His cousin."}).status_code == 302
    assert listed(browser) == []
    assert listed(browser, state="distinct") == [(one.pk, other.pk)]
    # A colleague who had the page open does not overwrite it unseen.
    assert browser.post(page_of(pair), {"reason": "Of another canton."}).status_code == 422
    assert "His cousin." in browser.get(LIST, {"state": "distinct"}).content.decode()
    assert "anna" in browser.get(page_of(pair)).content.decode().lower()
    searched()
    assert listed(browser) == []
    assert browser.post(page_of(pair), {"again": "yes"}).status_code == 302
    assert listed(browser) == [(one.pk, other.pk)]
    pair.refresh_from_db()
    assert (pair.reason, pair.distinct_by, pair.distinct_at) == ("", None, None)
    said = Entry.objects.filter(kind=DISTINCTION, subject_id=one.pk, initiator_member=anna).order_by("sequence")
    assert [entry.changes[0]["target"] for entry in said] == [[other.pk], None]


def test_selected_pairs_are_told_apart_for_one_reason(people, anna, admin_of):
    for _ in range(3):
        people(anna)
    searched()
    browser = admin_of(anna)
    ids = [str(pk) for pk in Pair.objects.order_by("pk").values_list("pk", flat=True)]
    asked = browser.post(LIST, {"action": "distinguish_selected", "_selected_action": ids[:2]})
    form = sent_by(asked.content.decode())
    assert set(form.getlist("_selected_action")) == set(ids[:2])
    assert len(listed(browser)) == 3
    form["reason"] = ""
    assert send(browser, form).status_code == 422
    form["reason"] = "Cousins."
    assert send(browser, form).status_code == 302
    assert len(listed(browser)) == 1
    assert browser.post(LIST, {"action": "distinguish_selected", "_selected_action": ["x"]}).status_code == 404


def send(browser, form):
    return browser.post(LIST, form.urlencode(), content_type="application/x-www-form-urlencoded")


def test_who_may_starts_a_search_of_all_contacts(people, anna, chief, admin_of, django_capture_on_commit_callbacks):
    people(anna), people(anna)
    assert admin_of(anna).post(SEARCH).status_code == 403
    assert admin_of(chief).get(SEARCH).status_code == 405
    assert not DuplicateSearch.objects.exists()
    assert SEARCH not in admin_of(anna).get(LIST).content.decode()
    assert admin_of(chief).post(SEARCH).status_code == 302
    search = DuplicateSearch.objects.get()
    assert (search.started_by_id, search.since) == (chief.pk, None)
    assert "data-unfinished-job" in admin_of(chief).get(LIST).content.decode()
    assert "running already" in admin_of(chief).post(SEARCH, follow=True).content.decode()
    run_search(search.pk)
    assert DuplicateSearch.objects.get().status == SearchStatus.COMPLETED
    assert len(listed(admin_of(chief))) == 1


def test_a_pair_with_a_contact_that_waits_to_be_created_is_not_shown(people, chief, admin_of):
    one = people()
    distinguish(actor=member_actor(chief), pairs={(one.pk, 2_000_000): 0.9}, reason="Cousins.")
    assert listed(admin_of(chief), state="distinct") == []
    assert admin_of(chief).get(page_of(Pair.objects.get())).status_code == 404
