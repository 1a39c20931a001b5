"""Helpers for the tests of imports: files, uploads, and syncs run as a worker does."""

import gzip
import json
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from accounts.actor import Actor, system_actor
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.uploads import store_uploads
from importexport.models import ImportJob, ImportKind
from tests.api import Answer, Api

SYSTEM = system_actor("tests")


def array(*entries: Any) -> bytes:
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()


def lines(*entries: Any) -> bytes:
    return b"".join(orjson.dumps(entry) + b"\n" for entry in entries)


def upload(api: Api, *files: tuple[str, bytes], kind: str = "contacts", query: str = "") -> Answer:
    """Upload files by name and content."""
    parts = {"files": [SimpleUploadedFile(name, content) for name, content in files]}
    body = encode_multipart(BOUNDARY, parts)
    return api.post(f"/v1.0/{kind}/import{query}", raw=body, content_type=MULTIPART_CONTENT)


def stored(*contents: bytes, actor: Actor = SYSTEM, kind: ImportKind = ImportKind.CONTACTS) -> list[str]:
    """Store files without HTTP; return their stored names."""
    uploads = [SimpleUploadedFile(f"file-{number}.json", content) for number, content in enumerate(contents, 1)]
    return [file.name for file in store_uploads(actor=actor, kind=kind, uploads=uploads)]


def synced(
    *contents: bytes, actor: Actor = SYSTEM, kind: ImportKind = ImportKind.CONTACTS, is_dry_run: bool = False
) -> ImportJob:
    """Store files, run a sync of them and return the finished job."""
    names = stored(*contents, actor=actor, kind=kind)
    job = start_sync(actor=actor, kind=kind, names=names, is_dry_run=is_dry_run)
    run_job(job.pk)
    return ImportJob.objects.get(pk=job.pk)


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    """Return the numbers of created, updated, unchanged and failed entries."""
    return job.created, job.updated, job.unchanged, job.failed


def faults(job: ImportJob) -> list[tuple[int, str | None, str]]:
    """Return position, path and message of each fault."""
    return list(job.failures.order_by("pk").values_list("position", "path", "message"))


def paths(job: ImportJob) -> list[tuple[int, str | None]]:
    return [(position, path) for position, path, _message in faults(job)]


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


Entries = Callable[..., dict[str, Any]]


def without(entry: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in names}


def numbered(make: Entries, numbers: Iterable[int]) -> list[dict[str, Any]]:
    return [make(f"E-{number}") for number in numbers]
