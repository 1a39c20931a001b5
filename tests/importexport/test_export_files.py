"""Exported files hold the data of the database and can be read by any CSV reader."""

import json

import duckdb
import pandas as pd
import pytest
from django.db.models import F

from accounts.actor import system_actor
from contacts.models import CONTACT_SCHEMA, Contact, ExternalConnection
from importexport.exports.columns import columns_of, exported_fields, value_of
from importexport.exports.running import write_selection
from importexport.exports.selection import Selection
from importexport.models import ExportKind
from schemas.definition import parse_definition
from schemas.fields import fields_of
from schemas.queries import current_schema
from tests.fixtures import details, without_triggers
from tests.importexport.reading import IDENTITY, expected_paths, expected_row, parsed, read_csv

pytestmark = pytest.mark.django_db

ALL_CONTACTS = Selection(ExportKind.CONTACTS)
AWKWARD = {
    "quotes": 'She said "yes", twice',
    "line ends": "one\ntwo\r\nthree\rfour",
    "umlauts": "Zoë Grünwäldli-Ångström",
    "beyond the basic plane": "𝒦ontor 🏦 山田",
    "only a comma": ",",
    "spaces around": "  padded  ",
    "a semicolon": "a;b\tc",
    "an apostrophe": "'t Hooft",
    "words that mean nothing": "NULL",
    "a backslash": "\\N \\. \\",
    "right to left": "\u200fשלום",
}


class NoProgress:
    def expect(self, total):
        self.total = total

    def report(self, processed):
        self.processed = processed


@pytest.fixture
def export(tmp_path):
    def write(selection=ALL_CONTACTS, *, actor=None):
        path = tmp_path / "export.csv"
        with path.open("wb") as file:
            write_selection(selection, actor=actor or system_actor("tests"), file=file, progress=NoProgress())
        return path

    return write


@pytest.fixture
def schema(default_schemas):
    return current_schema(CONTACT_SCHEMA)


@pytest.fixture
def stored(make_contact):
    """A contact whose details are these, whether they follow the schema or not: older versions may have allowed it."""

    def store(document, **options):
        contact = make_contact(**options)
        with without_triggers():
            Contact.objects.filter(pk=contact.pk).update(details=document, version=F("version") + 1)
        return contact

    return store


@pytest.fixture
def contacts(stored):
    """Contacts whose details hold everything that could go wrong in a file."""
    made = [
        stored(details(personalInformation={"firstName": text, "lastName": "Awkward"})) for text in AWKWARD.values()
    ]
    made.append(
        stored(
            details(
                personalInformation={"nationalities": ["CH", "LI"]},
                contactInformation={
                    "phone": "+41 44 000 00 01",
                    "isMarketingAllowed": False,
                    "addresses": [
                        {"type": "domicile", "street": 'Gasse "zur Post", 1', "city": "Zürich", "country": "CH"},
                        {"type": "business", "street": "Second\nline", "city": "Bern", "country": "CH"},
                    ],
                },
                occupation={"annualIncome": 120000.25, "incomeCurrency": "CHF"},
                regulatory={"isPoliticallyExposed": True, "riskScore": 0, "kycDate": "2025-02-28"},
                relationship={"totalWealth": 12345678901234567890, "sourcesOfWealth": []},
            )
        )
    )
    ExternalConnection.objects.create(contact=made[0], system="CRM", external_id="crm-1")
    ExternalConnection.objects.create(contact=made[0], system="Default", external_id="CBS-1")
    ExternalConnection.objects.create(contact=made[1], system="CRM", external_id="crm-2")
    return made


@pytest.fixture
def expected(contacts, schema):
    return [expected_row(contact, schema) for contact in Contact.objects.order_by("pk")]


def test_pythons_csv_reads_what_is_in_the_database(export, expected, schema):
    assert [parsed(row, schema) for row in read_csv(export().read_bytes())] == expected


def test_duckdb_reads_what_is_in_the_database(export, expected, schema):
    options = "header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"'"
    found = duckdb.sql(f"SELECT * FROM read_csv('{export()}', {options})")  # noqa: S608 - the test's own file
    rows = [{name: cell or "" for name, cell in zip(found.columns, row, strict=True)} for row in found.fetchall()]
    assert [parsed(row, schema) for row in rows] == expected


def test_pandas_reads_what_is_in_the_database(export, expected, schema):
    found = pd.read_csv(export(), dtype=str, keep_default_na=False)
    assert [parsed(row, schema) for row in found.to_dict("records")] == expected


def test_the_file_is_utf_8_without_a_mark_and_ends_its_rows_as_rfc_4180_says(export, contacts):
    content = export().read_bytes()
    assert content.startswith(b"id,uid,externalId,type,username,personalInformation.displayName,")
    assert content.endswith(b"\r\n")
    assert len(content.decode("utf-8").splitlines()) > len(contacts)


def test_the_columns_are_the_rows_own_and_then_the_exportable_fields_in_layout_order(export, schema):
    header = export().read_text().splitlines()[0].split(",")
    assert header == IDENTITY + expected_paths(schema)
    assert "relationship.notes" not in header
    assert "contactInformation.addresses" in header
    assert "regulatory.politicalExposure.function" in header
    assert not any(path.startswith("contactInformation.addresses.") for path in header)


def element(key, kind="text", *elements, **flags):
    return {
        "key": key,
        "type": kind,
        "label": {"en": key},
        **flags,
        **({"elements": list(elements)} if elements else {}),
    }


def test_a_schema_decides_the_columns():
    exportable, array = {"isExportable": True}, {"isArray": True}
    definition = {
        "elements": [
            element("b", **exportable),
            element("a", "group", element("inGroup", **exportable), element("hidden")),
            element("whole", "object", element("x"), **array, **exportable),
            element("part", "object", element("shown", **exportable), element("hidden"), **array),
            element("one", "object", element("tags", **array, **exportable), element("hidden")),
            element("all", "object", element("x"), element("y"), **exportable),
        ],
        "rules": [],
    }
    parsed_definition, _value = parse_definition(json.dumps(definition), lists={})
    found = [field.path for field in exported_fields(fields_of(parsed_definition).values())]
    assert found == ["b", "inGroup", "whole", "part.shown", "one.tags", "all.x", "all.y"]


def test_a_field_in_an_array_that_is_not_exported_whole_is_a_column_with_its_values(stored, export):
    # The column is made here from the shipped schema, in which every array is exported whole.
    street = current_schema(CONTACT_SCHEMA).fields["contactInformation.addresses.street"]
    addresses = [{"street": "One"}, {"city": "Bern"}, {"street": "Two"}]
    first = stored(details(contactInformation={"addresses": addresses}))
    second = stored(details())
    rows = Contact.objects.annotate(streets=value_of(street)).order_by("pk")
    assert list(rows.values_list("pk", "streets")) == [(first.pk, '["One", "Two"]'), (second.pk, None)]


FORMULAS = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1", "＝1+1", "+A1"]
HARMLESS = ["+41 44 000 00 01", "+41 (0)44/000.00-01", "-12", "-12.50", "+7", "-1,5", "-1e-7", "a=b", "'t Hooft", ""]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_becomes_text(text, stored, export):
    stored(details(personalInformation={"lastName": text}))
    assert read_csv(export().read_bytes())[0]["personalInformation.lastName"] == f"'{text}"


@pytest.mark.parametrize("text", [text for text in HARMLESS if text])
def test_telephone_numbers_and_numbers_stay_as_they_are(text, stored, export):
    stored(details(personalInformation={"lastName": text}))
    assert read_csv(export().read_bytes())[0]["personalInformation.lastName"] == text


@pytest.mark.parametrize("text", [*FORMULAS, *HARMLESS[:-1], "'=1", "''@x", "'+41 44"])
def test_taking_one_apostrophe_away_gives_the_value_back(text, stored, export):
    stored(details(personalInformation={"lastName": text}))
    cell = read_csv(export().read_bytes())[0]["personalInformation.lastName"]
    is_marked = cell.startswith("'") and cell.lstrip("'")[:1] in "=+-@\t\r\n＝＋－＠"
    assert (cell[1:] if is_marked else cell) == text


def test_a_username_and_an_external_id_are_neutralised_too(make_contact, export):
    contact = make_contact(username="=evil()")
    ExternalConnection.objects.create(contact=contact, system="Default", external_id="@evil")
    [row] = read_csv(export().read_bytes())
    assert (row["username"], row["externalId"]) == ("'=evil()", "'@evil")


def test_an_old_value_that_is_not_of_its_fields_type_is_an_empty_cell(make_contact, export):
    contact = make_contact()
    with without_triggers():
        Contact.objects.filter(pk=contact.pk).update(
            details={
                "personalInformation": {
                    "firstName": ["a", 1],
                    "middleName": 17,
                    "lastName": {"x": None},
                    "title": None,
                    "dateOfBirth": "31.12.1980",
                    "nationalities": ["CH", 7],
                    "placeOfBirth": "Zürich",
                },
                "contactInformation": {"addresses": "Bern", "isMarketingAllowed": "true"},
                "occupation": 3,
                "regulatory": {"riskScore": 7.5, "sanctionsCheckedAt": "now", "kycDate": "1980-02-29"},
                "relationship": {"sourcesOfWealth": "salary", "totalWealth": "1"},
            },
            version=F("version") + 1,
        )
    [row] = read_csv(export().read_bytes())
    filled = {name for name, cell in row.items() if cell and "." in name}
    assert filled == {"personalInformation.placeOfBirth", "regulatory.kycDate"}


def test_a_column_of_values_in_an_array_has_those_of_its_type(stored):
    street = current_schema(CONTACT_SCHEMA).fields["contactInformation.addresses.street"]
    stored(details(contactInformation={"addresses": [{"street": 7}, {"street": "Two"}, {"street": {"a": "b"}}]}))
    assert Contact.objects.annotate(streets=value_of(street)).get().streets == '["Two"]'


def test_an_empty_export_has_its_header(export, default_schemas):
    content = export().read_bytes()
    assert content.count(b"\r\n") == 1
    assert read_csv(content) == []


def test_only_what_the_actor_sees_is_exported(make_contact, make_member, actor_of, export):
    member = make_member()
    mine = make_contact(members=[member])
    make_contact()
    rows = read_csv(export(actor=actor_of(member)).read_bytes())
    assert [row["id"] for row in rows] == [str(mine.pk)]


def test_a_query_chooses_the_rows(make_contact, export):
    make_contact(details(personalInformation={"displayName": "Shannon Airport"}))
    make_contact(details(personalInformation={"displayName": "Somebody Else"}))
    query = """query { contacts(where: { and: [{ personalInformation: { displayName: { contains: "shannon" } } }] })
        { items { } } }"""
    rows = read_csv(export(Selection(ExportKind.CONTACTS, query=query)).read_bytes())
    assert [row["personalInformation.displayName"] for row in rows] == ["Shannon Airport"]


def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(make_contact, export, count_queries):
    def statements():
        with count_queries() as queries:
            export()
        return len(queries)

    export()
    make_contact()
    one = statements()
    for _number in range(5):
        make_contact()
    assert statements() == one


def test_every_column_has_a_header_of_its_own(default_schemas):
    for kind in ExportKind:
        headers = [column.header for column in columns_of(kind)]
        assert len(headers) == len(set(headers))
