"""Metrics read from the database and the queue.

Each is one query on a partial index that counts up to a limit. Results are cached for some seconds, so that frequent
scrapes cost nothing more. Unreadable figures are omitted, and `kontor_figures_up` reports it.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import LiteralString

import psycopg
import structlog
from celery import current_app
from django.core.cache import cache
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import RedisError

from changerequests import deadline_mails
from changerequests.outcomes import GIVEN_UP_AFTER
from operations import probes
from operations.scheduler import LEASE_SECONDS
from operations.tasks import BEAT_KEY

KEPT_SECONDS = 10
COUNTED_TO = 10_000

log = structlog.get_logger("kontor.metrics")

# Rows of (kind, state, count, age of the oldest in seconds). Ended jobs are those of the last day; mails that were
# given up do not count as waiting.
_JOBS: LiteralString = """
    SELECT %(kind)s, lower(status), count(*), extract(epoch FROM now() - min(created_at))::float8
    FROM (
        (SELECT status, created_at FROM {table} WHERE status IN ('Pending', 'Running') LIMIT %(most)s)
        UNION ALL
        (SELECT status, created_at FROM {table} WHERE status NOT IN ('Pending', 'Running')
            AND finished_at > now() - interval '1 day' LIMIT %(most)s)
    ) AS jobs GROUP BY status
"""
_KEYS: LiteralString = """
    SELECT 'key', 'pending', count(*), extract(epoch FROM now() - min(requested_at))::float8
    FROM (SELECT requested_at FROM contacts_channel
        WHERE is_key_due AND pending_value IS NOT NULL LIMIT %(most)s) AS due
"""
_OUTCOMES: LiteralString = """
    SELECT 'outcome', 'pending', count(*), extract(epoch FROM now() - min(reviewed_at))::float8
    FROM (SELECT reviewed_at FROM changerequests_changerequest
        WHERE is_outcome_due AND reviewed_at > now() - %(tried_for)s LIMIT %(most)s) AS due
"""
_DEADLINES: LiteralString = """
    SELECT 'deadline', 'pending', count(*), extract(epoch FROM now() - min(since))::float8
    FROM (
        (SELECT created_at AS since FROM changerequests_deadlinemail
            WHERE is_due AND created_at > now() - %(mailed_for)s LIMIT %(most)s)
        UNION ALL
        (SELECT remind_at FROM changerequests_changerequest WHERE status = 1 AND remind_at < now() LIMIT %(most)s)
    ) AS due
"""
# Of those that something is sent to: the dashboard shows the state of the others.
_DELIVERIES: LiteralString = """
    SELECT 'webhook', 'pending', count(*), extract(epoch FROM now() - min(created_at))::float8
    FROM (SELECT delivery.created_at FROM events_delivery delivery
        JOIN events_webhook webhook ON webhook.id = delivery.webhook_id
        WHERE status = 'Pending' AND is_active AND NOT is_removed AND stopped_at IS NULL LIMIT %(most)s) AS due
"""
_FAILING: LiteralString = """
    SELECT count(*) FROM events_webhook webhook
    JOIN accounts_clientapplication application ON application.id = application_id
    WHERE is_active AND NOT is_removed AND secret <> '' AND allowed_scopes ~ '(^| )webhooks( |$)'
        AND (failing_since IS NOT NULL OR stopped_at IS NOT NULL)
"""
_REQUESTS: LiteralString = """
    SELECT count(*), extract(epoch FROM now() - min(created_at))::float8
    FROM (SELECT created_at FROM changerequests_changerequest WHERE status = 1 LIMIT %(most)s) AS pending
"""
# The age of what waits to be sealed longest, where anything ever was; and what was found in this round of verification
# or in the one before.
_PROOF: LiteralString = """
    SELECT coalesce(extract(epoch FROM now() - (
            SELECT entry.recorded_at FROM events_event event JOIN audit_entry entry ON entry.id = event.entry_id
             WHERE event.position > (SELECT last FROM proof_seal ORDER BY number DESC LIMIT 1)
             ORDER BY event.position LIMIT 1)), 0)::float8,
        coalesce((SELECT greatest(findings, found) FROM proof_watch), 0)
"""
# It was renewed LEASE_SECONDS before it ends.
_SCHEDULER: LiteralString = """
    SELECT extract(epoch FROM clock_timestamp() - max(expires_at))::float8 FROM operations_schedulerlease
"""
_TABLES: dict[str, LiteralString] = {"export": "importexport_exportjob", "import": "importexport_importjob"}
_JOB_STATES = ("pending", "running")


@dataclass(frozen=True)
class Figures:
    """`jobs` maps (kind, state) to a count, `oldest_due` maps a kind to the age of its oldest due row.

    The seconds for which schedulers and workers have been silent are infinite if none was ever heard of.
    """

    jobs: dict[tuple[str, str], int]
    oldest_due: dict[str, float]
    pending_requests: int
    oldest_pending_request: float
    queue_length: int
    failing_webhooks: int
    unsealed_for: float
    proof_findings: int
    scheduler_silent: float
    workers_silent: float


def read_figures() -> Figures:
    """Read all figures. Raise psycopg.Error or redis.RedisError."""
    limit = {"most": COUNTED_TO, "tried_for": GIVEN_UP_AFTER, "mailed_for": deadline_mails.GIVEN_UP_AFTER}
    jobs = {(kind, state): 0 for kind in _TABLES for state in _JOB_STATES}
    oldest_due = dict.fromkeys([*_TABLES, "key", "outcome", "deadline", "webhook"], 0.0)
    with probes.database() as own:
        rows: list[tuple[str, str, int, float | None]] = []
        for kind, table in _TABLES.items():
            rows += own.execute(_JOBS.format(table=table), {**limit, "kind": kind})
        for query in (_KEYS, _OUTCOMES, _DEADLINES, _DELIVERIES):
            rows += own.execute(query, limit)
        [(pending, oldest_pending)] = own.execute(_REQUESTS, limit)
        [(failing,)] = own.execute(_FAILING)
        [(unsealed_for, proof_findings)] = own.execute(_PROOF)
        [(expired,)] = own.execute(_SCHEDULER)
    for kind, state, number, age in rows:
        jobs[kind, state] = number
        if state == "pending":
            oldest_due[kind] = max(age or 0.0, 0.0)
    with probes.redis() as client:
        length = sum(int(client.llen(name)) for name in current_app.amqp.queues)
    noted: float | None = cache.get(BEAT_KEY)
    return Figures(
        jobs,
        oldest_due,
        pending,
        max(oldest_pending or 0.0, 0.0),
        length,
        failing,
        max(unsealed_for, 0.0),
        proof_findings,
        scheduler_silent=math.inf if expired is None else max(expired + LEASE_SECONDS, 0.0),
        workers_silent=math.inf if noted is None else max(time.time() - noted, 0.0),
    )


class FiguresCollector(Collector):
    """Exposes the figures as metrics; each process caches them for `KEPT_SECONDS`."""

    _lock = Lock()
    _read_at = float("-inf")
    _figures: Figures | None = None

    def collect(self) -> Iterator[Metric]:
        figures = self._current()
        yield GaugeMetricFamily("kontor_figures_up", "Whether the figures could be read.", int(figures is not None))
        if figures is None:
            return
        jobs = GaugeMetricFamily(
            "kontor_jobs",
            "Jobs by state: unfinished ones, and those that ended within a day.",
            labels=["kind", "state"],
        )
        for labels, number in figures.jobs.items():
            jobs.add_metric(labels, number)
        oldest = GaugeMetricFamily(
            "kontor_oldest_due_job_seconds", "How long the job has waited that waits longest.", labels=["kind"]
        )
        for kind, age in figures.oldest_due.items():
            oldest.add_metric([kind], age)
        yield jobs
        yield oldest
        for name, text, value in (
            ("pending_requests", "Change requests that wait for review.", figures.pending_requests),
            ("oldest_pending_request_seconds", "The age of the oldest of them.", figures.oldest_pending_request),
            ("queue_length", "Messages to the workers that none has taken yet.", figures.queue_length),
            ("failing_webhooks", "Webhooks whose receiver fails or was given up.", figures.failing_webhooks),
            (
                "unsealed_seconds",
                "How long the oldest entry has waited to be sealed.",
                figures.unsealed_for,
            ),
            ("proof_findings", "Places where the ledger was found changed.", figures.proof_findings),
            ("scheduler_silent_seconds", "Since when no scheduler (beat) has run.", figures.scheduler_silent),
            (
                "workers_silent_seconds",
                "Since when no worker has run anything of beat's.",
                figures.workers_silent,
            ),
        ):
            yield GaugeMetricFamily(f"kontor_{name}", text, value)

    @classmethod
    def _current(cls) -> Figures | None:
        with cls._lock:
            if time.monotonic() - cls._read_at > KEPT_SECONDS:
                try:
                    cls._figures = read_figures()
                except (psycopg.Error, RedisError) as error:
                    log.warning("figures_unavailable", error=type(error).__name__)
                    cls._figures = None
                cls._read_at = time.monotonic()
            return cls._figures
