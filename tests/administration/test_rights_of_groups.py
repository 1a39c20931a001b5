"""The rights of a group: nobody who is in it decides them, nor anybody who stands in for one who is."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.actor import member_actor
from accounts.models import Member
from administration.services.groups import change_group
from changerequests.models import ChangeRequest, Decision, Status
from changerequests.queries.searching import requests_of_all_kinds
from core.errors import Forbidden
from operations.doctor import EXAMINATIONS, Grade
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import absent, make_group

pytestmark = pytest.mark.django_db
SIGHT = ["view_user", "view_group", "view_clientapplication", "view_changerequest"]
MINE = dict.fromkeys(("kinds", "statusIds", "initiatorMemberUids", "createDateFrom", "createDateTo", "isOverdue"))
MINE |= {"isMineToDecide": True}


@pytest.fixture
def reviewer(make_member: Any) -> Any:
    return lambda name: make_member(name, reviews=True, permissions=SIGHT)


@pytest.fixture
def root(make_member: Any) -> Member:
    return make_member("root", is_superuser=True)


@pytest.fixture
def carl(reviewer: Any) -> Member:
    return reviewer("carl")


@pytest.fixture
def clerks(root: Member, carl: Member) -> Group:
    return make_group("Clerks", root, carl)


@pytest.fixture
def request_for_more(root: Member, clerks: Group) -> ChangeRequest:
    change_group(actor=member_actor(root), group_id=clerks.pk, target={"permissions": ["contacts.anonymize_contact"]})
    return waiting()


def is_to_decide(member: Member, request: ChangeRequest) -> bool:
    return request in requests_of_all_kinds(actor=member_actor(member), criteria=MINE)


def test_two_people_of_a_group_do_not_raise_their_own_rights(
    request_for_more: ChangeRequest, carl: Member, clerks: Group, reviewer: Any, admin_of: Any
) -> None:
    outside = reviewer("rita")
    with pytest.raises(Forbidden) as refused:
        approve(carl, request_for_more)
    assert (refused.value.sub_code, is_to_decide(carl, request_for_more)) == ("AboutYourself", False)
    page = admin_of(carl).get(reverse("admin:changerequests_changerequest_change", args=[request_for_more.pk]))
    assert "This concerns a group that you or" in page.content.decode()
    assert not clerks.permissions.exists()
    assert is_to_decide(outside, request_for_more)
    assert approve(outside, request_for_more).status == Status.APPROVED
    assert list(clerks.permissions.values_list("codename", flat=True)) == ["anonymize_contact"]


def test_no_substitute_of_one_who_is_in_it_decides(
    request_for_more: ChangeRequest, carl: Member, reviewer: Any
) -> None:
    substitute = reviewer("rita")
    absent(carl, substitute)
    with pytest.raises(Forbidden) as refused:
        approve(substitute, request_for_more)
    assert (refused.value.sub_code, is_to_decide(substitute, request_for_more)) == ("AboutYourself", False)


def test_who_joins_the_group_after_the_request_decides_no_more(
    request_for_more: ChangeRequest, clerks: Group, reviewer: Any
) -> None:
    rita = reviewer("rita")
    rita.user.groups.add(clerks)
    with pytest.raises(Forbidden):
        approve(rita, request_for_more)


def test_the_database_refuses_the_decision_too(
    request_for_more: ChangeRequest, carl: Member, reviewer: Any, root: Member
) -> None:
    substitute, outside = reviewer("rita"), reviewer("rosa")
    absent(carl, substitute)
    revision = request_for_more.revisions.get()
    decision = {"revision": revision, "stage": revision.stages.get(), "verdict": "approve"}
    for member in (carl, substitute):
        with pytest.raises(IntegrityError, match="who is in the group whose rights"), transaction.atomic():
            Decision.objects.create(member=member, **decision)
    Decision.objects.create(member=outside, **decision)


def test_the_rights_of_another_group_are_theirs_to_decide(root: Member, carl: Member, clerks: Group) -> None:
    others = Group.objects.create(name="Others")
    change_group(actor=member_actor(root), group_id=others.pk, target={"permissions": ["contacts.add_contact"]})
    assert is_to_decide(carl, waiting())
    assert approve(carl, waiting()).status == Status.APPROVED


def test_the_doctor_says_whose_rights_nobody_could_decide(reviewer: Any, make_member: Any) -> None:
    people = [reviewer(name) for name in ("rita", "rolf", "rosa")]
    reviewers = make_group("Reviewers", *people)
    reviewers.permissions.add(Permission.objects.get(codename="review_changerequest"))

    def unwell() -> list[str]:
        return [finding.text for finding in EXAMINATIONS["people"]() if finding.grade != Grade.OK]

    (found,) = unwell()
    assert found.startswith(
        "Nobody could decide a request about the group Reviewers: stage Review of Rights of a group"
    )
    outside = reviewer("ruth")
    assert not [text for text in unwell() if "about the group" in text]
    # Standing in for somebody who is in the group excludes as well.
    absent(people[0], outside)
    assert [text for text in unwell() if "about the group Reviewers" in text]
