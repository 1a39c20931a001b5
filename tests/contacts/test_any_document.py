"""Whatever is submitted: never a 500, never half a change, and the history replays to the current document."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts.details import with_values
from contacts.models import Contact
from tests.fixtures import details

pytestmark = pytest.mark.django_db

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts)
anything = st.recursive(
    scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3), max_leaves=8
)
# Near what the schema wants: the right places with the right and the wrong values.
near = st.fixed_dictionaries(
    {},
    optional={
        "personalInformation": st.fixed_dictionaries(
            {},
            optional={
                "lastName": st.sampled_from(["Spyri", "Heusser", "", None, 7]),
                "title": st.sampled_from(["Dr.", None]),
                "dateOfBirth": st.sampled_from(["1827-06-12", "1827-02-30", None]),
                "nationalities": st.lists(st.sampled_from(["CH", "DE", "XX"]), max_size=3),
            },
        ),
        "contactInformation": st.fixed_dictionaries(
            {},
            optional={
                "email": st.sampled_from(["a@example.com", "b@example.com", "nonsense", None]),
                "phone": st.sampled_from(["+41 44 123 45 67", None, {}]),
                "addresses": st.lists(
                    st.fixed_dictionaries(
                        {"type": st.just("domicile"), "city": st.sampled_from(["Zürich", None])},
                        optional={"country": st.sampled_from(["CH", "DE"]), "state": st.sampled_from(["CH-ZH", ""])},
                    ),
                    max_size=2,
                ),
            },
        ),
        "regulatory": st.fixed_dictionaries(
            {},
            optional={
                "isPoliticallyExposed": st.sampled_from([True, False, None, 1]),
                "politicalExposure": st.sampled_from([{"function": "Mayor"}, {}, None]),
                "riskScore": st.sampled_from([1, 1.0, True, -1, None]),
            },
        ),
        "relationship": st.one_of(st.just({}), st.none(), anything),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(submissions=st.lists(st.tuples(st.sampled_from(["PATCH", "PUT"]), near | anything), min_size=1, max_size=4))
def test_every_submission_gets_an_answer_and_leaves_a_history_that_replays(make_contact, app, submissions):
    contact = make_contact(details(contactInformation={"email": "a@example.com"}))
    path = f"/v1.0/contacts/{contact.pk}/details"
    for method, document in submissions:
        before = Contact.objects.get(pk=contact.pk)
        answer = app.call(method, path, {"details": document})
        assert answer.status in (200, 400, 422, 429), answer.json
        after = Contact.objects.get(pk=contact.pk)
        if answer.status != 200:
            assert (after.details, after.version) == (before.details, before.version)
        history = contact.change_sets.order_by("version")
        assert [row.version for row in history] == list(range(1, after.version + 1))
        replayed: dict = {}
        for row in history:
            replayed = with_values(replayed, {change["path"]: change["target"] for change in row.changes})
        assert replayed == after.details
