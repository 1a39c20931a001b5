"""The counts of the admin's dashboard match the lists that they link to, for users who may open them."""

import re
from datetime import timedelta
from html import unescape
from http import HTTPStatus

import pytest
from django.db import connection
from django.utils import timezone

from accounts.queries import with_hierarchy
from benchmarks.change_requests import insert_requests
from changerequests.addresses import page_address
from changerequests.models import ChangeRequest, Verdict
from changerequests.queries.work import Work
from changerequests.services.deciding import decide as decide_request
from contacts.models import Contact
from contacts.services.changes import patch_details
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.models import ExportJob, ImportJob, ImportKind, ImportStatus
from schemas.models import ListItem
from tests.changerequests.policies import absent, make_group
from tests.fixtures import details, without_triggers
from tests.importexport.importing import array, stored

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EVERYTHING = ["view_contact", "view_changerequest", "view_importjob", "add_importjob", "view_exportjob"]
PAGE = "/admin/"
JOBS = "/admin/jobs/"
LINK = re.compile(r'<a class="k-card k-tile" href="([^"]*)"><span class="k-number">([^<]*)</span> ([^<]*)</a>')
BAR = re.compile(
    r'<a href="([^"]*)">\s*<span class="k-bar-label">([^<]*)</span>.*?<span class="k-bar-number">([^<]*)</span>', re.S
)
READ = re.compile(r"on changerequests_changerequest(?: \w+)? \(actual rows=(\d+)")
FOUND = re.compile(r"(\d+)\s+(?:change requests?|contacts?)\s*</div>")


def page_of(browser):
    answer = browser.get(PAGE)
    assert answer.status_code == HTTPStatus.OK
    return answer.content.decode()


def figures_of(page):
    """Return label -> (number, address) of tiles and bars."""
    tiles = {label: (number, unescape(address)) for address, number, label in LINK.findall(page)}
    bars = {label: (number, unescape(address)) for address, label, number in BAR.findall(page)}
    return {**tiles, **bars}


@pytest.fixture
def anna(make_member):
    return make_member("anna", permissions=EVERYTHING)


@pytest.fixture
def rita(make_member):
    return make_member("rita", permissions=EVERYTHING, reviews=True, sees_all_contacts=True)


@pytest.fixture
def ask(make_contact, actor_of):
    """Create a backdated change request of a member for a new contact."""

    def make(member, *, days=0.0):
        contact = make_contact(members=[member])
        patch = {"personalInformation": {"lastName": "Heusser"}}
        request = patch_details(actor=actor_of(member), contact_id=contact.pk, patch=patch, comment=None).change_request
        if days:
            ChangeRequest.objects.filter(pk=request.pk).update(created_at=timezone.now() - timedelta(days=days))
            request.refresh_from_db()
        return request

    return make


@pytest.fixture
def decide(actor_of):
    def make(request, reviewer, verdict=Verdict.REJECT, *, days=0.0):
        decide_request(actor=actor_of(reviewer), change_request_id=request.pk, verdict=verdict, comment="No.")
        if days:
            with without_triggers():
                ChangeRequest.objects.filter(pk=request.pk).update(reviewed_at=timezone.now() - timedelta(days=days))
        return request

    return make


def test_without_a_session_there_is_no_page(client):
    for address in (PAGE, JOBS):
        assert client.get(address).status_code == HTTPStatus.FOUND


def test_without_permissions_there_is_no_box(admin_of, make_member, ask, anna):
    ask(anna)
    browser = admin_of(make_member("ben", permissions=[], sees_all_contacts=True))
    page = page_of(browser)
    for heading in ("to-decide-heading", "ages-heading", "jobs-heading", "contacts-heading", "k-tile"):
        assert heading not in page
    assert browser.get(JOBS).status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("permission", "shown"),
    [
        ("view_contact", {"contacts-heading"}),
        ("view_changerequest", set()),
        ("review_changerequest", {"to-decide-heading"}),
        ("view_importjob", {"jobs-heading"}),
        ("add_importjob", {"jobs-heading"}),
        ("view_exportjob", {"jobs-heading"}),
    ],
)
def test_a_permission_shows_its_box(admin_of, make_member, permission, shown):
    page = page_of(admin_of(make_member(permissions=[permission])))
    assert set(re.findall(r'<h2 id="([a-z-]+-heading)"', page)) == shown


def test_staff_who_are_no_member_are_told_so(client, django_user_model):
    client.force_login(
        django_user_model.objects.create_superuser("root", password="x"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    page = page_of(client)
    assert "belongs to no member" in page
    assert "k-tile" not in page
    assert client.get(JOBS).status_code == HTTPStatus.FORBIDDEN


def test_an_empty_house_says_so(admin_of, rita):
    page = page_of(admin_of(rita))
    for text in ("Nothing is pending for you.", "No job is running", "There are no contacts"):
        assert text in page


AGES = ["Up to a day", "1 to 3 days", "3 to 7 days", "7 to 30 days", "Over 30 days"]
REVIEWS = ["You can decide now", "Of those, overdue"]
OWN = ["Returned to you", "Rejected, last 30 days", "Requested by you, pending"]


def numbers_of(page, labels):
    figures = figures_of(page)
    return [figures[label][0] if label in figures else None for label in labels]


def test_who_may_not_review_sees_no_figures_of_reviews_and_who_never_asked_none_of_requests(
    admin_of, anna, rita, make_member, ask
):
    ask(anna, days=2)
    page = page_of(admin_of(anna))
    assert numbers_of(page, [*REVIEWS, *AGES]) == [None] * 7
    assert numbers_of(page, OWN) == ["0", "0", "1"]
    assert "to-decide-heading" not in page
    page = page_of(admin_of(rita))
    assert numbers_of(page, OWN) == [None] * 3
    assert numbers_of(page, REVIEWS) == ["1", "0"]
    assert "k-tile" not in page_of(admin_of(make_member("auditor", permissions=EVERYTHING, sees_all_contacts=True)))


def test_what_a_reviewer_asked_itself_is_not_to_decide(admin_of, rita, make_member, ask, decide):
    rolf = make_member("rolf", permissions=EVERYTHING, reviews=True, sees_all_contacts=True)
    own = ask(rita, days=2)
    for days in (0.5, 5, 5, 20, 40):
        ask(rolf, days=days)
    decide(ask(rolf), rita)
    page = page_of(admin_of(rita))
    assert numbers_of(page, REVIEWS) == ["5", "0"]
    assert numbers_of(page, AGES) == ["1", "0", "2", "1", "1"]
    assert numbers_of(page, OWN) == ["0", "0", "1"]
    assert page_address(own.pk) not in page
    assert numbers_of(page_of(admin_of(rolf)), [*REVIEWS, *OWN]) == ["1", "0", "0", "1", "5"]


def test_what_is_to_decide_is_what_the_api_says(admin_of, rita, anna, make_member, ask, api_of):
    away = make_member("away", permissions=EVERYTHING, reviews=True, sees_all_contacts=True)
    stage_group = make_group("Compliance")
    rolf = make_member("rolf", permissions=EVERYTHING, reviews=True)
    seen_through_away, asked_by_away = ask(anna), ask(away)
    absent(away, rolf)
    closed = ask(anna)
    ChangeRequest.objects.filter(pk=closed.pk).update(reviewers=stage_group)
    for member, expected in ((rita, {seen_through_away.pk, asked_by_away.pk}), (rolf, {seen_through_away.pk})):
        answer = api_of(member).post("/v1.0/change-requests/search", {"isMineToDecide": True})
        assert {row["id"] for row in answer.json["results"]} == expected
        browser = admin_of(member)
        page = page_of(browser)
        assert {
            pk for pk in (seen_through_away.pk, asked_by_away.pk, closed.pk) if page_address(pk) in page
        } == expected
        number, address = figures_of(page)["You can decide now"]
        assert (number, FOUND.search(browser.get(address).content.decode())[1]) == (str(len(expected)),) * 2
        assert browser.get(page_address(seen_through_away.pk)).status_code == HTTPStatus.OK


def test_without_an_absence_nobody_opens_what_it_does_not_see(admin_of, make_member, anna, ask):
    browser = admin_of(make_member("rolf", permissions=EVERYTHING, reviews=True))
    for pk in (ask(anna).pk, "x", 2**40):
        assert browser.get(page_address(0).replace("0", str(pk))).status_code == HTTPStatus.NOT_FOUND


def test_what_came_back_leads_to_its_page_and_old_rejections_do_not(admin_of, anna, rita, ask, decide):
    returned, rejected = decide(ask(anna), rita, Verdict.RETURN), decide(ask(anna), rita)
    old, approved = decide(ask(anna), rita, days=31), decide(ask(anna), rita, Verdict.APPROVE)
    page = page_of(admin_of(anna))
    assert numbers_of(page, OWN) == ["1", "1", "0"]
    assert page.index("returned-heading") < page.index(page_address(returned.pk)) < page.index("rejected-heading")
    assert page.index("rejected-heading") < page.index(page_address(rejected.pk))
    assert "Contact details, by Rita Tester" in page
    assert not {page_address(old.pk), page_address(approved.pk)} & set(re.findall(r'href="([^"]*)"', page))


def test_every_figure_is_what_its_list_counts(admin_of, anna, rita, ask, decide):
    for days in (0.5, 2, 2.5, 5, 20, 40):
        asked = ask(anna, days=days)
        ChangeRequest.objects.filter(pk=asked.pk).update(due_at=timezone.now() + timedelta(days=3 - days))
    for verdict in (Verdict.REJECT, Verdict.RETURN, Verdict.APPROVE):
        decide(ask(anna), rita, verdict)
    decide(ask(anna), rita, days=31)
    seen = {}
    for member in (anna, rita):
        browser = admin_of(member)
        figures = figures_of(page_of(browser))
        seen[member.pk] = figures
        for label, (number, address) in figures.items():
            answer = browser.get(address)
            assert answer.status_code == HTTPStatus.OK, address
            assert FOUND.search(answer.content.decode()).group(1) == number, label
    assert [seen[rita.pk][label][0] for label in REVIEWS] == ["6", "3"]
    assert [seen[anna.pk][label][0] for label in OWN] == ["1", "1", "6"]


def test_those_that_wait_longest_come_first_and_lead_to_their_review(admin_of, anna, rita, ask, make_member):
    young, old = ask(anna, days=1), ask(anna, days=9)
    page = page_of(admin_of(rita))
    addresses = [page_address(request.pk) for request in (old, young)]
    assert page.index(addresses[0]) < page.index(addresses[1])
    assert "Contact details, requested by Anna Tester" in page
    ben = make_member("ben", permissions=EVERYTHING, reviews=True)
    assert addresses[0] not in page_of(admin_of(ben))


def test_contacts_are_counted_by_type(admin_of, anna, make_contact):
    make_contact(members=[anna])
    prospect = ListItem.objects.get(list__key="contact-type", key="prospect")
    Contact.objects.filter(pk=make_contact(members=[anna]).pk).update(type=prospect)
    make_contact()
    figures = figures_of(page_of(admin_of(anna)))
    assert (figures["Client"][0], figures["Prospect"][0]) == ("1", "1")


# ---- jobs


def started(actor, entry):
    names = stored(array(entry("E-1"), entry("E-2", username=7)), actor=actor)
    return start_sync(actor=actor, kind=ImportKind.CONTACTS, names=names, is_dry_run=False)


@pytest.fixture
def entry(contact_type):
    def make(external_id, **properties):
        username = f"user-{external_id}"
        return {
            "externalId": external_id,
            "contactTypeId": contact_type.pk,
            "username": username,
            "details": details(),
        } | properties

    return make


def test_an_import_moves_on_the_page_and_is_there_for_a_day(admin_of, anna, rita, actor_of, entry):
    job = started(actor_of(anna), entry)
    for address in (PAGE, JOBS):
        page = admin_of(anna).get(address).content.decode()
        assert 'data-unfinished-job max="2" value="0"' in page
        assert str(job.pk) in page
        assert str(job.pk) not in admin_of(rita).get(address).content.decode()
    run_job(job.pk)
    page = admin_of(anna).get(JOBS).content.decode()
    assert "data-unfinished-job" not in page
    assert "Completed with errors" in page
    assert re.search(r"2 of 2\s+·\s+1 failed", page)
    ImportJob.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=2))
    assert str(job.pk) not in admin_of(anna).get(JOBS).content.decode()


def test_exports_need_their_own_permission(admin_of, make_member, actor_of):
    olga = make_member("olga", permissions=["view_importjob"])
    ExportJob.objects.create(kind="contacts", requested_by_member=olga)
    assert "Export" not in admin_of(olga).get(JOBS).content.decode()
    emil = make_member("emil", permissions=["view_exportjob"])
    ExportJob.objects.create(kind="contacts", requested_by_member=emil)
    page = admin_of(emil).get(JOBS).content.decode()
    assert "Export: Contacts" in page
    assert "data-unfinished-job" in page


def test_what_runs_comes_before_what_is_done(admin_of, anna):
    now = timezone.now()
    oldest = ExportJob.objects.create(kind="contacts", requested_by_member=anna, created_at=now - timedelta(hours=9))
    for _ in range(6):
        ImportJob.objects.create(
            kind="contacts",
            requested_by_member=anna,
            file_ids=[],
            total=0,
            status=ImportStatus.COMPLETED,
            finished_at=now,
        )
    page = admin_of(anna).get(JOBS).content.decode()
    assert page.index("Export: Contacts") < page.index("Import: Contacts")
    assert oldest.status == "Pending"
    assert page.count("<li>") == 5


# ---- its price


def test_the_page_costs_a_dozen_statements_whatever_there_is(
    admin_of, anna, rita, make_member, ask, decide, count_queries, entry, actor_of
):
    rolf = make_member("rolf", permissions=EVERYTHING, reviews=True, sees_all_contacts=True)
    browser = admin_of(rita)
    ask(anna)
    decide(ask(rita), rolf)
    decide(ask(rita), rolf, Verdict.RETURN)
    page_of(browser)
    with count_queries() as few:
        page_of(browser)
    for number in range(4):
        ask(anna, days=number)
        decide(ask(rita), rolf)
        decide(ask(rita), rolf, Verdict.RETURN)
    started(actor_of(rita), entry)
    with count_queries() as many:
        page_of(browser)
    assert len(many) == len(few) <= 15, [query["sql"][:90] for query in many]


FILL = """
WITH people AS (
    INSERT INTO contacts_contact (uid, type_id, username, details, version, created_at)
    SELECT gen_random_uuid(), %(type)s, 'u' || place, '{}', 1, now() FROM generate_series(0, 19999) place
    RETURNING id, substr(username, 2)::integer AS place
), assigned AS (
    INSERT INTO contacts_contactassignment (contact_id, member_id)
    SELECT id, %(anna)s FROM people WHERE place %% 1000 = 0
)
SELECT FROM people
"""
REQUESTS = """
SELECT id AS subject_id, CASE WHEN waits THEN 1 ELSE 2 END AS status, moment AS created_at,
       %(initiator)s AS initiator_id, CASE WHEN NOT waits THEN moment END AS reviewed_at,
       CASE WHEN NOT waits THEN %(reviewer)s::integer END AS reviewer_id, ARRAY[]::text[] AS paths, '[]' AS changes
  FROM contacts_contact,
       LATERAL (SELECT substr(username, 2)::integer AS place) AS placed,
       LATERAL (SELECT place %% 4 = 0 AS waits, now() - make_interval(mins => 5 * place) AS moment) AS told
 WHERE username ~ '^u[0-9]+$'
"""


@pytest.fixture
def many_requests(anna, make_member, contact_type):
    """20,000 contacts with a request each, a quarter of them pending; twenty are assigned to Anna."""
    people = {"anna": anna.pk, "initiator": make_member("ben").pk, "reviewer": make_member("rose").pk}
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(FILL, {**people, "type": contact_type.pk})
        insert_requests(REQUESTS, people)
        cursor.execute("ANALYZE changerequests_changerequest, contacts_contact, contacts_contactassignment")


def explained(capture):
    statement = max((query["sql"] for query in capture), key=len)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {statement}")
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.scale
@pytest.mark.parametrize("sees_all", [True, False])
def test_requests_are_counted_along_indexes_and_no_further_than_the_cap(
    many_requests, rita, anna, actor_of, count_queries, sees_all
):
    """Of who sees all contacts, and of who sees twenty."""
    member = rita if sees_all else anna
    anna.user.user_permissions.set(rita.user.user_permissions.all())
    now, actor = timezone.now(), with_hierarchy(actor_of(member))
    work = Work(actor, now=now, rejected_since=now - timedelta(days=7))
    with count_queries() as queries:
        figures = work.figures(most=1_000)
    assert len(queries) == 1
    assert figures.to_decide == (1_000 if sees_all else 20)
    plan = explained(queries)
    assert "Seq Scan on changerequests_changerequest" not in plan
    assert "Seq Scan on contacts_contact " not in plan
    read = max(int(rows) for rows in re.findall(READ, plan))
    # The requests of an age are few enough for a bitmap, which finds all of them.
    assert read <= 2_000
    with count_queries() as queries:
        work.first_rows(figures, limit=6)
    assert "Seq Scan on changerequests_changerequest" not in explained(queries)
