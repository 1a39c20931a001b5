"""Every door that goes through a kind, under both profiles: one person changes nothing that waits, two people do."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.actor import system_actor
from accounts.models import User
from administration.services.applications import create_client_application
from changerequests.models import ChangeRequest
from changerequests.services.applying import apply_approved_request
from contactgroups.services import Membership, create_group
from contacts.services.connections import add_external_connection
from contacts.services.pictures import replace_picture
from operations.doors.report import rows
from schemas.models import ListItem
from schemas.services import remove_list_item
from schemas.services.defaults import KONTOR
from tests.api import Answer, Api
from tests.changerequests.policies import policy as policy_document
from tests.changerequests.policies import rule, set_policy, stage, use_profile
from tests.changerequests.requesting import address
from tests.fixtures import details
from tests.legalentities.conftest import make_legal_entity, policy  # noqa: F401 - fixtures
from tests.operations.acts import (
    ACTS,
    PROFILES,
    WAITS,
    World,
    administration,  # noqa: F401 - enters its acts, as the others do
    command,
    companies,  # noqa: F401
    contacts,
    exports,  # noqa: F401
    groups,  # noqa: F401
    imports,
    schemas,  # noqa: F401
)

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SYSTEM = system_actor("tests")


@pytest.fixture(autouse=True)
def _installation(settings: Any, tmp_path: Any) -> None:
    """Not the embedded profile, in which commands need nobody; with a storage of its own."""
    settings.EMBEDDED = False
    # No name is looked up.
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}},
    }


@pytest.fixture
def world(make_member: Any, make_contact: Any, make_legal_entity: Any, policy: Any, make_participant: Any) -> World:  # noqa: F811
    contact = make_contact(details(personalInformation={"maritalStatus": "married"}), username="heidi")
    add_external_connection(actor=SYSTEM, contact_id=contact.pk, system="Default", external_id=imports.CONTACT)
    replace_picture(actor=SYSTEM, contact_id=contact.pk, content=contacts.png("red"))
    ben = make_member("ben", permissions=[])
    ben.user.groups.add(Group.objects.create(name="Advisors"))
    TOTPDevice.objects.create(user=ben.user, name="authenticator", confirmed=True)
    remove_list_item(actor=KONTOR, list_key="gender", key="other")
    company = make_legal_entity(contact, external_id=imports.COMPANY)
    create_group(actor=SYSTEM, memberships=[Membership(contact.pk, policy("owner"))], name="Family")
    return World(
        root=make_member("root", is_superuser=True, sees_all_contacts=True),
        ben=ben,
        berta=User.objects.create_user("berta", is_staff=True),
        contact=contact,
        company=company,
        married=ListItem.objects.get(list__key="marital-status", key="married"),
        geneva=make_participant("Geneva"),
        client=create_client_application(
            actor=SYSTEM, name="reports", scopes=["contacts.read"], participants=[]
        ).application,
    )


@pytest.fixture
def rita(make_member: Any, api_of: Any) -> Api:
    """A second person."""
    return api_of(make_member("rita", is_superuser=True, sees_all_contacts=True))


def approve(api: Api, request: ChangeRequest) -> Answer:
    """Approve what the request asks for now and, if it is about many subjects, apply it as the worker does."""
    digest = api.get(address(request)).json["digest"]
    answer = api.post(address(request, "/review"), {"isApproved": True, "digest": digest})
    if answer.status == 204:
        apply_approved_request(request.pk)
    return answer


def test_every_door_that_goes_through_a_kind_is_attempted() -> None:
    doors = [(row.name, kind) for row in rows() if row.door is not None for kind in row.door.kinds]
    assert sorted((act.door, act.kind) for act in ACTS) == sorted(doors)


@pytest.mark.parametrize("profile", PROFILES)
def test_one_person_changes_nothing_that_waits_and_a_second_one_does(
    profile: str, world: World, rita: Api, api_of: Any, admin_of: Any, case: Any
) -> None:
    use_profile(profile)
    own = api_of(world.root)
    callers = {"API": own, "Admin": admin_of(world.root), "Commands": command}
    for act in ACTS:
        if act.is_of_applications:
            continue
        with case(act.door, act.kind):
            before = act.result(world)
            said = act.attempt(world, callers[act.way])
            if profile not in act.waits_in:
                assert act.result(world) != before
                assert not ChangeRequest.objects.exists()
                continue
            assert act.result(world) == before
            assert re.search(act.says, said), said
            request = ChangeRequest.objects.get(kind=act.kind)
            # Nobody is behind a command: anyone who may review is the second person.
            if request.initiator_member is not None:
                refused = approve(own, request)
                assert (refused.status, refused.sub_code) == (403, "OwnChangeRequest")
            assert act.result(world) == before
            answer = approve(rita, request)
            assert answer.status == 204, answer.json
            assert act.result(world) != before


@pytest.mark.parametrize("profile", PROFILES)
def test_an_application_that_no_policy_names_needs_nobody(profile: str, world: World, app: Api, case: Any) -> None:
    use_profile(profile)
    for act in ACTS:
        if act.way != "API":
            continue
        with case(act.door, act.kind):
            before = act.result(world)
            act.attempt(world, app)
            assert act.result(world) != before
            assert not ChangeRequest.objects.exists()


def test_an_application_that_a_policy_names_changes_nothing_alone_by_ways_of_its_own(
    world: World, rita: Api, make_app: Any, api_of: Any, case: Any
) -> None:
    application = make_app()
    rules = [rule("Review", applications=[application.pk])]
    for act in ACTS:
        if not act.is_of_applications:
            continue
        with case(act.door, act.kind):
            set_policy(policy_document([stage("Review")], rules), kind=act.kind)
            before = act.result(world)
            assert re.search(WAITS, act.attempt(world, api_of(application)))
            assert act.result(world) == before
            answer = approve(rita, ChangeRequest.objects.filter(kind=act.kind).latest("pk"))
            assert answer.status == 204, answer.json
            assert act.result(world) != before
