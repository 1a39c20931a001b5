"""Frequent operations read token and data in one statement; the token's current state decides."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from oauth2_provider.models import AccessToken

from accounts.actor import system_actor
from accounts.models import Member
from contactgroups.models import ACCESS_POLICIES
from contactgroups.services import Membership, create_group
from schemas.models import ListItem

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(make_contact):
    return make_contact()


@pytest.fixture
def policy(default_schemas):
    return ListItem.objects.get(list__key=ACCESS_POLICIES, key="owner").pk


@pytest.fixture
def path(contact):
    return f"/v1.0/contacts/{contact.pk}/details"


@pytest.fixture
def anna(make_member):
    return make_member("anna", sees_all_contacts=True)


@pytest.fixture
def api(anna, api_of, path):
    """A caller that is already cached in this process."""
    api = api_of(anna)
    assert api.get(path).status == 200
    return api


def test_details_take_one_statement_once_the_caller_is_known(api, path, count_queries):
    with count_queries() as queries:
        assert api.get(path).status == 200
    assert len(queries) == 1


def test_access_to_a_group_takes_one_statement_once_the_caller_is_known(api, contact, policy, count_queries):
    group = create_group(actor=system_actor("tests"), memberships=[Membership(contact.pk, policy)])
    path = f"/v1.0/contact-groups/{group.id}/contacts/{contact.pk}/access"
    with count_queries() as queries:
        assert api.get(path).json == {"hasAccess": True}
    assert len(queries) == 1


def test_the_answer_is_the_same_as_on_the_first_call(anna, api_of, path):
    api = api_of(anna)
    first, second = api.get(path), api.get(path)
    assert first.json == second.json
    assert first.headers["ETag"] == second.headers["ETag"]


def test_a_contact_that_is_not_there_is_not_found(api):
    assert api.get("/v1.0/contacts/2147483646/details").status == 404
    assert api.get(f"/v1.0/contacts/{10**12}/details").status == 404


def test_a_revoked_token_stops_working_at_once(api, path):
    AccessToken.objects.all().delete()
    assert api.get(path).status == 401


def test_an_expired_token_stops_working_at_once(api, path):
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert api.get(path).status == 401


def test_a_closed_login_stops_working_at_once(api, path):
    get_user_model().objects.update(is_active=False)
    assert api.get(path).status == 401


def test_a_scope_that_is_taken_away_is_missing_at_once(api, path):
    AccessToken.objects.update(scope="groups.read")
    assert api.get(path).status == 403


def test_a_member_that_no_longer_sees_all_contacts_does_not_find_those_of_others(api, path):
    Member.objects.update(sees_all_contacts=False)
    assert api.get(path).status == 404


def test_a_member_that_is_assigned_finds_the_contact_at_once(make_member, api_of, contact, path):
    ben = make_member("ben")
    api = api_of(ben)
    assert api.get(path).status == 404
    contact.members.add(ben)
    assert api.get(path).status == 200


def test_an_application_that_is_restricted_does_not_find_contacts_of_others(
    make_participant, make_app, api_of, contact, path
):
    ours, theirs = make_participant(), make_participant()
    app = make_app()
    api = api_of(app)
    assert api.get(path).status == 200
    app.participants.add(ours)
    assert api.get(path).status == 404
    contact.participants.add(theirs)
    assert api.get(path).status == 404
    contact.participants.add(ours)
    assert api.get(path).status == 200


def test_callers_of_other_kinds_are_told_apart(make_contact, make_member, app, api_of, contact, path):
    """Alternate between kinds of callers, each with its own statement."""
    other = make_contact(members=[make_member("ben")])
    callers = [api_of(make_member("rita")), api_of(contact), api_of(other), app]
    for _turn in range(3):
        assert [caller.get(path).status for caller in callers] == [404, 200, 404, 200]


def test_a_contact_that_becomes_a_member_acts_as_one_at_once(make_contact, make_member, api_of, contact, path):
    other = make_contact()
    api = api_of(contact)
    assert api.get(path).status == 200
    contact.refresh_from_db()
    Member.objects.filter(pk=make_member("zoe", sees_all_contacts=True).pk).update(user=contact.user)
    assert api.get(f"/v1.0/contacts/{other.pk}/details").status == 200


def test_a_token_that_is_given_to_a_login_is_no_longer_the_applications(make_member, app, path):
    assert app.get(path).status == 200
    AccessToken.objects.update(user=make_member("zoe").user)
    assert app.get(path).status == 404
    get_user_model().objects.update(is_active=False)
    assert app.get(path).status == 401
