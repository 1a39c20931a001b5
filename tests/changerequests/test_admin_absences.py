"""Absences in the admin: who enters whose, and what of them can still change."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.actor import member_actor
from accounts.models import Member, User
from changerequests.models import Absence, ChangeRequest, Verdict
from changerequests.queries.revisions import utc_today
from changerequests.services.deciding import decide
from core.errors import NotFound
from tests.changerequests.policies import absent
from tests.changerequests.reviewing import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ABSENCES = "/admin/changerequests/absence/"
ADD = f"{ABSENCES}add/"


@pytest.fixture
def ben(make_member: Callable[..., Member]) -> Member:
    """A reviewer who sees no contact."""
    return make_member("ben", reviews=True)


@pytest.fixture
def personnel(make_member: Callable[..., Member]) -> Member:
    """A member who enters, changes and deletes the absences of others."""
    return make_member("personnel", permissions=["add_absence", "change_absence", "delete_absence"])


def days(begins: int = 0, ends: int = 7) -> dict[str, Any]:
    today = utc_today()
    return {"starts_on": today + timedelta(days=begins), "ends_on": today + timedelta(days=ends)}


def page_of(absence: Absence, part: str = "change") -> str:
    return f"{ABSENCES}{absence.pk}/{part}/"


def errors_of(response: Any) -> set[str]:
    assert response.status_code == 200
    return set(response.context["adminform"].form.errors)


class TestEntering:
    def test_who_is_no_member_may_not(self, db: None) -> None:
        clerk = User.objects.create_user("clerk", is_staff=True)
        browser = Client()
        browser.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
        assert browser.get(ABSENCES).status_code == browser.get(ADD).status_code == 403

    def test_nobody_makes_itself_the_substitute_of_another(
        self, admin_of: Callable[..., Client], ben: Member, rita: Member, asked: ChangeRequest
    ) -> None:
        sent = {"member": rita.pk, "substitute": ben.pk, **days()}
        assert errors_of(admin_of(ben).post(ADD, sent)) == {"member"}
        assert not Absence.objects.exists()
        with pytest.raises(NotFound):
            decide(actor=member_actor(ben), change_request_id=asked.pk, verdict=Verdict.APPROVE)

    def test_nobody_substitutes_itself(self, admin_of: Callable[..., Client], ben: Member) -> None:
        answer = admin_of(ben).post(ADD, {"member": ben.pk, "substitute": ben.pk, **days()})
        assert "A member cannot be its own substitute." in text_of(answer)
        assert not Absence.objects.exists()

    def test_a_substitute_is_an_active_reviewer(
        self, admin_of: Callable[..., Client], make_member: Callable[..., Member], ben: Member, rita: Member
    ) -> None:
        gone = make_member("gone", reviews=True)
        User.objects.filter(pk=gone.user_id).update(is_active=False)
        for other in (make_member("colleague"), gone):
            answer = admin_of(rita).post(ADD, {"member": rita.pk, "substitute": other.pk, **days()})
            assert errors_of(answer) == {"substitute"}

    def test_an_absence_does_not_begin_in_the_past_or_end_before_it_begins(
        self, admin_of: Callable[..., Client], ben: Member, rita: Member
    ) -> None:
        browser, sent = admin_of(rita), {"member": rita.pk, "substitute": ben.pk}
        assert errors_of(browser.post(ADD, {**sent, **days(-1)})) == {"starts_on"}
        assert "The absence ends before it starts." in text_of(browser.post(ADD, {**sent, **days(5, 4)}))
        assert not Absence.objects.exists()

    def test_a_member_enters_its_own_and_the_substitute_decides(
        self, admin_of: Callable[..., Client], ben: Member, rita: Member, asked: ChangeRequest
    ) -> None:
        assert admin_of(rita).get(ADD).context["adminform"].form.initial["member"] == rita.pk
        answer = admin_of(rita).post(ADD, {"member": rita.pk, "substitute": ben.pk, **days()})
        assert answer.status_code == 302
        decided = decide(actor=member_actor(ben), change_request_id=asked.pk, verdict=Verdict.APPROVE)
        assert decided.review_member_id == ben.pk

    def test_who_has_the_permission_enters_those_of_others(
        self, admin_of: Callable[..., Client], personnel: Member, ben: Member, rita: Member
    ) -> None:
        answer = admin_of(personnel).post(ADD, {"member": rita.pk, "substitute": ben.pk, **days()})
        assert answer.status_code == 302
        assert Absence.objects.get().member_id == rita.pk


class TestSeeing:
    def test_others_are_not_shown_without_a_permission(
        self, admin_of: Callable[..., Client], anna: Member, ben: Member, rita: Member, personnel: Member
    ) -> None:
        absence = absent(rita, ben)
        browser = admin_of(anna)
        assert browser.get(ABSENCES).context["cl"].result_count == 0
        # Django redirects from what it does not find.
        assert browser.get(page_of(absence)).status_code == 302
        for other in (rita, ben, personnel):
            assert admin_of(other).get(ABSENCES).context["cl"].result_count == 1
            assert admin_of(other).get(page_of(absence)).status_code == 200

    def test_the_sidebar_leads_there(self, admin_of: Callable[..., Client], anna: Member) -> None:
        assert ABSENCES in admin_of(anna).get("/admin/").content.decode()


class TestChanging:
    def test_the_substitute_and_others_change_and_delete_nothing(
        self, admin_of: Callable[..., Client], ben: Member, rita: Member, anna: Member
    ) -> None:
        absence = absent(rita, ben, begins=2, ends=3)
        assert admin_of(ben).post(page_of(absence), {"substitute": ben.pk, **days(2, 9)}).status_code == 403
        assert admin_of(ben).post(page_of(absence, "delete"), {"post": "yes"}).status_code == 403
        assert admin_of(anna).post(page_of(absence), {"substitute": ben.pk, **days(2, 9)}).status_code == 302
        assert admin_of(anna).post(page_of(absence, "delete"), {"post": "yes"}).status_code == 403
        absence.refresh_from_db()
        assert absence.ends_on == days(2, 3)["ends_on"]

    def test_one_that_has_begun_only_ends_from_today_on(
        self, admin_of: Callable[..., Client], make_member: Callable[..., Member], ben: Member, rita: Member
    ) -> None:
        absence = absent(rita, ben, begins=-3, ends=5)
        other, browser = make_member("other", reviews=True), admin_of(rita)
        assert errors_of(browser.post(page_of(absence), {"ends_on": days(0, -1)["ends_on"]})) == {"ends_on"}
        assert browser.post(page_of(absence, "delete"), {"post": "yes"}).status_code == 403
        sent = {"member": ben.pk, "substitute": other.pk, **days(-9, 0)}
        assert browser.post(page_of(absence), sent).status_code == 302
        absence.refresh_from_db()
        kept = (absence.member_id, absence.substitute_id, absence.starts_on)
        assert kept == (rita.pk, ben.pk, days(-3)["starts_on"])
        assert absence.ends_on == utc_today()

    def test_one_that_is_over_stays(self, admin_of: Callable[..., Client], ben: Member, rita: Member) -> None:
        absence = absent(rita, ben, begins=-3, ends=-1)
        assert admin_of(rita).post(page_of(absence), {"ends_on": utc_today()}).status_code == 403
        assert admin_of(rita).get(page_of(absence)).status_code == 200

    def test_one_to_come_gets_another_substitute_or_is_deleted_and_keeps_its_member(
        self, admin_of: Callable[..., Client], make_member: Callable[..., Member], ben: Member, rita: Member
    ) -> None:
        absence = absent(rita, ben, begins=2, ends=3)
        other = make_member("other", reviews=True)
        itself = {"substitute": rita.pk, **days(3, 4)}
        assert errors_of(admin_of(rita).post(page_of(absence), itself)) == {"substitute"}
        sent = {"member": other.pk, "substitute": other.pk, **days(3, 4)}
        assert admin_of(rita).post(page_of(absence), sent).status_code == 302
        absence.refresh_from_db()
        assert (absence.member_id, absence.substitute_id) == (rita.pk, other.pk)
        assert admin_of(rita).post(page_of(absence, "delete"), {"post": "yes"}).status_code == 302
        assert not Absence.objects.exists()

    def test_who_has_the_permission_ends_and_deletes_those_of_others(
        self, admin_of: Callable[..., Client], personnel: Member, ben: Member, rita: Member
    ) -> None:
        begun, coming = absent(rita, ben, ends=5), absent(ben, rita, begins=2, ends=3)
        assert admin_of(personnel).post(page_of(begun), {"ends_on": timezone.now().date()}).status_code == 302
        assert admin_of(personnel).post(page_of(coming, "delete"), {"post": "yes"}).status_code == 302
        assert [absence.ends_on for absence in Absence.objects.all()] == [utc_today()]
