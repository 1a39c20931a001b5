"""The overhead of Django itself: the floor's statements behind this project's middleware and tokens.

Bypasses REST framework and the ORM; one statement finds the token and the contact.
"""

import jsonschema_rs
import orjson
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from benchmarks.stock.serializers import SCHEMA, merged

VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
CALLER = """
    SELECT login.is_active, {details} FROM authtoken_token token JOIN auth_user login ON login.id = token.user_id
    {contact} WHERE token.key = %s
"""
READ = CALLER.format(details="contact.details::text", contact="LEFT JOIN stock_contact contact ON contact.id = %s")
KNOWN = CALLER.format(details="NULL", contact="")
LOCK = "SELECT details::text FROM stock_contact WHERE id = %s FOR UPDATE"
WRITE = "UPDATE stock_contact SET details = %s WHERE id = %s"
RECORD = """
    INSERT INTO stock_historicalcontact (id, username, external_id, details, history_date, history_type)
    SELECT id, username, external_id, details, now(), '~' FROM stock_contact WHERE id = %s
"""


@csrf_exempt
def details(request: HttpRequest, contact_id: int) -> HttpResponse:
    """GET returns the jsonb text; PATCH merges, validates, updates and writes a history row in one transaction."""
    key = request.headers.get("Authorization", "").removeprefix("Token ")
    is_read = request.method == "GET"
    with connection.cursor() as cursor:
        cursor.execute(READ if is_read else KNOWN, (contact_id, key) if is_read else (key,))
        row = cursor.fetchone()
        if row is None or not row[0]:
            return HttpResponse(status=401)
        if is_read:
            return HttpResponse(row[1], status=200 if row[1] else 404, content_type="application/json")
        with transaction.atomic():
            cursor.execute(LOCK, (contact_id,))
            (text,) = cursor.fetchone()
            target = merged(orjson.loads(text), orjson.loads(request.body)["details"])
            if not VALIDATOR.is_valid(target):
                return HttpResponse(status=422)
            cursor.execute(WRITE, (orjson.dumps(target).decode(), contact_id))
            cursor.execute(RECORD, (contact_id,))
    return HttpResponse(b'{"isApprovalRequired":false}', content_type="application/json")
