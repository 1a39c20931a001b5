"""Arbitrary import files: every entry is counted, none is partially imported, and histories replay to the documents."""

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.models import Contact, ExternalConnection
from core.errors import UnprocessableEntity
from tests.documents import anything, check_history, documents, state_of
from tests.examples import examples
from tests.fixtures import details
from tests.importexport.importing import array, synced

pytestmark = pytest.mark.django_db

entries = st.fixed_dictionaries(
    {"externalId": st.sampled_from(["E-1", "E-2", "E-3"])},
    optional={
        "details": documents,
        "username": st.sampled_from(["one", "ONE", "two", "", None, 7]),
        "contactType": st.sampled_from(["client", "castle", None]),
    },
)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(entries | anything, max_size=4), min_size=1, max_size=3))
def test_every_entry_is_counted_and_the_histories_replay(make_contact, files):
    known = make_contact(details(contactInformation={"email": "a@example.com"}))
    ExternalConnection.objects.update_or_create(external_id="E-1", defaults={"contact": known, "system": "Default"})
    for file in files:
        before, total = state_of(known), Contact.objects.count()
        content = array(*[orjson.loads(orjson.dumps(entry)) for entry in file])
        if not all(isinstance(entry, dict) for entry in file):
            # What is no list of objects is not even stored.
            with pytest.raises(UnprocessableEntity):
                synced(content)
            assert (state_of(known), Contact.objects.count()) == (before, total)
            continue
        job = synced(content)
        assert job.total == job.processed == len(file)
        assert job.created + job.updated + job.unchanged + job.failed == len(file)
        assert Contact.objects.count() == total + job.created
        if not job.updated:
            assert state_of(known) == before
        for contact in Contact.objects.filter(external_connections__external_id__in=["E-1", "E-2", "E-3"]):
            check_history(contact)
