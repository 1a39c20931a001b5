"""Details, usernames and external ids have the one form of text. What would collide stays: doctor lists it."""

from typing import Any

from django.db import IntegrityError, migrations, transaction

from core.documents import Change
from core.text import normalized
from core.text_migrations import bring_details, bring_lines, record

IDENTITY = "contact-identity"


def bring_texts(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    bring_details(connection, table="contacts_contact", kind="contact-details", where="anonymized_at IS NULL")
    bring_lines(connection, table="contacts_contact", column="username", kind=IDENTITY, path="username")
    _bring_connections(connection)


def _bring_connections(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact_id, system, external_id FROM contacts_externalconnection ORDER BY contact_id")
        odd = {pk for pk, *texts in cursor.fetchall() if list(map(normalized, texts)) != texts}
        for contact_id in sorted(odd):
            try:
                with transaction.atomic(using=connection.alias):
                    _bring_connections_of(cursor, contact_id)
            except IntegrityError:
                continue


def _bring_connections_of(cursor: Any, contact_id: int) -> None:
    cursor.execute("SELECT FROM contacts_contact WHERE id = %s FOR NO KEY UPDATE", [contact_id])
    cursor.execute(
        "SELECT id, system, external_id FROM contacts_externalconnection WHERE contact_id = %s ORDER BY id",
        [contact_id],
    )
    before, after = [], []
    for pk, system, external_id in cursor.fetchall():
        # What nobody sees has no form that it could get.
        line = [normalized(system) or system, normalized(external_id) or external_id]
        before.append({"system": system, "externalId": external_id})
        after.append({"system": line[0], "externalId": line[1]})
        if line != [system, external_id]:
            cursor.execute(
                "UPDATE contacts_externalconnection SET system = %s, external_id = %s WHERE id = %s", [*line, pk]
            )
    if before != after:
        changes = [Change("externalConnections", before, after)]
        record(cursor, kind=IDENTITY, subject_id=contact_id, changes=changes)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("contacts", "0034_search_and_sort_without_accents"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [migrations.RunPython(bring_texts, migrations.RunPython.noop)]
