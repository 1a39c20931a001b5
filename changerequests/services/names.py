"""Names that open requests ask for, and that nobody else may ask for meanwhile."""

from django.db import connection

from changerequests.queries.revisions import open_proposals


def request_asking_for(*, kind: str, path: str, name: str, but_of: int) -> int | None:
    """Return the id of the open request of a kind that gives another subject this name; None if there is none.

    `path` is where the documents of the kind have the name. Of two who ask for the same one at once, the second waits
    until the first has its request.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{kind} {path} {name}"])
    asked = open_proposals(kind).filter(changes__contains=[{"path": path, "target": name}])
    return asked.exclude(subject__subject_id=but_of).values_list("subject__request", flat=True).first()
