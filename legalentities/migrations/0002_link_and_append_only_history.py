"""What the database keeps up by itself: every legal entity has its link to a group, and nobody rewrites the history."""

from django.db import migrations

# No cascade and no way around: a link stays as long as its legal entity does, and what moves is the link's group.
LINK = """
ALTER TABLE legalentities_legalentity ADD CONSTRAINT legal_entity_is_linked
    FOREIGN KEY (link_type, id) REFERENCES contactgroups_linkedentity (entity_type, entity_id)
    DEFERRABLE INITIALLY DEFERRED;
"""
UNLINK = "ALTER TABLE legalentities_legalentity DROP CONSTRAINT legal_entity_is_linked;"

GUARD = """
CREATE FUNCTION legalentities_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The history is append-only: % of change set % refused.', TG_OP, OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER history_is_append_only BEFORE UPDATE OR DELETE ON legalentities_legalentitychangeset
    FOR EACH ROW EXECUTE FUNCTION legalentities_history_is_append_only();
"""
UNGUARD = """
DROP TRIGGER history_is_append_only ON legalentities_legalentitychangeset;
DROP FUNCTION legalentities_history_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("legalentities", "0001_initial"), ("contactgroups", "0001_initial")]

    operations = [migrations.RunSQL(LINK, UNLINK), migrations.RunSQL(GUARD, UNGUARD)]
