"""The OpenAPI document and the pages that show it."""

import gzip
import json
import re

import pytest
from django.conf import settings
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document():
    return json.loads(Client().get("/openapi.json").content)


def followed(document, node):
    """Return what a node refers to, or the node."""
    if "$ref" not in node:
        return node
    _document, _components, section, name = node["$ref"].split("/")
    return document["components"][section][name]


def test_every_operation_names_its_scope_and_the_document_says_where_tokens_come_from(document):
    [flows] = [scheme["flows"] for scheme in document["components"]["securitySchemes"].values()]
    assert flows["clientCredentials"]["tokenUrl"] == "/connect/token"
    assert set(flows["authorizationCode"]["scopes"]) == set(settings.OAUTH2_PROVIDER["SCOPES"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            [[scope]] = [list(*requirement.values()) for requirement in operation["security"]]
            assert scope in settings.OAUTH2_PROVIDER["SCOPES"], (method, path)


def test_the_document_is_served_compressed_and_only_once():
    client = Client()
    plain, packed = client.get("/openapi.json"), client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 10
    assert gzip.decompress(packed.content) == plain.content
    for answer in (plain, packed):
        known = {"if-none-match": answer.headers["ETag"], "accept-encoding": "gzip"}
        again = client.get("/openapi.json", headers=known)
        assert (again.status_code, again.content) == (304, b"")
    assert client.get("/openapi.json", headers={"if-none-match": '"another"'}).status_code == 200
    assert client.post("/openapi.json").status_code == 405


def test_the_document_is_the_same_in_every_language(document):
    assert json.loads(Client().get("/openapi.json?language=de").content) == document


def test_nothing_in_the_document_is_null_only_or_a_component_that_a_client_cannot_name(document):
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if re.search(r"(RequestRequest|CriteriaRequest|Enum)$|^Schema$", name)] == []
    assert [name for name, schema in schemas.items() if schema.get("enum") in ([None], [""])] == []
    assert schemas["HistoryCriteria"]["properties"]["sortOrder"]["oneOf"] == [
        {"$ref": "#/components/schemas/SortOrder"},
        {"type": "null"},
    ]


def test_a_component_has_no_description_of_another_one(document):
    texts = [schema.get("description") for schema in document["components"]["schemas"].values()]
    described = [text for text in texts if text]
    assert len(described) == len(set(described))


def test_every_tag_and_every_answer_is_described(document):
    tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert set(operation["tags"]) <= tags, (method, path)
            assert all(followed(document, found)["description"] for found in operation["responses"].values())


def test_an_operation_declares_the_headers_that_it_takes_and_answers_with(document, case):
    details, export = "/v1.0/contacts/{contactId}/details", "/v1.0/contacts/export"
    for method, path, status, names in [
        ("get", details, "200", {"ETag", "Cache-Control"}),
        ("get", details, "304", {"ETag", "Cache-Control"}),
        ("patch", details, "200", {"ETag"}),
        ("patch", details, "412", {"ETag"}),
        ("patch", details, "401", {"WWW-Authenticate"}),
        ("patch", details, "403", {"WWW-Authenticate"}),
        ("patch", details, "429", {"Retry-After"}),
        ("patch", details, "503", {"Retry-After"}),
        ("post", export, "202", {"Idempotency-Replayed"}),
        ("post", export, "409", {"Retry-After"}),
        ("get", f"{export}/{{exportJobId}}", "202", {"Retry-After", "Cache-Control"}),
        ("get", f"{export}/{{exportJobId}}", "200", {"Content-Disposition", "Cache-Control"}),
        ("post", "/v1.0/legalentities", "201", {"Deprecation", "Link", "Idempotency-Replayed"}),
        ("put", "/v1.0/legalentities/{legalEntityId}/details", "204", {"ETag"}),
    ]:
        with case(f"{method} {path} {status}"):
            headers = followed(document, document["paths"][path][method]["responses"][status])["headers"]
            counted = {"RateLimit", "RateLimit-Policy"} if status != "401" else set()
            assert headers.keys() == names | counted | {"X-Correlation-ID", "Content-Language"}
            assert all(followed(document, header)["description"] for header in headers.values())
    for item in document["paths"].values():
        for operation in item.values():
            taken = {followed(document, parameter)["name"] for parameter in operation["parameters"]}
            assert {"Accept-Language", "X-Correlation-ID"} <= taken


def test_every_operation_has_an_id_of_its_own(document):
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


def test_the_page_that_shows_it_needs_nothing_from_elsewhere():
    html = Client().get("/docs/").content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(sources) > 3
    assert [source for source in sources if not re.match(r"/(?!/)", source)] == []


def test_a_sync_is_named_by_a_uuid(document):
    started = document["components"]["schemas"]["SyncStarted"]["properties"]["statusId"]
    [status] = [path for path in document["paths"] if path.endswith("/{statusId}/status")]
    [parameter] = [found for found in document["paths"][status]["get"]["parameters"] if found.get("in") == "path"]
    assert started == {"type": "string", "format": "uuid"} == parameter["schema"]


def test_every_operation_names_the_errors_that_it_may_answer_with(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            errors = {"400", "401", "403", "404", "422", "429", "500", "503"}
            errors |= {"413", "415"} if "requestBody" in operation else set()
            names = {followed(document, parameter)["name"] for parameter in operation["parameters"]}
            errors |= {"412"} if "If-Match" in names else set()
            assert errors <= operation["responses"].keys(), (method, path)
