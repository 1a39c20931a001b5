"""Who looked, in the admin and on the host: for those with a permission of its own, and on record itself."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.access.models import Access, AccessLoss, AccessProcess, Door, Looker, Way
from tests.changerequests.reviewing import text_of

pytestmark = pytest.mark.django_db

AUDITOR = ["view_contact", "view_access"]
LIST = "/admin/audit/access/"


@pytest.fixture
def contact(make_contact):
    return make_contact(username="heidi")


@pytest.fixture
def anna(make_member, contact):
    member = make_member("anna", permissions=["view_contact"])
    contact.members.add(member)
    return member


@pytest.fixture
def olga(make_member):
    return make_member("olga", permissions=AUDITOR, sees_all_contacts=True)


def tab(contact):
    return f"/admin/contacts/contact/{contact.pk}/looked/"


def log(contact_id, actor_id, *, at=None, way=Way.READ, kind=Looker.MEMBER, count=1):
    at = at or datetime.now(UTC)
    for number in range(count):
        Access.objects.create(
            at=at - timedelta(seconds=number),
            contact_id=contact_id,
            actor_kind=kind,
            actor_id=actor_id,
            way=way,
            door=Door.ADMIN,
            correlation_id=f"call-{number}",
        )


def test_only_who_may_see_it_opens_it_and_has_the_tab(contact, anna, olga, admin_of):
    browser = admin_of(anna)
    assert browser.get(tab(contact)).status_code == 403
    assert browser.get(LIST).status_code == 403
    assert "/looked/" not in text_of(browser.get(f"/admin/contacts/contact/{contact.pk}/change/"))
    browser = admin_of(olga)
    assert browser.get(tab(contact)).status_code == 200
    assert browser.get(LIST).status_code == 200
    assert tab(contact) in browser.get(f"/admin/contacts/contact/{contact.pk}/change/").content.decode()


def test_staff_without_a_member_are_shown_no_log(make_member, admin_of, olga):
    user = olga.user
    olga.delete()
    user.refresh_from_db()
    browser = admin_of(type("Login", (), {"user": user}))
    assert browser.get(LIST).status_code == 403


def test_a_contact_that_one_does_not_see_has_no_log(contact, make_contact, make_member, anna, admin_of):
    outsider = make_member("otto", permissions=AUDITOR)
    log(contact.pk, anna.pk)
    browser = admin_of(outsider)
    assert browser.get(tab(contact)).status_code == 404
    assert "Anna Tester" not in text_of(browser.get(LIST))
    assert "There is no contact with this id" in text_of(browser.get(LIST, {"contact": contact.pk}))


def test_the_tab_says_who_when_and_by_which_way(contact, anna, olga, admin_of, make_app, looks):
    app = make_app("Portal")
    log(contact.pk, anna.pk, way=Way.REVIEWED)
    log(contact.pk, app.pk, kind=Looker.APP, way=Way.LISTED)
    looks()
    page = text_of(admin_of(olga).get(tab(contact)))
    assert "Anna Tester member" in page
    assert "on a review page" in page
    assert "Portal application" in page
    assert "call-0" in page
    assert (contact.pk, Looker.MEMBER, olga.pk, Way.AUDITED, Door.ADMIN) in looks()


def test_the_page_of_auditors_filters_by_contact_actor_way_and_day(
    contact, anna, olga, make_app, make_contact, admin_of, looks
):
    app, other = make_app("Portal"), make_contact(username="peter")
    old = datetime(2026, 3, 10, 12, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS audit_access_202603 PARTITION OF audit_access"
            " FOR VALUES FROM ('2026-03-01Z') TO ('2026-04-01Z')"
        )
    log(contact.pk, anna.pk)
    log(other.pk, app.pk, kind=Looker.APP, way=Way.LISTED)
    log(contact.pk, app.pk, kind=Looker.APP, at=old)
    browser = admin_of(olga)

    def shown(**asked):
        looks()
        answer = browser.get(LIST, asked)
        assert answer.status_code == 200
        lines = [
            (line.access.contact_id, line.access.actor_kind, line.access.at.year, line.access.at.month)
            for line, _kind, _way, _door in answer.context["lines"]
        ]
        assert {row[:4] for row in looks()} == {(line[0], Looker.MEMBER, olga.pk, Way.AUDITED) for line in lines}
        return lines

    now = datetime.now(UTC)
    by_anna, listed = (contact.pk, Looker.MEMBER, now.year, now.month), (other.pk, Looker.APP, now.year, now.month)
    in_march = (contact.pk, Looker.APP, 2026, 3)
    # What was audited now is on record, too, and comes first.
    assert shown()[:2] == [listed, by_anna]
    assert by_anna in shown(contact=contact.pk)
    assert in_march in shown(contact=str(contact.uid))
    assert shown(member="ANNA") == [by_anna]
    assert shown(application=app.pk) == [listed, in_march]
    assert shown(application=app.pk, way=Way.LISTED) == [listed]
    assert shown(contact=contact.pk, since="2026-03-01", until="2026-03-31") == [in_march]
    assert shown(since="2026-03-10", until="2026-03-10") == [in_march]
    assert shown(member="nobody") == []
    assert shown(member="anna", application=app.pk) == []
    assert shown(way="9") == []


def test_pages_follow_each_other_without_counting(contact, anna, olga, admin_of, count_queries):
    log(contact.pk, anna.pk, count=120)
    browser = admin_of(olga)
    seen, address = [], f"{LIST}?member=anna"
    while address:
        with count_queries() as queries:
            answer = browser.get(address)
        assert len(queries) <= 12, "\n".join(query["sql"][:140] for query in queries.captured_queries)
        assert not [
            query for query in queries.captured_queries if "COUNT" in query["sql"] and "audit_access" in query["sql"]
        ]
        seen += [line.access.pk for line, *_rest in answer.context["lines"]]
        following = answer.context["following"]
        address = f"{LIST}{following}" if following else ""
    assert seen == list(Access.objects.filter(actor_id=anna.pk).values_list("pk", flat=True))
    assert len(seen) == 120
    assert browser.get(f"{LIST}?after=99999999999999999999-1").status_code == 200


def test_a_gap_is_shown(contact, olga, admin_of):
    now = datetime.now(UTC)
    process = AccessProcess.objects.create(
        host="web-1", pid=7, program="web", began_at=now - timedelta(hours=1), written_until=now - timedelta(minutes=5)
    )
    AccessLoss.objects.create(process=process, since=now, until=now, rows=17)
    page = text_of(admin_of(olga).get(tab(contact)))
    assert "A gap: the process web on web-1 could not write 17 rows" in page
    assert "A gap: the process web on web-1 has written until" in page
    before = now - timedelta(days=400)
    AccessLoss.objects.bulk_create(
        AccessLoss(process=process, since=before, until=before, rows=number) for number in range(9)
    )
    page = text_of(admin_of(olga).get(tab(contact)))
    assert "More gaps of this time: 6" in page
    recent = text_of(admin_of(olga).get(tab(contact), {"since": (now - timedelta(days=2)).date()}))
    assert "could not write 17 rows" in recent
    assert "More gaps" not in recent


class TestCommand:
    def run(self, *arguments, **options):
        out = StringIO()
        call_command("who_looked", *map(str, arguments), stdout=out, stderr=StringIO(), **options)
        return out.getvalue().splitlines()

    def test_it_answers_for_a_contact_and_for_somebody(self, contact, anna, make_contact, looks):
        other = make_contact()
        log(contact.pk, anna.pk, way=Way.REVIEWED)
        log(other.pk, anna.pk)
        looks()
        (line,) = self.run(contact.uid)
        assert "Johanna Spyri" in line
        assert "member Anna Tester  reviewed admin  call-0" in line
        assert (contact.pk, Looker.SYSTEM, 0, Way.AUDITED, Door.COMMAND) in looks()
        assert len(self.run("--actor", "member:anna")) == 2
        assert len(self.run("--actor", "member:anna", "--way", "read")) == 1
        assert len(self.run(contact.pk, "--actor", "member:anna", "--since", "2020-01-01")) == 1
        assert self.run(contact.pk, "--actor", "member:anna", "--until", "2020-01-01") == []

    @pytest.mark.parametrize(
        "arguments", [(), ("2147483647",), ("nonsense",), ("--actor", "member:nobody"), ("--actor", "nobody")]
    )
    def test_it_refuses_what_there_is_not(self, arguments):
        with pytest.raises(CommandError):
            self.run(*arguments)

    def test_the_state_of_the_log(self):
        out = StringIO()
        call_command("access_log", stdout=out)
        assert out.getvalue().startswith("Months: ")
        assert out.getvalue().endswith("No gap.\n")
