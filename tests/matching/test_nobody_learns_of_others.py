"""Contacts that a member does not see change no answer, no count and no refusal about duplicates."""

import re
from functools import cached_property

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import member_actor, system_actor
from contacts.services.creation import create_contact
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.models import DuplicateMode, ImportFailure, ImportJob, ImportKind
from matching.models import Pair
from matching.searching import run_search, start_search
from matching.services import make_keys
from tests.browserless import sent_by
from tests.importexport.importing import array, stored

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
RIGHTS = [
    *("view_contact", "add_contact", "change_contact_details", "view_pair", "change_pair"),
    *("add_importjob", "view_importjob"),
]
PERSONAL = {"firstName": "Reto", "lastName": "Nägeli", "dateOfBirth": "1980-02-09"}
REACH = {"email": "reto@example.ch", "mobile": "+41795550142"}
LIST = "/admin/matching/pair/"
ADD = "/admin/contacts/contact/add/"
TYPED = {
    "username": "typed",
    "details.personalInformation.firstName": "Reto",
    "details.personalInformation.lastName": "Naegeli",
    "details.personalInformation.dateOfBirth": "1980-02-09",
}


@st.composite
def people(draw):
    """Draw details as alike to those of Reto as it comes."""
    personal = {"lastName": draw(st.sampled_from(["Nägeli", "Naegelli", "Nägeli-Huber", "Zgraggen"]))}
    personal["firstName"] = draw(st.sampled_from(["Reto", "Rätus", "Ida"]))
    personal["dateOfBirth"] = draw(st.sampled_from(["1980-02-09", "1980-09-02", "1951-12-31"]))
    return {"personalInformation": personal, "contactInformation": draw(st.sampled_from([{}, REACH]))}


class World:
    """What the member does, each time as if for the first time, and what it is answered."""

    def __init__(self, api, browser, member, own, other, contact_type):
        self.api, self.browser, self.member, self.contact_type = api, browser, member, contact_type
        self.own, self.other = own, other

    @cached_property
    def alone(self):
        make_keys()
        _searched()
        return self.answers()

    def answers(self):
        return [self._once(call) for call in (self._asks, self._creates, self._changes, self._types, self._imports)] + [
            self._lists()
        ]

    def _once(self, call):
        with transaction.atomic():
            found = call()
            transaction.set_rollback(True)
        return found

    def _asks(self):
        asked = {"details": {"personalInformation": PERSONAL, "contactInformation": REACH}}
        return self.api.post("/v1.0/contacts/duplicates/search", asked).json

    def _creates(self):
        body = {
            "contactTypeId": self.contact_type.pk,
            "username": "typed",
            "details": {"personalInformation": PERSONAL},
        }
        return self._told(self.api.post("/v1.0/contacts", body, x_refuse_duplicates="possible"))

    def _changes(self):
        patch = {"details": {"contactInformation": REACH}}
        path = f"/v1.0/contacts/{self.other.pk}/details"
        return self._told(self.api.patch(path, patch, x_refuse_duplicates="possible"))

    def _told(self, answer):
        return answer.status, answer.json.get("subCode"), answer.json.get("properties")

    def _types(self):
        form = sent_by(self.browser.get(ADD).content.decode())
        form.update(TYPED)
        answer = self.browser.post(ADD, form.urlencode(), content_type="application/x-www-form-urlencoded")
        return answer.status_code, re.findall(r'name="duplicates_seen" value="([^"]*)"', answer.content.decode())

    def _imports(self):
        entry = {"externalId": "x", "contactTypeId": self.contact_type.pk, "username": "typed"}
        actor = member_actor(self.member)
        (name,) = stored(array({**entry, "details": {"personalInformation": PERSONAL}}), actor=actor)
        job = start_sync(
            actor=actor, kind=ImportKind.CONTACTS, names=[name], is_sent=False, duplicates=DuplicateMode.REFUSE
        )
        run_job(job.pk)
        job = ImportJob.objects.get(pk=job.pk)
        return job.created, job.failed, list(ImportFailure.objects.values_list("message", flat=True))

    def _lists(self):
        answer = self.browser.get(LIST)
        rows = [(pair.lower_id, pair.higher_id) for pair in answer.context["cl"].result_list]
        hidden = Pair.objects.exclude(lower__in=[self.own, self.other], higher__in=[self.own, self.other])
        pages = {self.browser.get(f"{LIST}{pair.pk}/change/").status_code for pair in hidden} or {404}
        return rows, answer.context["cl"].result_count, pages


@pytest.fixture
def world(make_member, make_contact, api_of, admin_of, contact_type):
    member = make_member("anna", permissions=RIGHTS)
    own = make_contact({"personalInformation": PERSONAL}, members=[member])
    other = make_contact({"personalInformation": PERSONAL | {"firstName": "Retus"}}, members=[member])
    return World(api_of(member), admin_of(member), member, own, other, contact_type)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hidden=st.lists(people(), min_size=1, max_size=4))
def test_contacts_of_others_change_nothing_that_a_member_is_told(world, hidden):
    before = world.alone
    with transaction.atomic():
        for number, details in enumerate(hidden):
            create_contact(
                actor=system_actor("tests"),
                type_id=world.contact_type.pk,
                username=f"hidden.{number}",
                details=details,
            )
        make_keys()
        _searched()
        assert world.answers() == before
        # And what it sees is told.
        asked, creates, changes, types, imports, lists = before
        assert [one["contact"]["id"] for one in asked["candidates"]] == [world.own.pk, world.other.pk]
        assert (creates[0], types[0], imports[1], lists[1]) == (422, 200, 1, 1)
        assert changes[0] == 200
        transaction.set_rollback(True)


def _searched():
    run_search(start_search(actor=system_actor("tests")).pk)
