"""Forms built from schemas: an unchanged submission changes nothing, an edited field changes only itself."""

import json
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import timezone, translation
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.compiled import CompiledSchema
from schemas.explaining import not_json_faults
from schemas.forms import DetailsForm
from schemas.forms.building import fields_outside_arrays
from tests.browserless import sent_by
from tests.examples import examples
from tests.schemas.conftest import field, schema_of, section, shipped
from tests.schemas.documents import full_contact
from tests.schemas.test_verdicts import elements, json_values, near_valid_contacts

LANGUAGES = ["en", "de", "fr", "it"]


def page_of(form: DetailsForm) -> str:
    return render_to_string(form.template_name, {"form": form})


def sent_for(schema: CompiledSchema, document: Any, **options: Any) -> QueryDict:
    """What a browser sends for the form of a document that nobody has touched."""
    return sent_by(page_of(DetailsForm(schema, document, **options)))


def sent_back(schema: CompiledSchema, document: Any, sent: QueryDict, **options: Any) -> DetailsForm:
    return DetailsForm(schema, document, sent, **options)


def is_stored(document: Any) -> bool:
    """Whether PostgreSQL could have the document."""
    return not not_json_faults(document) and "\\u0000" not in json.dumps(document)


# ---- there and back


@settings(max_examples=examples(60), deadline=None)
@given(document=near_valid_contacts().filter(lambda document: isinstance(document, dict) and is_stored(document)))
def test_a_contact_that_is_sent_back_untouched_stays_exactly_as_it_is(document: dict[str, Any]) -> None:
    sent = sent_for(shipped("contact"), document)
    form = sent_back(shipped("contact"), document, sent)
    assert form.patch == {}
    assert json.dumps(form.target) == json.dumps(document)
    assert not form.has_changed()


@settings(max_examples=examples(60), deadline=None)
@given(root=elements(2), data=st.data(), language=st.sampled_from(LANGUAGES))
def test_any_document_of_any_schema_comes_back_as_it_is(
    root: list[dict[str, Any]], data: st.DataObject, language: str
) -> None:
    schema = schema_of(*root[1:], section("inside", section("box", root[0], kind="group")))
    document = data.draw(documents_near(schema).filter(is_stored))
    with translation.override(language), timezone.override("Europe/Zurich"):
        form = sent_back(schema, document, sent_for(schema, document))
        assert json.dumps(form.target) == json.dumps(document)
        assert form.patch == {}


def documents_near(schema: CompiledSchema) -> st.SearchStrategy[dict[str, Any]]:
    """Documents that have the schema's fields, some with values of their kind and some with any."""
    return _objects(schema.definition.elements)


def _objects(elements: Any) -> st.SearchStrategy[dict[str, Any]]:
    known: dict[str, st.SearchStrategy[Any]] = {}
    for element in _data(elements):
        inner = _objects(element.elements) if element.elements else _values(getattr(element, "type", "section"))
        if getattr(element, "is_array", False):
            inner = st.lists(inner | json_values, max_size=3)
        known[element.key] = inner | json_values
    strays = st.dictionaries(st.text(max_size=4), json_values, max_size=1)
    return st.builds(lambda named, others: others | named, st.fixed_dictionaries({}, optional=known), strays)


def _data(elements: Any) -> list[Any]:
    found: list[Any] = []
    for element in elements:
        found += _data(element.elements) if type(element).__name__ == "Group" else [element]
    return found


def _values(kind: str) -> st.SearchStrategy[Any]:
    match kind:
        case "integer":
            return st.integers(-(2**53), 2**53)
        case "decimal":
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
        case "boolean":
            return st.booleans()
        case "date":
            return st.dates().map(str)
        case "dateTime":
            zones = st.sampled_from(["Z", "+01:00", "-23:30", "+00:00"])
            return st.builds(lambda moment, zone: moment.isoformat() + zone, st.datetimes(), zones)
    return st.text(max_size=20)


def test_a_document_without_anything_gives_a_document_without_anything(contact_schema: CompiledSchema) -> None:
    assert sent_back(contact_schema, {}, sent_for(contact_schema, {})).target == {}


def test_forms_are_made_of_any_schema_that_is_shipped() -> None:
    schema = shipped("legal-entity")
    assert sent_back(schema, {}, sent_for(schema, {})).target == {}
    shown = {node.path for node in DetailsForm(schema, {}).root.walk() if node.path}
    assert shown >= {path for path, field in schema.fields.items() if not field.is_in_array}


def test_what_was_not_sent_stays_as_it_is(contact_schema: CompiledSchema) -> None:
    form = sent_back(contact_schema, full_contact(), QueryDict(mutable=True))
    assert form.patch == {}


# ---- changing


def test_a_change_is_the_only_one(contact_schema: CompiledSchema) -> None:
    sent = sent_for(contact_schema, full_contact())
    sent["details.personalInformation.lastName"] = "  Heusser "
    sent["details.personalInformation.title"] = ""
    sent["details.contactInformation.isMarketingAllowed"] = ""
    sent["details.occupation.annualIncome"] = "1’250’000.75"
    sent["details.personalInformation.dateOfBirth"] = "1967-06-13"
    form = sent_back(contact_schema, full_contact(), sent)
    assert form.patch == {
        "personalInformation": {"lastName": "Heusser", "title": None, "dateOfBirth": "1967-06-13"},
        "contactInformation": {"isMarketingAllowed": None},
        "occupation": {"annualIncome": 1250000.75},
    }
    assert [node.path for node in form.changed] == [
        "personalInformation.title",
        "personalInformation.lastName",
        "personalInformation.dateOfBirth",
        "contactInformation.isMarketingAllowed",
        "occupation.annualIncome",
    ]
    assert not contact_schema.validate(form.target)


def test_rows_are_added_removed_and_moved(contact_schema: CompiledSchema) -> None:
    document = full_contact()
    first = document["contactInformation"]["addresses"][0]
    document["contactInformation"]["addresses"].append({"type": "business", "city": "Chur", "country": "CH"})
    sent = sent_for(contact_schema, document)
    name = "details.contactInformation.addresses"
    assert sent.getlist(name) == ["", "0", "1"]
    sent.setlist(name, ["", "nx1", "0"])
    sent.update({f"{name}.nx1.type": "domicile", f"{name}.nx1.city": "Bern", f"{name}.nx1.country": "CH"})
    form = sent_back(contact_schema, document, sent)
    assert form.patch == {
        "contactInformation": {"addresses": [{"type": "domicile", "city": "Bern", "country": "CH"}, first]}
    }
    sent.setlist(name, [""])
    assert sent_back(contact_schema, document, sent).patch == {"contactInformation": {"addresses": None}}


def test_a_new_row_without_anything_in_it_is_none(contact_schema: CompiledSchema) -> None:
    sent = sent_for(contact_schema, full_contact())
    sent.setlist("details.contactInformation.addresses", ["", "nx1", "0"])
    sent.setlist("details.personalInformation.nationalities", ["", "0", "1", "nx2"])
    sent["details.personalInformation.nationalities.nx2"] = ""
    assert sent_back(contact_schema, full_contact(), sent).patch == {}


NESTED = schema_of(
    section(
        "family",
        field("children", "object", isArray=True, elements=[field("name"), field("nicknames", isArray=True)]),
    )
)


def test_arrays_in_rows_follow_their_row() -> None:
    children = [{"name": "Heidi", "nicknames": ["H", "He"]}, {"name": "Peter"}]
    document = {"family": {"children": children}}
    sent = sent_for(NESTED, document)
    name = "details.family.children"
    sent.setlist(name, ["", "1", "0"])
    sent.setlist(f"{name}.0.nicknames", ["", "1"])
    sent.setlist(f"{name}.1.nicknames", ["", "n1"])
    sent[f"{name}.1.nicknames.n1"] = "Geissenpeter"
    form = sent_back(NESTED, document, sent)
    assert form.target["family"]["children"] == [
        {"name": "Peter", "nicknames": ["Geissenpeter"]},
        {"name": "Heidi", "nicknames": ["He"]},
    ]


def test_the_template_of_a_row_holds_the_template_of_its_inner_rows() -> None:
    page = page_of(DetailsForm(NESTED, {}))
    assert 'name="details.family.children.__row0__.nicknames.__row1__"' in page


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("en", "1250.5", 1250.5),
        ("en", "1 250", 1250),
        ("de", "1250,5", 1250.5),
        ("de", "1250.5", 1250.5),
        ("de", "1.250", "1.250"),
        ("de", "12’345’678’901’234,567", "12’345’678’901’234,567"),
        ("fr", "1\u202f250,5", 1250.5),
        ("it", "-3", -3),
        ("en", "twelve", "twelve"),
        ("en", "1e5", "1e5"),
    ],
)
def test_numbers_are_read_as_the_reader_writes_them(language: str, typed: str, meant: Any) -> None:
    schema = schema_of(field("income", "decimal"))
    with translation.override(language):
        sent = sent_for(schema, {"income": 7.25})
        assert sent["details.income"] == ("7.25" if language == "en" else "7,25")
        sent["details.income"] = typed
        assert sent_back(schema, {"income": 7.25}, sent).target == {"income": meant}


def test_moments_are_shown_and_read_in_the_time_zone_of_the_page() -> None:
    schema = schema_of(field("seen", "dateTime"))
    document = {"seen": "2024-01-31T08:30:00+01:00"}
    with timezone.override("Europe/Zurich"):
        sent = sent_for(schema, document)
        assert sent["details.seen"] == "2024-01-31T08:30"
        sent["details.seen"] = "2024-07-31T08:30"
        assert sent_back(schema, document, sent).target == {"seen": "2024-07-31T08:30:00+02:00"}
    with timezone.override("UTC"):
        assert sent_back(schema, document, sent).target == {"seen": "2024-07-31T08:30:00Z"}


# ---- what a member may not change


def test_read_only_and_disabled_fields_are_shown_and_what_is_sent_for_them_is_not_taken(
    contact_schema: CompiledSchema,
) -> None:
    page = page_of(DetailsForm(contact_schema, full_contact()))
    assert 'value="A-17" class="kf-input"' in page
    sent = sent_by(page)
    assert "details.relationship.formerClientNumber" not in sent
    assert "details.regulatory.riskScore" not in sent
    sent["details.relationship.formerClientNumber"] = "B-1"
    sent["details.regulatory.riskScore"] = "9"
    assert sent_back(contact_schema, full_contact(), sent).patch == {}
    patch = sent_back(contact_schema, full_contact(), sent, is_for_member=False).patch
    assert patch == {"regulatory": {"riskScore": 9}}


def test_rows_of_a_read_only_array_cannot_be_forged() -> None:
    schema = schema_of(
        field("codes", isArray=True, isReadOnly=True),
        field("parts", "object", isDisabled=True, elements=[field("name")]),
    )
    document = {"codes": ["A", "B"], "parts": {"name": "X"}}
    page = page_of(DetailsForm(schema, document))
    assert "data-kf-add" not in page
    sent = QueryDict("details.codes=&details.codes=n1&details.codes.n1=C&details.parts.name=Y")
    assert sent_back(schema, document, sent).patch == {}


# ---- what the form cannot show


ODD = {
    "personalInformation": {"dateOfBirth": {"year": 1967}, "firstName": "Johanna", "nickname": "Heidi"},
    "contactInformation": {"addresses": ["none", {"city": "Chur", "floor": 3}, None]},
    "relationship": "good",
    "old": [1, {"deep": "value"}],
}


def test_what_the_schema_does_not_name_survives_a_change_beside_it(contact_schema: CompiledSchema) -> None:
    sent = sent_for(contact_schema, ODD)
    sent["details.personalInformation.firstName"] = "Anna"
    form = sent_back(contact_schema, ODD, sent)
    assert form.patch == {"personalInformation": {"firstName": "Anna"}}
    sent["details.contactInformation.addresses.1.city"] = "Bern"
    addresses = sent_back(contact_schema, ODD, sent).patch["contactInformation"]["addresses"]
    assert addresses == ["none", {"city": "Bern", "floor": 3}, None]


def test_what_the_form_cannot_show_is_taken_out_only_when_somebody_says_so(contact_schema: CompiledSchema) -> None:
    page = page_of(DetailsForm(contact_schema, ODD))
    assert "No longer in the schema" in page
    assert "deep" in page
    sent = sent_by(page)
    sent.appendlist("details.!remove", "old")
    sent.appendlist("details.!remove", "relationship")
    sent.appendlist("details.personalInformation.!remove", "dateOfBirth")
    sent.appendlist("details.contactInformation.addresses.1.!remove", "floor")
    sent.setlist("details.contactInformation.addresses", ["", "1"])
    form = sent_back(contact_schema, ODD, sent)
    assert form.target == {
        "personalInformation": {"firstName": "Johanna", "nickname": "Heidi"},
        "contactInformation": {"addresses": [{"city": "Chur"}]},
    }


# ---- controls


@pytest.mark.parametrize(
    ("kind", "value", "control"),
    [
        ("text", "a", 'type="text"'),
        ("multilineText", "a", "<textarea"),
        ("integer", 3, 'inputmode="numeric"'),
        ("decimal", 3.5, 'inputmode="decimal"'),
        ("boolean", True, "<select"),
        ("date", "2024-01-31", 'type="date"'),
        ("date", "last winter", 'type="text"'),
        ("dateTime", "2024-01-31T08:30:00Z", 'type="datetime-local"'),
        ("dateTime", "yesterday", 'type="text"'),
        ("email", "a@b.ch", 'inputmode="email"'),
        ("mobile", "+41791234567", 'type="tel"'),
        ("phone", "044", 'type="tel"'),
        ("url", "https://a.ch", 'type="url"'),
        ("text", "a\nb", "<textarea"),
    ],
)
def test_each_type_has_its_control(kind: str, value: Any, control: str) -> None:
    leaf = next(fields_outside_arrays(DetailsForm(schema_of(field("value", kind)), {"value": value}).root))
    assert control in leaf.control  # type: ignore[attr-defined]


def test_short_lists_are_a_select_and_long_ones_are_looked_up(contact_schema: CompiledSchema) -> None:
    page = page_of(DetailsForm(contact_schema, full_contact(), choices_url="/choices/"))
    assert '<option value="mr">Mr</option>' in page
    assert "Andorra" not in page
    assert 'data-kf-choices="/choices/country/"' in page
    assert 'data-kf-choices="/choices/state/" data-kf-parent="details.contactInformation.addresses.0.country"' in page
    assert 'data-kf-parent="details.contactInformation.addresses.__row0__.country"' in page


def test_an_item_that_is_none_of_the_list_is_still_chosen(contact_schema: CompiledSchema) -> None:
    document = {"personalInformation": {"gender": "unknown"}}
    assert '<option value="unknown" selected>unknown</option>' in page_of(DetailsForm(contact_schema, document))


def test_labels_are_localized_and_marks_say_what_is_mandatory_and_asks_for_approval(
    contact_schema: CompiledSchema,
) -> None:
    with translation.override("de"):
        assert "Personalien" in page_of(DetailsForm(contact_schema, {}))
    names = DetailsForm(contact_schema, {}).root.inner()[0].inner()[0].inner()
    marks = {node.path: (node.is_mandatory, node.needs_approval) for node in names}  # type: ignore[attr-defined]
    assert marks["personalInformation.lastName"] == (True, True)
    assert marks["personalInformation.title"] == (False, False)
    assert "Approval required" in page_of(DetailsForm(contact_schema, {}))
    assert "Approval required" not in page_of(DetailsForm(contact_schema, {}, is_approval_marked=False))


def test_what_was_typed_is_escaped(contact_schema: CompiledSchema) -> None:
    evil = '"><script>alert(1)</script>'
    document = {"personalInformation": {"firstName": evil, evil: evil, "gender": evil}}
    assert "<script" not in page_of(DetailsForm(contact_schema, document))


# ---- faults


def test_faults_stand_at_their_fields_also_in_rows(contact_schema: CompiledSchema) -> None:
    document = full_contact()
    sent = sent_for(contact_schema, document)
    name = "details.contactInformation.addresses"
    sent.setlist(name, ["", "nblank", "0", "nx1"])
    sent.update({f"{name}.nx1.type": "domicile", f"{name}.nx1.country": "DE", f"{name}.nx1.state": "CH-ZH"})
    sent["details.occupation.annualIncome"] = "a lot"
    sent["details.personalInformation.dateOfBirth"] = "12.6.1967"
    form = sent_back(contact_schema, document, sent)
    form.add_faults(contact_schema.validate(form.target))
    faults = {fault.html_id: fault.message for fault in form.summary}
    assert faults == {
        "id_details.personalInformation.dateOfBirth": "This must be a date, such as 1980-12-31.",
        f"id_{name}.nx1.city": "This field is mandatory.",
        f"id_{name}.nx1.state": "“CH-ZH” does not belong to the Country that is given.",
        "id_details.occupation.annualIncome": "This must be a number.",
    }
    page = page_of(form)
    assert 'value="a lot"' in page
    assert 'value="12.6.1967"' in page
    assert f'aria-describedby="id_{name}.nx1.city_error" aria-invalid="true"' in page
    assert sent_by(page).getlist(name) == ["", "nblank", "0", "nx1"]


def test_faults_of_no_field_stand_at_the_head(contact_schema: CompiledSchema) -> None:
    form = DetailsForm(contact_schema, full_contact())
    form.add_faults(
        {
            "": ["All wrong."],
            "unknown.place": ["Somewhere."],
            "regulatory": ["Section."],
            "contactInformation.addresses[0]": ["Row."],
            "contactInformation.addresses[7].city": ["Gone."],
        }
    )
    assert form.errors == ["All wrong.", "unknown.place: Somewhere."]
    assert {fault.html_id: fault.message for fault in form.summary} == {
        "id_details.contactInformation.addresses": "Gone.",
        "id_details.contactInformation.addresses.0": "Row.",
        "id_details.regulatory": "Section.",
    }
    assert "All wrong." in page_of(form)


# ---- what others have done meanwhile


def test_over_a_newer_document_only_what_was_entered_is_kept(contact_schema: CompiledSchema) -> None:
    before, now = full_contact(), full_contact()
    now["personalInformation"] |= {"lastName": "Meyer", "title": "Prof."}
    now["contactInformation"]["addresses"].insert(0, {"type": "business", "city": "Chur", "country": "CH"})
    sent = sent_for(contact_schema, before)
    sent["details.personalInformation.lastName"] = "Heusser"
    sent["details.occupation.employer"] = "Self"
    name = "details.contactInformation.addresses"
    sent.setlist(name, ["", "0", "n1"])
    sent[f"{name}.0.city"] = "Zollikon"
    sent[f"{name}.n1.city"] = "Bern"
    form = sent_back(contact_schema, before, sent).rebased(now)
    assert form.patch == {
        "personalInformation": {"lastName": "Heusser"},
        "occupation": {"employer": "Self"},
        "contactInformation": {
            "addresses": [before["contactInformation"]["addresses"][0] | {"city": "Zollikon"}, {"city": "Bern"}]
        },
    }
    noticed = [node.path for node in form.changed if node.notice]
    assert noticed == ["personalInformation.lastName", "contactInformation.addresses"]
    page = page_of(form)
    assert 'value="Prof."' in page
    assert json.dumps(sent_back(contact_schema, now, sent_by(page)).target) == json.dumps(form.target)
