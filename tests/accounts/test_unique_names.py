"""Groups of staff, participants and applications: no two have one name, whatever its case and spelling."""

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction

from accounts.actor import system_actor
from accounts.models import ClientApplication, Participant
from administration.configuration import CONFIGURATION
from administration.participants import PARTICIPANT
from administration.services.applications import create_client_application
from administration.services.configuration import add_configuration
from administration.services.groups import create_group
from core.errors import UnprocessableEntity
from tests.concurrency import while_waiting
from tests.fixtures import without_triggers

pytestmark = pytest.mark.django_db

ACTOR = system_actor("tests")
MODELS = (Group, Participant, ClientApplication)
SPELLINGS = ("NORTH", "ｎorth", "north")


@pytest.mark.parametrize("model", MODELS)
def test_the_database_refuses_a_name_that_another_row_has(model):
    model.objects.create(name="North")
    other = model.objects.create(name="South")
    for name in SPELLINGS:
        for write in (
            lambda name=name: model.objects.create(name=name),
            lambda name=name: model.objects.filter(pk=other.pk).update(name=name),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                write()


@pytest.mark.parametrize("model", MODELS)
def test_a_row_changes_the_spelling_of_its_own_name_and_rows_from_before_stay(model):
    row = model.objects.create(name="North")
    model.objects.filter(pk=row.pk).update(name="NORTH")
    with without_triggers():
        other = model.objects.create(name="north")
    other.save()
    model.objects.filter(pk=other.pk).update(name="South")
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.filter(pk=other.pk).update(name="north")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("act", "sub_code"),
    [
        (lambda name: create_group(actor=ACTOR, name=name, target={}), "GroupNameNotUnique"),
        (lambda name: add_configuration(actor=ACTOR, sort=PARTICIPANT, target={"name": name}), "ValidationFailed"),
        (
            lambda name: create_client_application(actor=ACTOR, name=name, scopes=[], participants=[]),
            "ClientNameNotUnique",
        ),
    ],
    ids=["group", CONFIGURATION, "application"],
)
def test_of_two_who_take_one_name_at_once_one_is_told(act, sub_code):
    def late():
        try:
            act("NORTH")
        except UnprocessableEntity as error:
            return error.sub_code
        finally:
            connection.close()
        return "written"

    assert while_waiting(late, before=lambda: act("North")) == sub_code
