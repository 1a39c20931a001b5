"""Limits per caller: calls, jobs and database time."""

import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from accounts import throttling
from importexport.models import ExportJob
from tests.devstack.stack import ROOT
from tests.importexport.importing import array, upload

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

STATUSES = "/v1.0/contacts/change-requests/statuses"
EXPORT = "/v1.0/contacts/export"


@pytest.fixture(autouse=True)
def counter(monkeypatch, worker_id):
    """A counter that has not failed yet. Other test processes have actors of the same ids, and the same Valkey."""
    key = throttling._key
    monkeypatch.setattr(throttling, "_key", lambda name, *window: key(f"{worker_id}:{name}", *window))
    monkeypatch.setattr(throttling, "counter", throttling.Counter())
    return throttling.counter


class TestCalls:
    def test_more_calls_than_the_rate_are_refused_until_the_window_ends(self, settings, app):
        settings.API_RATE = "3/day"
        assert [app.get(STATUSES).status for _number in range(3)] == [200] * 3
        refused = app.get(STATUSES)
        assert (refused.status, refused.json["code"]) == (429, "TooManyRequests")
        assert 0 < int(refused.headers["Retry-After"]) <= 86400

    def test_answers_say_how_many_calls_are_left(self, settings, app, make_member, api_of):
        settings.API_RATE = "3/day"
        paths = [STATUSES, "/v1.0/contacts/1/details", STATUSES, STATUSES]
        answers = [app.get(path) for path in paths]
        assert [answer.status for answer in answers] == [200, 404, 200, 429]
        assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"calls";q=3;w=86400'}
        left = [re.fullmatch(r'"calls";r=(\d+);t=(\d+)', answer.headers["RateLimit"]).groups() for answer in answers]
        assert [calls for calls, _seconds in left] == ["2", "1", "0", "0"]
        assert all(0 < int(seconds) <= 86400 for _calls, seconds in left)
        refused = answers[-1].headers
        assert refused["RateLimit"] == f'"calls";r=0;t={refused["Retry-After"]}'

    def test_what_is_not_counted_says_nothing_of_a_limit(self, settings, app, client):
        settings.API_RATE = "3/day"
        assert "RateLimit" not in client.get(STATUSES).headers
        settings.API_RATE = ""
        assert "RateLimit" not in app.get(STATUSES).headers

    def test_each_actor_has_a_count_of_its_own(self, settings, make_app, make_member, make_contact, api_of):
        settings.API_RATE = "1/day"
        for who in (make_app(), make_member(), make_contact(), make_app()):
            api = api_of(who)
            answers = [api.get("/v1.0/schemas/contact").status for _number in range(2)]
            assert answers == [200, 429]
        # Another token is not another actor.
        member = make_member()
        assert api_of(member).get("/v1.0/schemas/contact").status == 200
        assert api_of(member).get("/v1.0/schemas/contact").status == 429

    def test_an_empty_rate_is_no_limit_and_a_wrong_one_is_told(self, settings, app):
        settings.API_RATE = ""
        assert {app.get(STATUSES).status for _number in range(5)} == {200}
        for wrong in ("600", "600/", "many/min", "0/min", "1/fortnight"):
            with pytest.raises(ValueError, match="is no rate"):
                throttling.parsed_rate(wrong)

    def test_the_refusal_is_localized(self, settings, app):
        settings.API_RATE = "1/day"
        app.get(STATUSES)
        assert "Zu viele Anfragen" in app.get(STATUSES, accept_language="de").json["message"]

    def test_counting_asks_the_database_nothing(self, settings, app, count_queries):
        with count_queries() as without:
            app.get(STATUSES)
        settings.API_RATE = "1000/day"
        with count_queries() as counted:
            app.get(STATUSES)
        assert len(counted) == len(without)

    @pytest.mark.parametrize("failure", ["nobody listens", "nobody answers"])
    def test_where_valkey_is_down_the_api_still_answers(self, settings, app, failure, caplog):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            if failure == "nobody answers":
                silent.listen()
            settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
            settings.API_RATE = "1/day"
            assert {app.get(STATUSES).status for _number in range(5)} == {200}
        warned = [record for record in caplog.records if "throttling_unavailable" in str(record.msg)]
        assert len(warned) == 1  # and nobody waits for it again meanwhile


class TestJobs:
    @pytest.fixture(autouse=True)
    def _limit(self, settings):
        settings.MAX_UNFINISHED_JOBS = 2

    def test_one_caller_has_few_unfinished_exports(self, app, make_member, api_of):
        assert [app.post(EXPORT).status for _number in range(2)] == [202, 202]
        refused = app.post(EXPORT)
        assert (refused.status, refused.json["code"], refused.sub_code) == (429, "TooManyRequests", "TooManyJobs")
        assert refused.headers["Retry-After"] == "30"
        assert ExportJob.objects.count() == 2
        assert api_of(make_member()).post(EXPORT).status == 202

    def test_those_that_ended_do_not_count(self, app):
        for _number in range(2):
            app.post(EXPORT)
        ExportJob.objects.update(finished_at="2026-01-01T00:00:00Z", status="Failed")
        assert app.post(EXPORT).status == 202

    def test_one_caller_has_few_unfinished_imports(self, app, settings, tmp_path):
        sync = "/v1.0/contacts/import/sync"
        for number in range(2):
            upload(app, (f"{number}.json", array({"externalId": str(number)})))
            assert app.post(sync).status == 202
        upload(app, ("3.json", array({"externalId": "3"})))
        refused = app.post(sync)
        assert (refused.status, refused.sub_code) == (429, "TooManyJobs")

    def test_the_admin_tells_it_too(self, make_member, admin_of):
        browser = admin_of(make_member(permissions=["view_contact", "add_exportjob", "view_exportjob"]))
        for _number in range(3):
            page = browser.post("/admin/importexport/exportjob/start/contacts/", follow=True)
        assert "Try again when one of them has finished" in page.content.decode()


@pytest.mark.django_db(transaction=True)
class TestTimeOfTheDatabase:
    """A query that has to wait stands in for one that has to work."""

    @pytest.fixture(autouse=True)
    def _short(self, default_schemas):
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '300ms'")
        yield
        connection.close()

    def test_graphql_is_stopped_and_says_what_to_do(self, make_participant, make_app, api_of):
        api = api_of(make_app(participants=[make_participant()]))
        with contacts_out_of_reach():
            answer = api.post("/graphql", {"query": "{ contacts { totalCount } }"})
        (error,) = answer.json["errors"]
        assert (answer.status, error["extensions"]["code"]) == (200, "UnprocessableEntity")
        assert "Narrow" in error["message"]

    def test_a_search_is_stopped_and_says_what_to_do_and_the_next_request_is_answered(
        self, make_participant, make_app, api_of
    ):
        search = "/v1.0/contacts/change-requests/search"
        api = api_of(make_app(participants=[make_participant()]))
        with contacts_out_of_reach():
            answer = api.post(search, {})
        assert (answer.status, answer.sub_code) == (422, "QueryTooSlow")
        assert "Narrow" in answer.json["message"]
        assert api.post(search, {}).status == 200

    def test_a_page_is_stopped_and_says_what_to_do_and_the_next_one_opens(self, make_contact, make_member, admin_of):
        make_contact()
        browser = admin_of(make_member(permissions=["view_contact"], sees_all_contacts=True))
        browser.raise_request_exception = False
        address = "/admin/contacts/contact/"
        with contacts_out_of_reach():
            answer = browser.get(address)
        assert answer.status_code == 422
        page = answer.content.decode()
        assert "This took too long" in page
        assert "Narrow" in page
        assert browser.get(address).status_code == 200


@contextmanager
def contacts_out_of_reach():
    """Another connection holds a table that says who sees what, so that whoever reads it waits."""
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE contacts_contactparticipant IN ACCESS EXCLUSIVE MODE")
    yield
    other.close()


@pytest.mark.stack
def test_the_workers_of_the_web_server_have_a_limit_and_tasks_have_none(tmp_path):
    program = "from django.conf import settings; print(settings.DATABASES['default'].get('OPTIONS', {}).get('options'))"
    clean = {name: value for name, value in os.environ.items() if name != "DATABASE_STATEMENT_SECONDS"}

    def told(start):
        command = [sys.executable, "-c", f"{start}import config.settings.base; {program}"]
        environment = {**clean, "DJANGO_SETTINGS_MODULE": "config.settings.base"}
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert told("import operations.gunicorn; ").startswith("-c statement_timeout=20s -c lock_timeout=10s ")
    assert told("").strip() == "None"


@pytest.mark.stack
def test_the_limit_of_queries_leaves_the_options_of_the_address_alone():
    program = "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS']['options'])"
    production = {
        "DATABASE_URL": "postgres://kontor@db.example/kontor?options=-c%20work_mem%3D64MB",
        "REDIS_URL": "redis://queue.example/0",
        "SECRET_KEY": "of-tests",
        "ALLOWED_HOSTS": "kontor.example",
        "DATABASE_STATEMENT_SECONDS": "20",
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **production},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("-c work_mem=64MB -c statement_timeout=20s -c lock_timeout=10s ")


def test_nobody_gets_more_than_the_rate_however_the_processes_share_it(settings, app, monkeypatch):
    """A process that is far from the limit takes several calls at once from what all of them share."""
    settings.API_RATE = "450/day"
    processes = [throttling.Counter(), throttling.Counter()]
    allowed = 0
    left = []
    for number in range(600):
        monkeypatch.setattr(throttling, "counter", processes[number % 2])
        answer = app.get(STATUSES)
        allowed += answer.status == 200
        left.append(int(answer.headers["RateLimit"].partition("r=")[2].partition(";")[0]))
    assert 440 <= allowed <= 450
    # What each process says may be off by what the others have reserved.
    assert all(abs(max(0, 449 - number) - said) <= 10 for number, said in enumerate(left))
