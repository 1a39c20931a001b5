"""Hypothesis strategies for contact documents, and checks that must hold after any input."""

from hypothesis import strategies as st

from changerequests.models import ChangeRequest, ChangeRequestQuerySet
from contacts.models import CONTACT_DETAILS, Contact
from core.documents import with_values

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), texts)
anything = st.recursive(
    scalars, lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3), max_leaves=8
)
# Almost valid documents: known fields with valid and invalid values.
near = st.fixed_dictionaries(
    {},
    optional={
        "personalInformation": st.fixed_dictionaries(
            {},
            optional={
                "firstName": st.sampled_from(["Johanna", "Adelheid", None]),
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
documents = near | anything


def requests_about(contact: Contact) -> ChangeRequestQuerySet:
    return ChangeRequest.objects.of_kind(CONTACT_DETAILS).filter(subject_id=contact.pk)


def state_of(contact: Contact) -> tuple[object, ...]:
    """Return everything that a rejected change must not modify."""
    stored = Contact.objects.get(pk=contact.pk)
    return (
        stored.details,
        stored.version,
        stored.username,
        list(contact.entries.order_by("sequence").values_list("pk", "sequence")),
        list(contact.channels.order_by("kind").values_list("kind", "pending_value")),
        list(requests_about(contact).order_by("pk").values_list("pk", "status", "entries")),
    )


def check_history(contact: Contact) -> None:
    """Check that the history has every version, has no empty changes and replays to the document."""
    stored = Contact.objects.get(pk=contact.pk)
    history = list(contact.entries.order_by("sequence"))
    assert [row.sequence for row in history] == list(range(1, stored.version + 1))
    replayed: dict = {}
    for row in history:
        assert row.changes
        for change in row.changes:
            assert change["original"] != change["target"] or type(change["original"]) is not type(change["target"])
        replayed = with_values(replayed, {change["path"]: change["target"] for change in row.changes})
    assert replayed == stored.details
