"""Idempotent requests: with an `Idempotency-Key` header, a creating POST that is sent twice takes effect once.

The transaction that creates also stores the response, so neither exists without the other and a crash leaves nothing to
clean up. Errors are not stored: correct the request and send it again with the same key.
"""

import json
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from typing import cast

import orjson
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import Actor
from accounts.models import IdempotencyRecord
from core.errors import BadRequest, Conflict, UnprocessableEntity
from core.json import json_bytes

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
RETENTION = timedelta(hours=24)
KEY_PATTERN = r"^[!-~]([ -~]{0,253}[!-~])?$"
IDEMPOTENCY_KEY = [
    OpenApiParameter(
        HEADER,
        {"type": "string", "pattern": KEY_PATTERN},
        OpenApiParameter.HEADER,
        description="Names the request, so that it can be sent twice and happens once.",
    ),
    OpenApiParameter(
        REPLAYED,
        {"type": "string", "enum": ["true"]},
        OpenApiParameter.HEADER,
        response=["201", "202", "422"],
        description="The answer is that to an earlier request with the same Idempotency-Key.",
    ),
]


def idempotent(request: Request, create: Callable[[], tuple[Response, str]]) -> Response:
    """Answer a creating request; `create` returns the response and the name of its subject (`contact:17`).

    With an Idempotency-Key, the same request by the same caller gets the stored response for 24 hours. Raises
    BadRequest for an invalid key; Conflict (409) while the first request runs; UnprocessableEntity
    `IdempotencyKeyReused` if the key was used for another request, and `ContactAnonymized` if what it created was
    erased; and what `create` raises. Takes an advisory lock on caller and key.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return create()[0]
    if re.fullmatch(KEY_PATTERN, key) is None:
        raise BadRequest(_("The Idempotency-Key must be 1 to 255 printable characters."))
    caller = cast(Actor, request.user).key
    with transaction.atomic():
        if not _try_lock(f"{caller} {key}"):
            raise Conflict(_("The first request with this Idempotency-Key still runs."), headers={"Retry-After": "1"})
        record = IdempotencyRecord.objects.filter(caller=caller, key__in=[key, _erased(key)]).first()
        if record is not None and record.created_at < timezone.now() - RETENTION:
            record.delete()
            record = None
        if record is not None:
            return _replayed(record, fingerprint(request))
        response, subject = create()
        IdempotencyRecord.objects.create(
            caller=caller,
            key=key,
            fingerprint=fingerprint(request),
            status=response.status_code,
            body=orjson.loads(json_bytes(response.data)),
            subject=subject,
        )
        return response


def fingerprint(request: Request) -> str:
    """Return a hash of the request that is the same for equivalent JSON."""
    try:
        body = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number of more than 64 bits, which no operation accepts
        body = json.dumps(request.data, sort_keys=True).encode()
    return sha256(b"\n".join((str(request.method).encode(), request.path.encode(), body))).hexdigest()


def erase_records(contact_ids: Sequence[int]) -> None:
    """Anonymize: erase the responses about these contacts.

    The fingerprint stays, and so does a hash of the key: a request that is sent again must not create the person once
    more, and a key may be named after it.
    """
    records = IdempotencyRecord.objects.filter(subject__in=[contact_subject(pk) for pk in contact_ids])
    for pk, key in records.filter(body__isnull=False).values_list("pk", "key"):
        gone = {"status": HTTPStatus.UNPROCESSABLE_ENTITY, "body": None, "key": _erased(key)}
        IdempotencyRecord.objects.filter(pk=pk).update(**gone)


def _erased(key: str) -> str:
    return f"sha256:{sha256(key.encode()).hexdigest()}"


def delete_expired_records() -> int:
    """Delete records that have expired; return how many."""
    return IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - RETENTION).delete()[0]


def contact_subject(contact_id: int) -> str:
    return f"contact:{contact_id}"


def _try_lock(name: str) -> bool:
    """Take an advisory lock until the transaction ends; return False if another connection holds it."""
    number = int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone()[0])


def _replayed(record: IdempotencyRecord, requested: str) -> Response:
    if record.fingerprint != requested:
        raise UnprocessableEntity(
            _("This Idempotency-Key came with another request before."), sub_code="IdempotencyKeyReused"
        )
    if record.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        raise UnprocessableEntity(
            _("The contact that this request created was anonymized."),
            sub_code="ContactAnonymized",
            headers={REPLAYED: "true"},
        )
    return Response(record.body, status=record.status, headers={REPLAYED: "true"})
