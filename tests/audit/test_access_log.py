"""The access log itself: append-only, written behind requests, and with gaps that show."""

import os
import signal
import subprocess
import sys
import time
from array import array
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actor import system_actor
from audit.access import recording
from audit.access.exports import record_export
from audit.access.models import Access, AccessLoss, AccessProcess, Door, Looker, Way
from audit.access.partitions import drop_old_partitions, make_partitions, partitions
from audit.access.queries import accesses_by, accesses_of, gaps
from audit.access.recording import Recorder, looked, recorder
from core.own_connections import parameters_of
from operations.doctor.access_log import examine_access_log

pytestmark = pytest.mark.django_db

SYSTEM = system_actor("tests")


def run(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.fixture
def logged(written_accesses):
    looked(SYSTEM, [1, 2, 1])
    return written_accesses()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_access SET actor_id = 7",
        "UPDATE audit_access SET at = at - interval '1 minute'",
        "DELETE FROM audit_access",
        "TRUNCATE audit_access",
    ],
)
def test_rows_are_neither_changed_nor_deleted(logged, sql):
    before = list(Access.objects.values())
    with pytest.raises(IntegrityError, match=r"append-only|nothing is ever deleted"):
        run(sql)
    assert list(Access.objects.values()) == before


def test_a_process_ends_once_and_its_time_goes_on():
    now = datetime.now(UTC)
    process = AccessProcess.objects.create(host="h", pid=1, program="web", began_at=now, written_until=now)
    for sql in (
        "UPDATE audit_accessprocess SET written_until = written_until - interval '1 second'",
        "UPDATE audit_accessprocess SET began_at = began_at - interval '1 second'",
        "UPDATE audit_accessprocess SET host = 'other'",
        "DELETE FROM audit_accessprocess",
    ):
        with pytest.raises(IntegrityError, match="append-only"):
            run(sql)
    AccessProcess.objects.filter(pk=process.pk).update(written_until=now + timedelta(seconds=1), ended_at=now)
    with pytest.raises(IntegrityError, match="append-only"):
        run("UPDATE audit_accessprocess SET ended_at = NULL")


def test_a_contact_shown_twice_by_one_answer_has_one_row(logged):
    assert [(row.contact_id, row.actor_kind, row.system, row.way, row.door) for row in logged] == [
        (number, Looker.SYSTEM, "tests", Way.READ, Door.API) for number in (1, 2)
    ]


def test_a_member_is_named_with_the_application_through_which_it_calls(make_member, make_contact, api_of, looks):
    """And the correlation id is the request's."""
    boss = make_member(sees_all_contacts=True)
    contact = make_contact()
    recorder.forget()
    answer = api_of(boss).get(f"/v1.0/contacts/{contact.pk}", x_correlation_id="call-7")
    assert answer.status == 200
    connection.ensure_connection()
    recorder.flush(connection.connection)
    row = Access.objects.latest("id")
    assert (row.actor_kind, row.actor_id, row.correlation_id) == (Looker.MEMBER, boss.pk, "call-7")


def test_the_request_runs_no_statement_more(make_contact, app, count_queries, written_accesses):
    contact = make_contact()
    app.get(f"/v1.0/contacts/{contact.pk}/details")
    with count_queries() as queries:
        app.get(f"/v1.0/contacts/{contact.pk}/details")
    assert not [query for query in queries.captured_queries if "audit_access" in query["sql"]]
    assert {row.contact_id for row in written_accesses()} == {contact.pk}


def test_a_log_that_cannot_be_written_fails_no_request_and_what_is_dropped_is_counted(
    make_contact, app, monkeypatch, written_accesses
):
    monkeypatch.setattr(recording, "MOST_ROWS", 2)
    contact = make_contact()
    for _ in range(5):
        assert app.get(f"/v1.0/contacts/{contact.pk}").status == 200
    now = datetime.now(UTC)
    process = AccessProcess.objects.create(host="h", pid=1, program="web", began_at=now, written_until=now)
    recorder._process_id = process.pk
    assert len(written_accesses()) == 2
    (loss,) = AccessLoss.objects.all()
    assert (loss.process_id, loss.rows) == (process.pk, 3)
    assert [gap.rows for gap in gaps()] == [3]


def test_what_could_not_be_written_is_written_later(written_accesses):
    looked(SYSTEM, [5])
    broken = psycopg.connect(**parameters_of(seconds=5))
    broken.close()
    with pytest.raises(psycopg.Error):
        recorder.flush(broken)
    looked(SYSTEM, [6])
    assert [row.contact_id for row in written_accesses()] == [5, 6]


@pytest.mark.django_db(transaction=True)
def test_the_thread_writes_by_itself_and_records_begin_and_end(eventually, settings):
    settings.ACCESS_LOG_IN_BACKGROUND = True
    own = Recorder()
    own.start("web")
    process = AccessProcess.objects.get()
    assert (process.program, process.pid, process.ended_at) == ("web", os.getpid(), None)
    own.put(recording.Seen(time.time(), (7, 8), SYSTEM, Way.READ, Door.API, "c"))
    eventually(lambda: Access.objects.filter(process_id=process.pk).count() == 2)
    own.put(recording.Seen(time.time(), (9,), SYSTEM, Way.READ, Door.API, "c"))
    own.stop()
    assert set(Access.objects.filter(process_id=process.pk).values_list("contact_id", flat=True)) == {7, 8, 9}
    process.refresh_from_db()
    assert process.ended_at is not None
    assert gaps() == []


KILLED = """
import os, sys, time
import django; django.setup()
from django.conf import settings
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from accounts.actor import system_actor
from audit.access.recording import looked, recorder
settings.ACCESS_LOG_IN_BACKGROUND = True
looked(system_actor("tests"), [41])
print("began", flush=True)
time.sleep(60)
"""


@pytest.mark.stack
@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_killed_leaves_a_gap(eventually):
    """It began, says until when it wrote, and has no end; once it has been silent for a while, that is a gap."""
    name = connection.settings_dict["NAME"]
    with subprocess.Popen([sys.executable, "-c", KILLED, name], stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout.readline() == b"began\n"
        eventually(lambda: Access.objects.filter(contact_id=41).exists())
        process.send_signal(signal.SIGKILL)
    row = AccessProcess.objects.get(pid=process.pid)
    assert row.ended_at is None
    assert gaps() == []
    (gap,) = gaps(now=datetime.now(UTC) + timedelta(minutes=2))
    assert (gap.since, gap.until, gap.rows, gap.pid) == (row.written_until, None, None, row.pid)


class TestPartitions:
    def test_those_of_this_month_and_the_next_three_are_there(self):
        make_partitions()
        now = datetime.now(UTC)
        assert {part.name for part in partitions()} >= {f"audit_access_{now:%Y%m}"}
        assert len(partitions()) >= 4
        assert make_partitions() == 0

    def test_one_that_is_missing_is_made_by_whoever_writes(self, written_accesses):
        run(f"DROP TABLE audit_access_{datetime.now(UTC):%Y%m}")
        looked(SYSTEM, [3])
        assert [row.contact_id for row in written_accesses()] == [3]

    @pytest.mark.django_db(transaction=True)
    def test_only_those_beyond_retention_are_dropped(self):
        run(
            "CREATE TABLE audit_access_202001 PARTITION OF audit_access"
            " FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z')"
        )
        run(
            "INSERT INTO audit_access (at, contact_id, actor_id, actor_kind, way, door, system, correlation_id)"
            " VALUES ('2020-01-15Z', 1, 1, 1, 1, 1, '', '')"
        )
        there = {part.name for part in partitions()}
        assert drop_old_partitions(months=0) == []
        assert drop_old_partitions(months=12) == ["audit_access_202001"]
        assert {part.name for part in partitions()} == there - {"audit_access_202001"}
        assert not Access.objects.exists()


class TestDoctor:
    def test_it_finds_months_that_are_missing_or_kept_for_too_long(self):
        make_partitions()
        assert [finding.grade for finding in examine_access_log()] == ["ok"]
        run(
            "CREATE TABLE audit_access_202001 PARTITION OF audit_access"
            " FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z')"
        )
        run(f"DROP TABLE audit_access_{datetime.now(UTC):%Y%m}")
        missing, old = examine_access_log()
        assert (missing.grade, old.grade) == ("error", "warning")
        assert "audit_access_202001" in old.text


class TestAnswers:
    def test_per_contact_and_per_actor_latest_first(self, make_app, make_contact, api_of, written_accesses):
        contacts = [make_contact(), make_contact()]
        one, other = make_app(), make_app()
        for application, contact in ((one, contacts[0]), (other, contacts[0]), (one, contacts[1])):
            api_of(application).get(f"/v1.0/contacts/{contact.pk}")
        written_accesses()
        assert [row.actor_id for row in accesses_of(contacts[0].pk)] == [other.pk, one.pk]
        seen = accesses_by(Looker.APP, one.pk)
        assert [row.contact_id for row in seen] == [contacts[1].pk, contacts[0].pk]

    def test_each_is_found_by_its_index(self):
        """Whatever the number of rows: an index of each partition, latest first."""
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            for rows, index in (
                (accesses_of(1)[:50], "contact_id_at_idx"),
                (accesses_by(Looker.MEMBER, 1)[:50], "actor_kind_actor_id_at_id_idx"),
                (accesses_by(Looker.MEMBER, 1).filter(way=Way.EXPORTED)[:50], "way_actor_kind_actor_id_at_id_idx"),
            ):
                plan = rows.explain()
                assert index in plan
                assert "Seq Scan" not in plan


def test_an_export_is_one_statement_whatever_its_size(count_queries):
    with count_queries() as queries:
        record_export(actor=SYSTEM, contact_ids=array("i", range(1, 2001)), door=Door.EXPORT)
    written = [query["sql"] for query in queries.captured_queries if "audit_access" in query["sql"]]
    assert len(written) == 1
    rows = Access.objects.filter(way=Way.EXPORTED)
    assert rows.count() == 2000
    assert set(rows.values_list("system", "door")) == {("tests", Door.EXPORT)}
