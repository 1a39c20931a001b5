"""Invariants that must hold after the load."""

import csv
import io
import time
from collections.abc import Iterator, Sequence

from django.db import connection

from benchmarks.mixed_load.clients import Client, Stop
from benchmarks.mixed_load.measures import Measures
from benchmarks.mixed_load.world import World
from contacts.models import Contact
from core.documents import is_same, with_values

# Description of a violation -> query that finds the violating rows.
QUERIES = {
    "a contact has two pending requests": (
        "SELECT subject_id FROM changerequests_requestsubject WHERE is_open GROUP BY kind, subject_id"
        " HAVING count(*) > 1"
    ),
    "somebody reviewed an own request": (
        "SELECT id FROM changerequests_changerequest WHERE review_member_id = initiator_member_id"
    ),
    "somebody decided an own request or one revision twice": """
        SELECT request.id FROM changerequests_decision decision
        JOIN changerequests_revision revision ON revision.id = decision.revision_id
        JOIN changerequests_changerequest request ON request.id = revision.request_id
        GROUP BY request.id, revision.id, decision.member_id
        HAVING count(*) > 1 OR bool_or(decision.member_id = request.initiator_member_id)
    """,
    # Of a request about several subjects, each says whether the change was applied to it.
    "a subject of an approved request has no entry, or another has one, or one has several": """
        SELECT request.id FROM changerequests_changerequest request
        JOIN changerequests_requestsubject subject ON subject.request_id = request.id
        WHERE (
            SELECT count(*) FROM audit_entry entry
            WHERE entry.change_request_id = request.id AND entry.kind = subject.kind
              AND entry.subject_id = subject.subject_id
        ) <> CASE WHEN request.status = 2 AND (request.subject_id IS NOT NULL OR subject.outcome = 'applied')
                  THEN 1 ELSE 0 END
    """,
    "an approved request about several subjects is not applied": """
        SELECT request.id FROM changerequests_changerequest request
        JOIN changerequests_requestsubject subject ON subject.request_id = request.id
        WHERE request.status = 2 AND (subject.is_open OR request.subject_id IS NULL AND subject.outcome = '')
    """,
    "versions of a contact have a gap": """
        SELECT contact.id FROM contacts_contact contact
        LEFT JOIN (SELECT subject_id, count(*) AS number, count(DISTINCT sequence) AS different,
            min(sequence) AS first, max(sequence) AS last FROM audit_entry WHERE kind = 'contact-details'
            GROUP BY subject_id) AS history
            ON history.subject_id = contact.id
        WHERE (history.number, history.different, history.first, history.last)
            IS DISTINCT FROM (contact.version, contact.version, 1, contact.version)
    """,
    "an import's counts do not add up": """
        SELECT id FROM importexport_importjob
        WHERE status NOT IN ('Completed', 'CompletedWithErrors') OR processed <> total
            OR created + updated + unchanged + failed + awaiting_approval <> processed
    """,
    "an export did not complete": "SELECT id FROM importexport_exportjob WHERE status <> 'Completed'",
    "an external id stands twice": (
        "SELECT external_id FROM contacts_externalconnection GROUP BY external_id HAVING count(*) > 1"
    ),
}


def check(world: World, ports: Sequence[int]) -> list[str]:
    """Return descriptions of the violated invariants."""
    broken = []
    with connection.cursor() as cursor:
        for text, query in QUERIES.items():
            cursor.execute(query)
            if rows := cursor.fetchall():
                broken.append(f"{text}: {len(rows)}, such as {rows[0][0]}")
    broken += _histories(world)
    broken += _imports(world)
    broken += _exports(world, ports)
    return broken


def _histories(world: World) -> Iterator[str]:
    """Check that each history replays to the current document and has every acknowledged change exactly once."""
    replayed = 0
    for contact in Contact.objects.iterator(chunk_size=500):
        document: dict[str, object] = {}
        phones: list[object] = []
        for changes in contact.entries.order_by("sequence"):
            document = with_values(document, {change["path"]: change["target"] for change in changes.changes})
            phones += [change["target"] for change in changes.changes if change["path"] == "contactInformation.phone"]
        replayed += 1
        if not is_same(document, contact.details):
            yield f"the history of contact {contact.pk} leads to another document than it has"
        for phone in world.acknowledged.get(contact.pk, []):
            if phones.count(phone) != 1:
                yield f"a change of contact {contact.pk} was acknowledged and stands {phones.count(phone)} times"
    print(f"{replayed:,} histories replayed, {sum(map(len, world.acknowledged.values())):,} acknowledged changes found")


def _imports(world: World) -> Iterator[str]:
    if not world.imports:
        yield "no import came to its end"
    for counts in world.imports:
        whole = sum(counts[name] for name in ("created", "updated", "unchanged", "failed"))
        if not whole == counts["processed"] == counts["entries"]:
            yield f"an import's counts do not add up: {counts}"
        if counts["created"] != (counts["entries"] + 3) // 4:
            yield f"an import created another number than it should: {counts}"
    print(f"{len(world.imports)} imports of {sum(counts['entries'] for counts in world.imports):,} entries")


def _exports(world: World, ports: Sequence[int]) -> Iterator[str]:
    """Check that an export has each contact that its caller sees exactly once."""
    everything = set(Contact.objects.values_list("pk", flat=True))
    shared = set(Contact.objects.filter(participants=world.participant_id).values_list("pk", flat=True))
    for token, visible in ((world.application_token, everything), (world.participant_token, shared)):
        client = Client(Measures(), ports, token, Stop())
        asked = client.call("export", "POST", "/v1.0/contacts/export", b"", content_type="text/plain")[1]
        path = f"/v1.0/contacts/export/{asked['exportJobId']}"
        while (answer := client.call("export", "GET", path))[0] == 202:
            time.sleep(0.2)
        ids = [int(row["id"]) for row in csv.DictReader(io.StringIO(answer[1].decode()))]
        if len(ids) != len(visible) or set(ids) != visible:
            yield f"an export has {len(ids)} rows, and its caller sees {len(visible)} contacts"
        print(f"an export of {len(ids):,} rows, for who sees {len(visible):,} contacts")
