"""For arbitrary files the counts add up to the entries, and the database matches a simple model."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from contacts.models import CONTACT_DETAILS, Contact
from importexport.models import ImportJob
from tests.examples import examples
from tests.fixtures import details
from tests.importexport.importing import array, counts, lines, synced

pytestmark = pytest.mark.django_db
BATCH = 3


@dataclass
class Person:
    last_name: str
    username: str
    version: int = 1


@dataclass
class Model:
    """What an import does, said the slow way. Usernames are looked up when a batch begins."""

    people: dict[str, Person] = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)

    def sync(self, files):
        last = {}
        for index, entries in enumerate(files):
            last |= {
                entry["externalId"]: (index, number) for number, entry in enumerate(entries) if "externalId" in entry
            }
        for index, entries in enumerate(files):
            for start in range(0, len(entries), BATCH):
                self.batch(
                    [
                        (entry, last.get(entry.get("externalId")) == (index, number))
                        for number, entry in enumerate(entries[start : start + BATCH], start)
                    ]
                )

    def batch(self, entries):
        holders = {person.username.lower(): external_id for external_id, person in self.people.items()}
        taken = set()
        for entry, is_last in entries:
            self.counts[self.apply(entry, is_last, holders, taken)] += 1

    def apply(self, entry, is_last, holders, taken):
        if not is_last or "bad" in entry:
            return "failed"
        external_id, username = entry["externalId"], entry.get("username")
        person = self.people.get(external_id)
        last_name = entry["details"]["personalInformation"].get("lastName")
        if last_name is None and (person is None or person.last_name != last_name):
            return "failed"
        if person is None and username is None:
            return "failed"
        wanted = username if username is not None else person.username
        if person is None or wanted != person.username:
            folded = wanted.lower()
            if folded in taken or holders.get(folded, external_id) != external_id:
                return "failed"
            taken.add(folded)
        if person is None:
            self.people[external_id] = Person(last_name, wanted)
            return "created"
        if (person.last_name, person.username) == (last_name, wanted):
            return "unchanged"
        person.version += person.last_name != last_name
        person.last_name, person.username = last_name, wanted
        return "updated"


def documents():
    return st.sampled_from(["Spyri", "Heidi", None]).map(lambda name: details(personalInformation={"lastName": name}))


entries = st.fixed_dictionaries(
    {"externalId": st.sampled_from(["A", "B", "C", "D", "E"]), "details": documents()},
    optional={"username": st.sampled_from(["ann", "ANN", "ben", "Ben", "eve"]), "bad": st.just(True)},
) | st.just({"details": details(), "bad": 1})
imports = st.lists(st.lists(entries, min_size=1, max_size=7), min_size=1, max_size=3)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(syncs=st.lists(imports, min_size=1, max_size=3))
def test_the_counts_add_up_and_the_database_is_as_the_model_says(contact_type, settings, syncs):
    settings.IMPORT_BATCH_ENTRIES = BATCH
    with transaction.atomic():
        model = Model()
        for files in syncs:
            typed = [[{**entry, "contactTypeId": contact_type.pk} for entry in file] for file in files]
            model.counts.clear()
            model.sync(typed)
            job = synced(*((array if number % 2 else lines)(*file) for number, file in enumerate(typed)))
            assert sum(counts(job)) == job.processed == job.total == sum(map(len, files))
            assert counts(job) == tuple(model.counts[name] for name in ("created", "updated", "unchanged", "failed"))
            assert job.failures.values("file", "position").distinct().count() == job.failed
        rows = Contact.objects.filter(external_connections__system="Default").values_list(
            "external_connections__external_id", "details__personalInformation__lastName", "username", "version"
        )
        assert set(rows) == {
            (external_id, person.last_name, person.username, person.version)
            for external_id, person in model.people.items()
        }
        assert Entry.objects.filter(kind=CONTACT_DETAILS).count() == sum(
            person.version for person in model.people.values()
        )
        transaction.set_rollback(True)
    assert not ImportJob.objects.exists()
