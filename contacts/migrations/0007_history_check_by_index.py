"""The check of new change sets looks rows up by index, whatever the planner knew of the tables when it planned.

The plan of a function is kept while an import fills the tables; one with a join might read them as a whole per batch.
"""

from django.db import migrations

BY_INDEX = """
CREATE OR REPLACE FUNCTION contacts_history_follows_versions() RETURNS trigger
    LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    odd record;
BEGIN
    SELECT written.contact_id, written.version INTO odd
      FROM written
     WHERE written.version <> (SELECT contact.version FROM contacts_contact contact WHERE contact.id = written.contact_id)
        OR written.version > 1 AND NOT EXISTS (
               SELECT FROM contacts_changeset before
                WHERE before.contact_id = written.contact_id AND before.version = written.version - 1)
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


class Migration(migrations.Migration):
    dependencies = [("contacts", "0006_validate_invariants")]

    operations = [migrations.RunSQL(BY_INDEX, migrations.RunSQL.noop)]
