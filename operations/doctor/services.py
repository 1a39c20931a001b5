"""Examines the queue and its workers, the storage, the mail server, and the static files."""

import smtplib
import time
from collections.abc import Iterator

from celery import current_app
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.core.mail.backends.smtp import EmailBackend
from redis import RedisError

from operations import probes
from operations.doctor.database import clock
from operations.doctor.findings import Finding, error, ok, warning
from operations.tasks import BEAT_KEY, BEAT_SECONDS

SAMPLE = "core/favicon.svg"
WORKER_SECONDS = 2.0


def examine_queue() -> Iterator[Finding]:
    """Check the connection to Valkey or Redis, its eviction policy, and its clock."""
    try:
        with probes.redis() as client:
            before = time.time()
            seconds, microseconds = client.time()
            after = time.time()
            yield ok("answers")
            policy = client.config_get("maxmemory-policy")
            maximum = client.config_get("maxmemory")
    except RedisError as problem:
        yield error(
            f"The server of the queue cannot be used: {problem}",
            "Check REDIS_URL (host, port, password, TLS), and that Valkey or Redis runs and lets this host in.",
        )
        return
    if dict(maximum).get("maxmemory") not in (None, "0") and dict(policy).get("maxmemory-policy") != "noeviction":
        yield warning(
            "It forgets queued messages when its memory is full",
            "Set maxmemory-policy to noeviction. Nothing is lost, but jobs start late.",
        )
    yield from clock("the queue", seconds + microseconds / 1e6, before, after)


def examine_workers() -> Iterator[Finding]:
    """Check that workers answer and that the scheduler's heartbeat is recent."""
    remedy = "Start one (celery -A config worker), with the REDIS_URL that this command has; see its log."
    try:
        names = sorted(name for answer in current_app.control.ping(timeout=WORKER_SECONDS) for name in answer)
    except Exception as problem:  # kombu raises the errors of its transport
        yield error(f"Workers cannot be asked: {type(problem).__name__}", "See the queue.")
        return
    yield ok(f"{len(names)} answer: {', '.join(names)}") if names else error("No worker answers", remedy)
    noted = cache.get(BEAT_KEY)
    if noted is None:
        yield error(
            "The scheduler has never been heard of",
            f"Start it (celery -A config beat), and a worker; then wait {BEAT_SECONDS} seconds.",
        )
    elif (age := time.time() - noted) > 4 * BEAT_SECONDS:
        yield error(
            f"The scheduler was heard of {age:.0f} seconds ago",
            "See whether it runs (celery -A config beat), and whether the workers keep up.",
        )
    else:
        yield ok("the scheduler sends, and a worker does")


def examine_storage() -> Iterator[Finding]:
    """Write, read and delete a file."""
    where = f"the bucket {settings.S3_BUCKET}" if settings.S3_BUCKET else str(getattr(default_storage, "location", ""))
    remedy = (
        "Check S3_BUCKET, S3_ENDPOINT_URL, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: reading, writing, deleting."
        if settings.S3_BUCKET
        else "Check FILES_DIR: the user of this process needs to write there, and the disk needs room."
    )
    try:
        probes.probe_storage()
    except Exception as problem:  # each backend raises its own errors
        yield error(f"A file in {where} could not be written, read and deleted: {problem}", remedy)
    else:
        yield ok(f"writes, reads and deletes in {where}")


def examine_mail() -> Iterator[Finding]:
    """Connect and log in to the mail server; send nothing."""
    connection = get_connection()
    if not isinstance(connection, EmailBackend):
        if settings.EMBEDDED:
            yield ok("messages are printed to the log")
        else:
            yield warning(
                "Messages go to the log and reach nobody",
                "Set EMAIL_URL, as smtp+tls://user:password@host:587, and DEFAULT_FROM_EMAIL.",
            )
        return
    where = f"{connection.host}:{connection.port}"
    try:
        connection.open()
        connection.close()
    except (OSError, smtplib.SMTPException) as problem:
        yield error(
            f"The mail server {where} cannot be used: {type(problem).__name__}",
            "Check EMAIL_URL (host, port, user, password, smtp+tls or smtp+ssl), and that it lets us in.",
        )
    else:
        yield ok(f"{where} answers")


def examine_static_files() -> Iterator[Finding]:
    """Check that the static files are collected."""
    try:
        staticfiles_storage.url(SAMPLE)
        found = staticfiles_storage.exists(getattr(staticfiles_storage, "stored_name", str)(SAMPLE))
    except ValueError:
        found = False
    if found:
        yield ok(f"collected in {settings.STATIC_ROOT}")
    else:
        yield error(f"They are not in {settings.STATIC_ROOT}", "Run manage.py collectstatic --no-input.")
