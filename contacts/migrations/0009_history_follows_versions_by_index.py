"""The trigger that keeps change sets in step looks its rows up by index, however many there are.

As NOT EXISTS beside OR, the version before could also be looked for in a hash of the whole history, and was: with each
batch of an import. A subquery that answers a value is asked for each row, and only by index.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION contacts_history_follows_versions() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
DECLARE
    odd record;
BEGIN
    SELECT written.contact_id, written.version INTO odd
      FROM written
     WHERE written.version <> (SELECT contact.version FROM contacts_contact contact WHERE contact.id = written.contact_id)
        OR written.version > 1 AND {no_version_before}
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'Refused: a change set of version % does not follow in the history of contact %.',
            odd.version, odd.contact_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;
"""
BEFORE = (
    "contacts_changeset before WHERE before.contact_id = written.contact_id AND before.version = written.version - 1"
)
BY_VALUE = f"(SELECT before.version FROM {BEFORE}) IS NULL"  # noqa: S608 - constants
BY_EXISTENCE = f"NOT EXISTS (SELECT FROM {BEFORE})"


class Migration(migrations.Migration):
    dependencies = [("contacts", "0008_names_of_links")]

    operations = [
        migrations.RunSQL(FUNCTION.format(no_version_before=BY_VALUE), FUNCTION.format(no_version_before=BY_EXISTENCE)),
    ]
