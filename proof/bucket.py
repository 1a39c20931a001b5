"""Copies of seals in S3, locked until a date: nobody can replace or delete them before."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings

from proof.copies import line_of
from proof.models import Seal


class BucketError(Exception):
    """The bucket cannot be used; the message says why."""


def copy_to_bucket() -> int:
    """Add to SEAL_S3_BUCKET the seals that it lacks, each as an object of its own; return how many. Raises BucketError.

    An object is locked in compliance mode for SEAL_S3_DAYS, which the bucket must allow (object lock).
    """
    if not settings.SEAL_S3_BUCKET:
        return 0
    last = Seal.objects.values_list("number", flat=True).last() or 0
    errors = import_module("botocore.exceptions")
    try:
        client = _client()
        missing = []
        # Mostly the last one alone.
        for number in range(last, 0, -1):
            if _has(client, number):
                break
            missing.append(number)
        for seal in Seal.objects.filter(number__in=missing).iterator(chunk_size=1):
            client.put_object(
                Bucket=settings.SEAL_S3_BUCKET,
                Key=_key(seal.number),
                Body=line_of(seal) + b"\n",
                ContentType="application/json",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=datetime.now(UTC) + timedelta(days=settings.SEAL_S3_DAYS),
            )
    except (errors.BotoCoreError, errors.ClientError) as problem:
        raise BucketError(str(problem)) from problem
    return len(missing)


def _client() -> Any:
    # By name, for the package is in an extra.
    return import_module("boto3").client(
        "s3", endpoint_url=settings.SEAL_S3_ENDPOINT_URL, config=settings.SEAL_S3_CONFIG
    )


def _has(client: Any, number: int) -> bool:
    """Return whether the bucket has a seal, whatever it says: it cannot be replaced."""
    try:
        client.head_object(Bucket=settings.SEAL_S3_BUCKET, Key=_key(number))
    except client.exceptions.ClientError as problem:
        if problem.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def _key(number: int) -> str:
    return f"seals/{number:012}.json"
