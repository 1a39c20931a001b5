"""What lists show of subjects, for which one statement reads all kinds, is what pages show of them one by one."""

import pytest
from django.contrib.auth.models import Group, Permission

from accounts.actor import system_actor
from accounts.models import ClientApplication
from administration.applications import APPLICATION, with_sight
from administration.configuration import CONFIGURATION
from administration.participants import PARTICIPANT
from administration.rights import GROUP_RIGHTS, RIGHTS
from administration.services.configuration import add_configuration
from changerequests.kinds import request_kind
from core.documents import Change
from tests.changerequests.requesting import opened

pytestmark = pytest.mark.django_db


def check(key, ids):
    kind = request_kind(key)
    listed = kind.listed(ids, with_documents=True)
    views = kind.subjects(ids)
    assert {pk: (kind_key, uid, name, document) for kind_key, pk, uid, name, document in listed} == {
        pk: (key, view.uid, view.name, view.document) for pk, view in views.items()
    }
    assert views.keys() == set(ids)


def test_logins(make_member):
    check(RIGHTS, [make_member("anna").user_id])


def test_groups_also_deleted_ones(make_member):
    anna = make_member("anna")
    groups = [Group.objects.create(name=name) for name in ("Kept", "Deleted")]
    groups[0].permissions.add(*Permission.objects.filter(codename__in=["view_user", "add_user"]))
    for group in groups:
        opened(GROUP_RIGHTS, {group.pk: [Change("name", group.name, "Other")]}, by=anna)
    ids = [group.pk for group in groups]
    groups[1].delete()
    check(GROUP_RIGHTS, ids)


def test_configuration():
    outcome = add_configuration(actor=system_actor("tests"), sort=PARTICIPANT, target={"name": "North"})
    check(CONFIGURATION, [outcome.subject_id])


@pytest.mark.parametrize("scopes", ["", " ", "exports", "imports  contacts.read exports"])
@pytest.mark.parametrize("is_restricted", [False, True])
def test_applications_with_what_they_see(scopes, is_restricted, make_app, make_participant):
    application = make_app("crm", participants=[make_participant(), make_participant()] if is_restricted else [])
    ClientApplication.objects.update(allowed_scopes=scopes)
    check(APPLICATION, [application.pk])
    document = request_kind(APPLICATION).subjects([application.pk])[application.pk].document
    assert document == with_sight(document)
    assert document["scopes"] == sorted(scopes.split())
