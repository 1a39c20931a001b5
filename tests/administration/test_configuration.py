"""Participants: nobody adds or renames one alone."""

import pytest
from django.urls import reverse

from accounts.actor import member_actor, system_actor
from accounts.models import Participant
from administration.configuration import CONFIGURATION
from administration.kinds.configuration import ConfigurationKind
from administration.models import ConfigurationSubject
from administration.participants import PARTICIPANT
from administration.services.configuration import add_configuration, change_configuration
from audit.models import Entry
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest, Status
from changerequests.queries.subjects import attach_subjects
from changerequests.services.withdrawing import cancel_change_request
from core.errors import ApiError
from tests.administration.approving import approve, waiting
from tests.changerequests.policies import policy, set_policy
from tests.concurrency import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ADD = reverse("admin:accounts_participant_add")
LIST = reverse("admin:accounts_participant_changelist")
KEEPER = ["view_participant", "add_participant", "change_participant"]


def page_of(participant):
    return reverse("admin:accounts_participant_change", args=[participant.pk])


@pytest.fixture(params=["standard", "strict"], autouse=True)
def profile(request, db):
    set_policy(ConfigurationKind.profiles[request.param], kind=CONFIGURATION)


@pytest.fixture
def kim(make_member):
    return make_member("kim", permissions=KEEPER)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_participant"])


def test_nobody_adds_a_participant_alone(kim, rita, admin_of):
    answer = admin_of(kim).post(ADD, {"name": "  North "}, follow=True)
    request = waiting()
    assert not Participant.objects.exists()
    assert answer.redirect_chain[-1][0] == LIST
    assert f"change request #{request.pk} is pending approval".encode() in answer.content
    assert b"was added successfully" not in answer.content
    with pytest.raises(ApiError):
        approve(kim, request)
    approve(rita, request)
    assert Participant.objects.get().name == "North"
    entry = Entry.objects.get(kind=CONFIGURATION)
    assert (entry.change_request, entry.initiator_member) == (request, kim)
    assert entry.changes == [{"path": "participant.name", "original": None, "target": "North"}]


def test_nobody_renames_a_participant_alone(kim, rita, make_participant, admin_of):
    north = make_participant("North")
    browser = admin_of(kim)
    answer = browser.post(page_of(north), {"name": "South"}, follow=True)
    request = waiting()
    assert Participant.objects.get().name == "North"
    assert b"is pending approval" in answer.content
    assert b"was changed successfully" not in answer.content
    # The page goes on saying so, and takes nothing else.
    assert b"k-notice" in browser.get(page_of(north)).content
    refused = browser.post(page_of(north), {"name": "East"}, follow=True)
    assert f"Change request {request.pk} is pending review.".encode() in refused.content
    approve(rita, request)
    assert Participant.objects.get().name == "South"
    assert ConfigurationSubject.objects.get().name == "South"


def test_what_changes_nothing_asks_for_nothing(kim, make_participant, admin_of):
    admin_of(kim).post(page_of(make_participant("North")), {"name": "North"})
    assert not ChangeRequest.objects.exists()


def test_staff_who_are_no_members_change_nothing(make_participant, kim, client):
    north = make_participant("North")
    user = kim.user
    user.member.delete()
    client.force_login(user)
    for address in (ADD, page_of(north)):
        answer = client.post(address, {"name": "South"}, follow=True)
        assert b"Your login belongs to no member" in answer.content
    assert Participant.objects.get().name == "North"


@pytest.mark.parametrize("permission", ["view_participant", "change_participant", None])
def test_adding_takes_its_own_permission(permission, make_member, admin_of):
    member = make_member(permissions=[] if permission is None else [permission])
    assert admin_of(member).post(ADD, {"name": "North"}).status_code == 403
    with pytest.raises(ApiError):
        add_configuration(actor=member_actor(member), sort=PARTICIPANT, target={"name": "North"})
    assert not ChangeRequest.objects.exists()


def test_a_name_that_is_taken_is_refused_when_it_is_asked_for_and_when_it_is_approved(
    kim, rita, make_participant, admin_of
):
    make_participant("North")
    assert b"already exists" in admin_of(kim).post(ADD, {"name": "North"}).content
    assert not ChangeRequest.objects.exists()
    admin_of(kim).post(ADD, {"name": "South"})
    make_participant("South")
    with pytest.raises(ApiError) as refused:
        approve(rita, waiting())
    assert list(refused.value.properties) == ["participant.name"]
    assert waiting().status == Status.PENDING


def test_a_participant_that_was_renamed_meanwhile_is_not_renamed_by_an_older_request(
    kim, rita, make_participant, admin_of
):
    north = make_participant("North")
    admin_of(kim).post(page_of(north), {"name": "South"})
    Participant.objects.update(name="East")
    with pytest.raises(ApiError) as refused:
        approve(rita, waiting())
    assert refused.value.sub_code == "ChangeRequestOutdated"
    assert Participant.objects.get().name == "East"


def test_an_unknown_property_is_refused(make_participant):
    with pytest.raises(ApiError) as refused:
        change_configuration(
            actor=system_actor("tests"), sort=PARTICIPANT, object_id=make_participant().pk, target={"id": 7}
        )
    assert list(refused.value.properties) == ["participant.id"]


def test_the_system_and_a_policy_that_asks_nobody_change_at_once(kim, make_participant, admin_of):
    add_configuration(actor=system_actor("tests"), sort=PARTICIPANT, target={"name": "North"})
    set_policy(policy([], []), kind=CONFIGURATION)
    answer = admin_of(kim).post(ADD, {"name": "South"}, follow=True)
    assert b"was added successfully" in answer.content
    assert set(Participant.objects.values_list("name", flat=True)) == {"North", "South"}
    assert Entry.objects.filter(kind=CONFIGURATION).count() == 2


def test_who_may_not_see_participants_does_not_see_the_request(kim, make_member, admin_of, api_of):
    admin_of(kim).post(ADD, {"name": "North"})
    path = f"/v1.0/change-requests/{waiting().pk}"
    assert api_of(make_member(reviews=True, permissions=[])).get(path).status == 404
    assert api_of(make_member(permissions=["view_participant"])).get(path).status == 200


def test_the_review_says_which_sort_it_is_and_lists_need_one_statement(
    kim, rita, make_participant, admin_of, django_assert_num_queries
):
    north = make_participant("North")
    browser = admin_of(kim)
    browser.post(ADD, {"name": "South"})
    browser.post(page_of(north), {"name": "Far North"})
    requests = list(ChangeRequest.objects.order_by("pk"))
    with django_assert_num_queries(1):
        attach_subjects(requests, with_documents=True)
    assert [request.subject.name for request in requests] == ["South", "North"]
    assert [request.subject.document for request in requests] == [{}, {"participant": {"name": "North"}}]
    page = admin_of(rita).get(reverse("admin:changerequests_changerequest_change", args=[requests[1].pk]))
    assert page_of(north).encode() in page.content
    assert "Participant" in page.content.decode()
    assert {field.path for field in request_kind(CONFIGURATION).presenter().choosable_fields()} == {
        "participant",
        "participant.name",
        "holiday",
        "holiday.date",
        "holiday.name",
        "system",
        "system.name",
        "webhook",
        "webhook.application",
        "webhook.url",
        "webhook.types",
        "webhook.isActive",
        "webhook.isRemoved",
    }


def test_a_name_that_somebody_asks_for_is_refused_when_it_is_asked_for_again(kim, make_participant, admin_of):
    west = make_participant("West")
    admin_of(kim).post(ADD, {"name": "North"})
    request = waiting()
    for page in (ADD, page_of(west)):
        answer = admin_of(kim).post(page, {"name": " North"}, follow=True)
        assert f"Change request {request.pk} already requests the same." in answer.content.decode()
    assert waiting() == request
    cancel_change_request(actor=member_actor(kim), change_request_id=request.pk)
    admin_of(kim).post(page_of(west), {"name": "North"})
    assert waiting() != request


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ask_for_one_name_at_once_one_has_a_request(kim):
    def ask():
        try:
            return add_configuration(actor=member_actor(kim), sort=PARTICIPANT, target={"name": "North"})
        except ApiError as error:
            return error

    refused = [answer for answer in at_once(ask, ask) if isinstance(answer, ApiError)]
    assert [list(error.properties) for error in refused] == [["participant.name"]]
    assert ChangeRequest.objects.count() == 1
