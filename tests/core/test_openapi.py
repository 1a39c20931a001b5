"""The OpenAPI document and the pages that show it."""

import json
import re

import pytest
from django.conf import settings
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document():
    return json.loads(Client().get("/openapi.json").content)


def test_every_operation_names_its_scope_and_the_document_says_where_tokens_come_from(document):
    [flows] = [scheme["flows"] for scheme in document["components"]["securitySchemes"].values()]
    assert flows["clientCredentials"]["tokenUrl"] == "/connect/token"
    assert set(flows["authorizationCode"]["scopes"]) == set(settings.OAUTH2_PROVIDER["SCOPES"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            [[scope]] = [list(*requirement.values()) for requirement in operation["security"]]
            assert scope in settings.OAUTH2_PROVIDER["SCOPES"], (method, path)


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
    [parameter] = [found for found in document["paths"][status]["get"]["parameters"] if found["in"] == "path"]
    assert started == {"type": "string", "format": "uuid"} == parameter["schema"]


def test_every_operation_names_the_errors_that_it_may_answer_with(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            errors = {"400", "401", "403", "404", "422", "429", "500", "503"}
            errors |= {"413", "415"} if "requestBody" in operation else set()
            names = {parameter["name"] for parameter in operation["parameters"]}
            errors |= {"412"} if "If-Match" in names else set()
            assert errors <= operation["responses"].keys(), (method, path)
