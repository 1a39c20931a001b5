"""Whatever goes wrong, the answer is an ApiError."""

import pytest
from django.conf import settings
from django.db import OperationalError

pytestmark = pytest.mark.django_db
SHAPE = {"code", "subCode", "message", "correlationId", "properties"}


def is_api_error(answer, status, code):
    assert answer.status == status, answer.json
    assert set(answer.json) == SHAPE
    assert answer.json["code"] == code
    assert answer.json["subCode"] == "NA"
    assert answer.json["message"]
    assert answer.json["correlationId"] == answer.headers["X-Correlation-ID"]
    return True


def test_an_unknown_address(anonymous):
    assert is_api_error(anonymous.get("/v1.0/nothing/here"), 404, "NotFound")
    assert is_api_error(anonymous.get("/nothing"), 404, "NotFound")


def test_a_method_that_the_address_does_not_have(app, make_contact):
    answer = app.delete(f"/v1.0/contacts/{make_contact().pk}/details")
    assert is_api_error(answer, 405, "BadRequest")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "PATCH", "PUT", "OPTIONS"}


def test_options_name_the_methods_to_anybody(app, anonymous):
    for caller in (app, anonymous):
        answer = caller.call("OPTIONS", "/v1.0/contacts/1/details")
        assert (answer.status, answer.json) == (204, b"")
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "PATCH", "PUT", "OPTIONS"}
    assert "HEAD" not in app.call("OPTIONS", "/v1.0/contacts").headers["Allow"]


def test_head_is_get_without_a_body(app, anonymous, make_contact):
    path = f"/v1.0/contacts/{make_contact().pk}/details"
    for address in (path, "/v1.0/schemas/contact", "/v1.0/contacts/change-requests/statuses"):
        assert anonymous.call("HEAD", address).status == 401
        read, head = app.get(address), app.call("HEAD", address)
        assert (head.status, head.json) == (200, b"")
        varies = {"X-Correlation-ID"}
        assert {name: value for name, value in head.headers.items() if name not in varies} == {
            name: value for name, value in read.headers.items() if name not in varies
        }
    assert app.call("HEAD", "/v1.0/contacts/2147483647/details").status == 404
    assert app.call("HEAD", path, if_none_match=app.get(path).headers["ETag"]).status == 304
    assert app.call("HEAD", "/v1.0/contacts").status == 405


def test_a_body_of_another_media_type(app):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = app.post("/v1.0/contacts", raw=b"a=b", content_type=content_type)
        assert is_api_error(answer, 415, "BadRequest")


def test_a_body_in_chunks_is_refused_and_not_taken_for_none(app):
    """WSGI reads as many bytes as Content-Length says, so a search would answer without its criteria."""
    body = {"contactIds": [1]}
    answer = app.post("/v1.0/contacts/change-requests/search", body, transfer_encoding="chunked")
    assert is_api_error(answer, 411, "BadRequest")


def test_json_by_its_other_names(app):
    for content_type in ("text/json", "application/merge-patch+json", "Application/Vnd.Kontor+JSON; charset=UTF-8"):
        answer = app.post("/v1.0/contacts", raw=b"{}", content_type=content_type)
        assert (answer.status, answer.places) == (400, {"contactTypeId", "details"})
    for content_type in ("application/+json", "text/x+json", "application/json-seq", "application/xml"):
        assert app.post("/v1.0/contacts", raw=b"{}", content_type=content_type).status == 415


def test_an_error_inside_tells_nothing_of_the_inside(app, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("contacts.views.contacts.create_contact", broken)
    answer = app.post("/v1.0/contacts", {"contactTypeId": 1, "details": {}})
    assert is_api_error(answer, 500, "General")
    assert "secret" not in str(answer.json)


def test_an_error_outside_of_the_views_is_an_api_error_too(app, monkeypatch):
    def broken(_request):
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("core.middleware.supported", broken)
    answer = app.get("/v1.0/schemas/contact?language=de")
    assert answer.status == 500
    assert (answer.json["code"], "secret" in str(answer.json)) == ("General", False)


def test_a_database_that_does_not_answer_is_a_503(app, monkeypatch):
    def gone(*_args, **_kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("contacts.views.contacts.create_contact", gone)
    assert is_api_error(app.post("/v1.0/contacts", {"contactTypeId": 1, "details": {}}), 503, "General")


@pytest.mark.parametrize("token", ["nonsense", "", "a b", "ü", "x" * 10_000])
def test_a_bad_token(token, anonymous):
    anonymous.token = token
    assert is_api_error(anonymous.get("/v1.0/schemas/contact"), 401, "Unauthorized")


def test_an_unknown_query_parameter_is_refused(app):
    answer = app.get("/v1.0/schemas/contact?colour=red&language=de")
    assert is_api_error(answer, 400, "BadRequest")
    assert answer.places == {"colour"}


class TestCorrelationId:
    def test_it_is_taken_from_the_header(self, anonymous):
        answer = anonymous.get("/nothing", x_correlation_id="order-7:a.b_c")
        assert answer.headers["X-Correlation-ID"] == answer.json["correlationId"] == "order-7:a.b_c"

    @pytest.mark.parametrize("given", ["", "with space", "x" * 129, "<script>", "ü"])
    def test_one_that_could_do_harm_in_a_log_is_replaced(self, anonymous, given):
        answer = anonymous.get("/nothing", x_correlation_id=given)
        assert answer.json["correlationId"] not in ("", given)
        assert len(answer.json["correlationId"]) == 32

    def test_each_request_has_its_own(self, anonymous):
        ids = {anonymous.get("/nothing").json["correlationId"] for _ in range(3)}
        assert len(ids) == 3


class TestLanguage:
    @pytest.mark.parametrize(
        ("query", "header", "expected"),
        [
            ("", "", "en"),
            ("", "de", "de"),
            ("", "de-CH,fr;q=0.5", "de"),
            ("?language=fr", "de", "fr"),
            ("?language=it-CH", "", "it"),
            ("?language=xx", "de", "de"),
            ("?language=xx", "yy", "en"),
            ("?language=", "fr", "fr"),
            ("?language=%00", "", "en"),
        ],
    )
    def test_query_goes_over_header_goes_over_default(self, anonymous, query, header, expected):
        answer = anonymous.get(f"/nothing{query}", accept_language=header)
        assert answer.headers["Content-Language"] == expected

    def test_a_cookie_of_the_pages_does_not_decide(self, app):
        app._client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
        assert app.get("/v1.0/schemas/contact").headers["Content-Language"] == "en"
        assert app.get("/v1.0/schemas/contact", accept_language="fr").headers["Content-Language"] == "fr"
        assert app.get("/connect/login").headers["Content-Language"] == "de"

    def test_the_default_is_a_setting(self, anonymous, settings):
        settings.LANGUAGE_CODE = "it"
        assert anonymous.get("/nothing").headers["Content-Language"] == "it"
        assert anonymous.get("/nothing", accept_language="yy").headers["Content-Language"] == "it"

    def test_messages_are_localized(self, anonymous):
        messages = {anonymous.get(f"/nothing?language={code}").json["message"] for code in ("en", "de", "fr", "it")}
        assert len(messages) == 4


def test_a_limit_is_told_in_the_language_of_each_request(app):
    """A field keeps the text of its limit; it must not keep the language of who first went beyond it."""
    told = {
        language: app.post(f"/v1.0/lists/contact-type/search?language={language}", {"filter": "x" * 100_000})
        for language in ("de", "en", "fr", "de")
    }
    texts = {language: answer.json["properties"]["filter"][0] for language, answer in told.items()}
    assert len(set(texts.values())) == 3
    assert texts["en"].startswith("Ensure")
    assert "Zeichen" in texts["de"]
